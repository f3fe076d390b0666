"""The checks of an interaction."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch, Interaction, Outputs, Representations
from dgljoint.nn.hosted import auxiliary_losses, couple, diagnostics, inform_rumor
from dgljoint.plugins.specs import BuildContext, InteractionSpec
from dgljoint.tasks.losses import TASKS
from dgljoint.testing.conformance import Check, expect, verify
from dgljoint.testing.material import (
    CLASSES,
    MAKE,
    WIDTH,
    Material,
    Subject,
    expect_same,
    subject_of,
    toy_material,
    under_seed,
)
from dgljoint.testing.models import model_around, model_checks
from dgljoint.testing.modules import Drive, Values, expect_gradients, run, shared_checks

InteractionLike = InteractionSpec | Callable[[BuildContext], Interaction]

_VIEWS = ("the cascade view", "the rumor view")
_SCALE = math.pow(WIDTH, -0.5)
_INPUTS = ("shared", "cascade", "rumor")


def check_interaction(
    component: InteractionLike, options: Mapping[str, object] | None = None, *,
    unreached: Collection[str] = (),
) -> None:
    """Check everything the engine relies on in an interaction.

    Args:
        component: a spec, or a function that builds the interaction from a context.
        options: of the spec; those left out have their defaults.
        unreached: names of trainable parameters that no gradient need reach.

    Raises:
        ConformanceError: with all that failed.
        UsageError: the options are not the spec's.
    """
    verify(interaction_checks(component, options, unreached=unreached))


def interaction_checks(
    component: InteractionLike, options: Mapping[str, object] | None = None, *,
    unreached: Collection[str] = (),
) -> Iterator[Check]:
    """Give the checks of :func:`check_interaction` one by one."""
    subject = subject_of(component, options, "interaction", Interaction)
    drive = Drive(_INPUTS, lambda module, batch, inputs: _answer(subject, module, batch, inputs))

    def check(name: str, mend: str, of: Callable[[], object], *, essential: bool = False) -> Check:
        return Check(subject.title, name, mend, of, essential)

    with toy_material() as material:
        yield check(
            MAKE, "build must return a dgljoint.nn.Interaction",
            subject.make, essential=True,
        )
        yield check(
            "declares its losses",
            "let loss_coefficients name each loss with a finite factor, the same whenever asked",
            lambda: _declares_losses(subject),
        )
        yield from shared_checks(subject, material, drive)
        yield check(
            "has losses that train",
            "return scalars computed from the views; where there is nothing to compute, "
            "a sum times 0 keeps the graph",
            lambda: _losses_train(subject, material, drive),
        )
        yield check(
            "is trained as a whole",
            "use every parameter, set requires_grad=False, or declare it as unreached",
            lambda: _is_trained(subject, drive, material.training(), frozenset(unreached)),
        )
        yield check(
            "keeps its opponent to itself",
            "freeze the opponent in losses() and detach what opponent_losses() reads",
            lambda: _opponent(subject, drive, material.training()),
        )
        yield check(
            "follows the order of the cascades",
            "let a loss be the same whichever cascade of a batch comes first",
            lambda: _order_of_cascades(subject, material, drive),
        )
        model = model_around(material, interactions=[subject.host(subject.make())])
        yield from model_checks(model, material, component=subject.title)


def _answer(
    subject: Subject[Interaction], module: Interaction, batch: CascadeBatch,
    inputs: Mapping[str, Tensor],
) -> Values:
    """Run everything an interaction has, in the order of a training step."""
    hosted = subject.host(module)
    reps = couple(hosted, Representations(**inputs), batch)
    cascade = reps.cascade

    def score_links(pairs: Tensor) -> Tensor:
        return (cascade[pairs[0]] * cascade[pairs[1]]).sum(1) * _SCALE

    reps = inform_rumor(hosted, reps, score_links, batch)
    outputs = Outputs(
        rumor_logits=batch.pool(reps.rumor)[:, :CLASSES], link_logits=score_links(batch.pairs)
    )
    values = dict(zip(_VIEWS, (reps.cascade, reps.rumor), strict=True))
    for name, loss in auxiliary_losses(hosted, reps, outputs, batch).items():
        values[_loss(name)] = loss
    still = Representations(*(view.detach() for view in vars(reps).values()))
    said = Outputs(*(logits.detach() for logits in vars(outputs).values()))
    for name, loss in module.opponent_losses(still, said, batch).items():
        values[_opponent_loss(name)] = loss
    for name, figure in diagnostics(hosted, still, said, batch).items():
        values[f"diagnostic '{name}'"] = torch.tensor(figure, device=batch.device)
    for name, value in values.items():
        if name not in _VIEWS:
            expect(value.ndim == 0, f"{name} has the shape {tuple(value.shape)}, expected ()")
    return values


def _loss(name: str) -> str:
    return f"loss '{name}'"


def _opponent_loss(name: str) -> str:
    return f"opponent loss '{name}'"


def _declares_losses(subject: Subject[Interaction]) -> None:
    module = subject.make()
    declared = dict(module.loss_coefficients)
    for name, factor in declared.items():
        expect(name not in TASKS, f"loss '{name}' has the name of a task")
        good = isinstance(factor, int | float) and math.isfinite(factor) and factor >= 0
        expect(good, f"the factor of loss '{name}' is {factor!r}, expected a number from 0 on")
    again = dict(module.loss_coefficients)
    expect(declared == again, f"loss_coefficients is {declared} first and {again} then")


def _losses_train(subject: Subject[Interaction], material: Material, drive: Drive) -> None:
    names = [_loss(name) for name in subject.make().loss_coefficients]
    for odd, batch in material.odd_batches().items():
        values = run(drive, subject.make().train(), batch)
        for name, value in values.items():
            trains = name in names or name.startswith("opponent")
            expect(
                value.requires_grad or not trains,
                f"{name} is detached from the graph for a batch of this kind: {odd}",
            )


def _opponents(module: Interaction) -> dict[str, Tensor]:
    ids = {id(parameter) for parameter in module.opponent_parameters()}
    return {name: p for name, p in module.named_parameters() if id(p) in ids}


def _is_trained(
    subject: Subject[Interaction], drive: Drive, batch: CascadeBatch, excused: frozenset[str]
) -> None:
    module = subject.make().train()
    inputs = drive.draw(batch)
    values = drive.answer(module, batch, inputs)
    generator = torch.Generator().manual_seed(0)
    for name in _VIEWS:
        weighted = (values[name] * torch.randn(values[name].shape, generator=generator)).sum()
        expect(weighted.requires_grad, f"{name} is detached from the graph")
        found = torch.autograd.grad(
            weighted, list(inputs.values()), retain_graph=True, allow_unused=True
        )
        reached = any(g is not None and bool(g.abs().sum() > 0) for g in found)
        expect(reached, f"no gradient flows back from {name}: what lies before is not trained")
        values[name] = weighted
    torch.stack([v for v in values.values() if v.requires_grad]).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    expect_gradients(module, gradients, excused)


def _opponent(subject: Subject[Interaction], drive: Drive, batch: CascadeBatch) -> None:
    module = subject.make().train()
    own = _opponents(module)
    values = run(drive, module, batch)
    losses = {n: v for n, v in values.items() if n.startswith("opponent")}
    count = sum(1 for _ in module.opponent_parameters())
    expect(count == len(own), "opponent_parameters yields what is no parameter of the module")
    expect(
        bool(own) == bool(losses),
        f"there are {len(own)} opponent_parameters and {len(losses)} opponent_losses: one without "
        "the other trains nothing",
    )
    if not own:
        return
    model_side = [v.sum() for n, v in values.items() if n not in losses and v.requires_grad]
    others = [p for n, p in module.named_parameters() if n not in own and p.requires_grad]
    for what, total, forbidden in (
        ("the model's losses train the opponent", model_side, list(own.values())),
        ("opponent_losses train the model's side", list(losses.values()), others),
    ):
        if total and forbidden:
            found = torch.autograd.grad(
                torch.stack(total).sum(), forbidden, retain_graph=True, allow_unused=True
            )
            reach = max((g.abs().max().item() for g in found if g is not None), default=0.0)
            expect(reach == 0, f"{what}: a gradient of {reach:.3g} reaches it")


def _order_of_cascades(subject: Subject[Interaction], material: Material, drive: Drive) -> None:
    module = subject.make().eval()
    order = np.random.default_rng(0).permutation(len(material.store))
    batch, other = material.evaluation(), material.evaluation(order)
    rows = torch.cat([torch.nonzero(batch.cascade_of == int(place))[:, 0] for place in order])
    inputs = drive.draw(batch)
    moved = {name: value[rows] for name, value in inputs.items()}
    before, again = (_run_with(drive, module, batch, inputs, seed) for seed in (1, 2))
    after = _run_with(drive, module, other, moved, 1)
    compared = [name for name in before if not name.startswith("diagnostic")]
    for name in compared:
        value = before[name]
        # A loss of drawn samples has no value to compare.
        if torch.equal(value, again[name]):
            expected = value[rows] if name in _VIEWS else value
            expect_same({name: expected}, {name: after[name]}, "in another order of the cascades")


def _run_with(
    drive: Drive, module: Interaction, batch: CascadeBatch, inputs: Mapping[str, Tensor], seed: int
) -> Values:
    """Run an interaction on given inputs under a seed."""
    with under_seed(seed):
        return drive.answer(module, batch, {name: value * 1 for name, value in inputs.items()})
