"""The checks of a loss weighter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from dgljoint.nn import LossTable, LossWeighter, Step
from dgljoint.plugins.specs import BuildContext, WeighterSpec
from dgljoint.tasks.losses import TASKS
from dgljoint.testing.conformance import Check, expect, verify
from dgljoint.testing.material import (
    LEAVE,
    MAKE,
    WIDTH,
    Subject,
    expect_finite,
    expect_process_unchanged,
    expect_same,
    subject_of,
    under_seed,
)
from dgljoint.testing.modules import expect_registered, through_file
from dgljoint.testing.steps import ToyProblem

WeighterLike = WeighterSpec | Callable[[BuildContext], LossWeighter]

_NAMES = (*TASKS, "auxiliary", "another")
# Both tasks or one, with and without losses of interactions.
_SETS = (TASKS, TASKS[:1], TASKS[1:], (TASKS[1], "auxiliary"), _NAMES)
# One scale a loss that is not 1, by what is odd about it. A batch that asks nothing, or that has
# no label, has a task loss of exactly 0, maybe in the very first step.
_ODD: Mapping[str, Mapping[str, float]] = {
    "the cascade loss is 0": {"cascade": 0.0},
    "the rumor loss is 0": {"rumor": 0.0},
    "an auxiliary loss is 0": {"auxiliary": 0.0},
    "every loss is 0": dict.fromkeys(_NAMES, 0.0),
    "one loss is a million times another": {"cascade": 1e3, "rumor": 1e-3},
    "a loss is negative": {"auxiliary": -1.0},
}


def check_loss_weighter(
    component: WeighterLike, options: Mapping[str, object] | None = None
) -> None:
    """Check everything the engine relies on in a loss weighter.

    Args:
        component: a spec, or a function that builds the weighter from a context.
        options: of the spec; those left out have their defaults.

    Raises:
        ConformanceError: with all that failed.
        UsageError: the options are not the spec's.
    """
    verify(loss_weighter_checks(component, options))


def loss_weighter_checks(
    component: WeighterLike, options: Mapping[str, object] | None = None
) -> Iterator[Check]:
    """Give the checks of :func:`check_loss_weighter` one by one."""
    subject = subject_of(component, options, "loss weighter", LossWeighter)
    # The engine holds cascades out for a weighter that asks for them, and for no other.
    held_out = not isinstance(component, WeighterSpec) or component.needs_meta_split
    problem = partial(ToyProblem, width=WIDTH, held_out=held_out)

    def check(name: str, mend: str, of: Callable[[], object], *, essential: bool = False) -> Check:
        return Check(subject.title, name, mend, of, essential)

    yield check(
        MAKE, "build must return a dgljoint.nn.LossWeighter",
        lambda: _make(subject, TASKS), essential=True,
    )
    yield check(
        "returns a weight for each loss",
        "return a detached (K,) tensor of finite numbers in the order of losses.names, for any "
        "K from 1 on",
        lambda: _weighs(subject, problem), essential=True,
    )
    yield check(
        "fills the gradients",
        "end backward() with a backward pass that adds to the .grad of the model's parameters",
        lambda: _fills(subject, problem),
    )
    yield check(
        "leaves the model's parameters alone",
        "write gradients only: the step is the optimizer's",
        lambda: _leaves_parameters(subject, problem),
    )
    yield check(
        "is finite for odd losses",
        "guard divisions and logarithms: a batch that asks nothing has a loss of exactly 0",
        lambda: _survives(subject, problem),
    )
    yield check(
        "repeats under a seed",
        "draw with torch alone, not from numpy, random, the time or what ran before",
        lambda: _repeats(subject, problem),
    )
    yield check(
        "goes on from its saved state",
        "register what changes as parameter or buffer, or return it from get_extra_state",
        lambda: _keeps_state(subject, problem),
    )
    yield check(
        "leaves the process as it is", LEAVE, lambda: expect_process_unchanged(
            lambda: _take(subject.build(subject.context(_NAMES)).train(), problem(_NAMES))
        ),
    )
    yield check(
        "moves as a whole",
        "register tensors as buffers and make new ones on the device of the losses",
        lambda: expect_registered(_make(subject, _NAMES)),
    )


Problem = Callable[..., ToyProblem]
Values = dict[str, Tensor]


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
        weighter.after_step(
            LossTable(before, losses.coefficients), problem.losses_again(), step
        )


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
