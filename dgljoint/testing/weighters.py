"""A small model with as many losses as one likes, and the checks of what weighs them."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeLosses, LossTable, LossWeighter, Step
from dgljoint.plugins.specs import BuildContext, WeighterSpec
from dgljoint.tasks.heads import RUMOR, TASKS
from dgljoint.testing.findings import Checks, expect, verifying
from dgljoint.testing.material import WIDTH, Subject, Values, expect_finite, expect_same, under_seed
from dgljoint.testing.modules import expect_registered, through_file

WeighterLike = WeighterSpec | Callable[[BuildContext], LossWeighter]

_NAMES = (*TASKS, "auxiliary", "another")
# Both tasks or one, with and without losses of interactions.
_SETS = (TASKS, TASKS[:1], TASKS[1:], (TASKS[1], "auxiliary"), _NAMES)
# Scales that are not 1, by what is odd about them. A batch without targets or without labels has a
# task loss of exactly 0, maybe in the very first step.
_ODD: Mapping[str, Mapping[str, float]] = {
    "the cascade loss is 0": {"cascade": 0.0},
    "the rumor loss is 0": {"rumor": 0.0},
    "an auxiliary loss is 0": {"auxiliary": 0.0},
    "every loss is 0": dict.fromkeys(_NAMES, 0.0),
    "one loss is a million times another": {"cascade": 1e3, "rumor": 1e-3},
    "a loss is negative": {"auxiliary": -1.0},
}
_ROWS = 6
_AUXILIARY = 0.5


class ToyProblem:
    """Losses that share one map and have a head each, in the order of ``names``.

    Loss ``k`` is the mean square of ``tanh(X W) h_k`` minus a hidden target of its own, times its
    scale; ``X`` is drawn anew for every step.

    >>> problem = ToyProblem(("cascade", "rumor"))
    >>> losses, step = problem.step()
    >>> weights = weighter.backward(losses, step)
    >>> problem.descend()
    >>> weighter.after_step(losses, problem.losses_again(), step)

    Args:
        names: of the losses, the tasks first.
        seed: of everything drawn.
        width: D of the shared representation.
        scales: factor of each loss, by name; 1 for those left out.
        held_out: whether the steps have a probe.
    """

    def __init__(
        self, names: Sequence[str] = TASKS, *, seed: int = 0, width: int = 8,
        scales: Mapping[str, float] | None = None, held_out: bool = True,
    ) -> None:
        self.names = tuple(names)
        self.width = width
        self.scales = dict(scales or {})
        self.held_out = held_out
        self.number = 0
        self._seed = seed
        self._coefficients = {name: _AUXILIARY for name in names if name not in TASKS}
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator) * math.pow(width, -0.5)

        self._targets = {name: drawn(width) for name in self.names}
        self.parameters = {
            "shared": nn.Parameter(drawn(width, width)),
            **{f"head.{name}": nn.Parameter(drawn(width)) for name in self.names},
        }

    def step(
        self, *, learning_rate: float = 0.05, total: int = 100, steps_per_epoch: int = 5
    ) -> tuple[LossTable, Step]:
        """Return the losses of the next step and what a weighter may know of it."""
        number = self.number
        self.number += 1
        shared, by_row = self._compute(2 * number, self.parameters, self.names)
        raw = _means(by_row)
        step = Step(
            number=number, total=total, epoch=number // steps_per_epoch,
            learning_rate=learning_rate, parameters=self.parameters,
            step_size=lambda name: learning_rate, shared=shared,
            pooled=shared.detach().mean(0).expand(2, -1),
            probe=partial(self._probe, 2 * number + 1) if self.held_out else None,
            # Two cascades per event.
            cascades=CascadeLosses(by_row[RUMOR], torch.arange(_ROWS) // 2)
            if RUMOR in self.names else None,
        )
        return LossTable(raw, self._coefficients), step

    @torch.no_grad()
    def losses_again(self) -> LossTable:
        """Return the losses of the last step under the parameters as they are now, detached."""
        _, by_row = self._compute(2 * (self.number - 1), self.parameters, self.names)
        return LossTable(_means(by_row), self._coefficients)

    @torch.no_grad()
    def descend(self, rate: float = 0.05) -> None:
        """Move every parameter against its gradient, and forget the gradient."""
        for parameter in self.parameters.values():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=rate)
            parameter.grad = None

    def _probe(self, number: int, changed: Mapping[str, Tensor]) -> Values:
        tasks = [name for name in self.names if name in TASKS]
        return _means(self._compute(number, {**self.parameters, **changed}, tasks)[1])

    def _compute(
        self, number: int, parameters: Mapping[str, Tensor], names: Sequence[str]
    ) -> tuple[Tensor, Values]:
        """Return the shared representation and the losses (6,) on the rows of a number's inputs."""
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        inputs = torch.randn(_ROWS, self.width, generator=generator)
        shared = (inputs @ parameters["shared"]).tanh()
        wrong = {
            name: shared @ parameters[f"head.{name}"] - inputs @ self._targets[name]
            for name in names
        }
        losses = {n: x.square() * self.scales.get(n, 1.0) for n, x in wrong.items()}
        return shared, losses


def _means(by_row: Mapping[str, Tensor]) -> Values:
    return {name: losses.mean() for name, losses in by_row.items()}


def loss_weighter_checks(
    component: WeighterLike, options: Mapping[str, object] | None = None
) -> Checks:
    """Check everything the engine relies on in a loss weighter, as :func:`encoder_checks`."""
    subject = Subject.of(component, options, "loss weighter", LossWeighter)
    # The engine holds cascades out for a weighter that asks for them, and for no other.
    held_out = not isinstance(component, WeighterSpec) or component.needs_meta_split
    problem = partial(ToyProblem, width=WIDTH, held_out=held_out)
    check = subject.check
    yield subject.makes(TASKS)
    yield check(
        "returns a weight for each loss",
        "return a detached (K,) tensor of finite numbers in the order of losses.names, for any "
        "K from 1 on", lambda: _weighs(subject, problem), essential=True,
    )
    for name, mend, of in (
        ("fills the gradients", "end backward() with a backward pass that adds to the .grad of the "
         "model's parameters", _fills),
        ("leaves the model's parameters alone", "write gradients only: the step is the "
         "optimizer's", _leaves_parameters),
        ("is finite for odd losses", "guard divisions and logarithms: a batch without targets has "
         "a loss of exactly 0", _survives),
        ("repeats under a seed", "draw with torch alone, not from numpy, random, the time or what "
         "ran before", _repeats),
        ("continues from its saved state", "register what changes as parameter or buffer, or "
         "return it from get_extra_state", _keeps_state),
    ):
        yield check(name, mend, partial(of, subject, problem))
    yield check(
        "moves as a whole",
        "register tensors as buffers and make new ones on the device of the losses",
        lambda: expect_registered(_make(subject, _NAMES)),
    )
    yield subject.leaves_process(lambda weighter: _take(weighter, problem(_NAMES)), _NAMES)


Problem = Callable[..., ToyProblem]


def _make(subject: Subject[LossWeighter], names: tuple[str, ...], seed: int = 0) -> LossWeighter:
    # Not moved: a weighter may keep what is no free number among its parameters.
    return subject.make(seed, loss_names=names, moved=False).train()


def _take(weighter: LossWeighter, problem: ToyProblem, *, seed: int = 0) -> Values:
    """Weigh one step, take it and show what it did; return the weights and the gradients."""
    losses, step = problem.step()
    with under_seed(seed):
        weights = weighter.backward(losses, step)
    expect(isinstance(weights, Tensor), f"backward returned a {type(weights).__name__}")
    found = {
        f"the gradient of {name}": parameter.grad.clone()
        for name, parameter in problem.parameters.items()
        if parameter.grad is not None
    }
    problem.descend()
    _show(weighter, problem, losses, step, seed)
    return {"the weights": weights, **found}


def _show(
    weighter: LossWeighter, problem: ToyProblem, losses: LossTable, step: Step, seed: int = 0
) -> None:
    """Let the weighter learn from the losses after the step, as the engine does."""
    before = {name: loss.detach() for name, loss in losses.raw.items()}
    with under_seed(seed):
        weighter.after_step(LossTable(before, losses.coefficients), problem.losses_again(), step)


def _weighs(subject: Subject[LossWeighter], problem: Problem) -> None:
    for names in _SETS:
        weighter, of = _make(subject, names), problem(names)
        for _ in range(3):
            weights = _take(weighter, of)["the weights"]
            count = len(names)
            expect(
                weights.shape == (count,),
                f"weights of shape {tuple(weights.shape)} for {count} losses, expected ({count},)",
            )
            expect(not weights.requires_grad, "the weights returned carry a gradient")
            expect_finite({"a weight": weights}, f"for the losses {', '.join(names)}")


def _fills(subject: Subject[LossWeighter], problem: Problem) -> None:
    from_nothing = _take(_make(subject, _NAMES), problem(_NAMES))
    missing = [f"head.{name}" for name in _NAMES if f"the gradient of head.{name}" not in
               from_nothing]
    expect("the gradient of shared" in from_nothing, "the shared parameters have no gradient")
    expect(not missing, f"no gradient reaches {', '.join(missing)}")
    reached = from_nothing["the gradient of shared"].abs().sum() > 0
    expect(bool(reached), "the gradient of the shared parameters is 0")
    of = problem(_NAMES)
    for parameter in of.parameters.values():
        parameter.grad = torch.ones_like(parameter)
    added = _take(_make(subject, _NAMES), of)
    for name, value in from_nothing.items():
        if name != "the weights":
            when = "where there was a gradient before, which is added to"
            expect_same({name: value + 1}, {name: added[name]}, when)


def _leaves_parameters(subject: Subject[LossWeighter], problem: Problem) -> None:
    weighter, of = _make(subject, _NAMES), problem(_NAMES)
    before = {name: parameter.detach().clone() for name, parameter in of.parameters.items()}
    losses, step = of.step()
    weighter.backward(losses, step)
    expect_same(before, dict(of.parameters), "after backward", tolerance=0)
    _show(weighter, of, losses, step)
    expect_same(before, dict(of.parameters), "after after_step", tolerance=0)


def _survives(subject: Subject[LossWeighter], problem: Problem) -> None:
    for odd, scales in _ODD.items():
        weighter, of = _make(subject, _NAMES), problem(_NAMES, scales=scales)
        for step in range(3):
            expect_finite(_take(weighter, of), f"in step {step + 1} where {odd}")
        of.scales = {}
        expect_finite(_take(weighter, of), f"in the first usual step after some where {odd}")


def _repeats(subject: Subject[LossWeighter], problem: Problem) -> None:
    one, other = _make(subject, _NAMES), _make(subject, _NAMES)
    first, second = problem(_NAMES), problem(_NAMES)
    for seed in range(3):
        expect_same(
            _take(one, first, seed=seed), _take(other, second, seed=seed),
            "when run again under the same seed",
        )


def _keeps_state(subject: Subject[LossWeighter], problem: Problem) -> None:
    used, fresh = _make(subject, _NAMES), _make(subject, _NAMES, seed=1)
    first, second = problem(_NAMES), problem(_NAMES)
    for seed in range(7):  # into the second epoch
        _take(used, first, seed=seed)
        second.step()
    with torch.no_grad():
        for name, parameter in second.parameters.items():
            parameter.copy_(first.parameters[name])
    fresh.load_state_dict(through_file(used.state_dict()))
    for seed in range(7, 10):
        expect_same(
            _take(used, first, seed=seed), _take(fresh, second, seed=seed),
            "of a fresh component that was given the state",
        )


check_loss_weighter = verifying(loss_weighter_checks)
