"""The checks of an encoder and of an interaction."""

import math
from collections.abc import Callable, Collection, Mapping

import numpy as np
import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch, Encoder, Interaction, Outputs, Representations, ScoreLinks
from dgljoint.nn.hosted import (
    Hosted,
    auxiliary_losses,
    couple,
    diagnostics,
    encode,
    inform_cascade,
    inform_rumor,
)
from dgljoint.plugins.specs import BuildContext, EncoderSpec, InteractionSpec
from dgljoint.tasks.heads import TASKS
from dgljoint.testing import material as kit
from dgljoint.testing.findings import Checks, expect, verifying
from dgljoint.testing.models import model_around, model_checks
from dgljoint.testing.modules import ModuleChecks, expect_gradients

EncoderLike = EncoderSpec | Callable[[BuildContext], Encoder]
InteractionLike = InteractionSpec | Callable[[BuildContext], Interaction]

_VIEWS = ("the cascade view", "the rumor view")
HARMLESS = "leaves the views alone at the start"
_SCALE = math.pow(kit.WIDTH, -0.5)
_TRAIN = "use every parameter, set requires_grad=False, or declare it as unreached"


def encoder_checks(
    component: EncoderLike, options: Mapping[str, object] | None = None, *,
    unreached: Collection[str] = (),
) -> Checks:
    """Check everything the engine relies on in an encoder, one property after another.

    Args:
        component: a spec, or a function that builds the encoder from a context.
        options: of the spec; those left out have their defaults.
        unreached: names of trainable parameters that no gradient need reach.

    Raises:
        UsageError: the options are not the spec's.
    """
    subject = kit.Subject.of(component, options, "encoder", Encoder)

    def answer(module: Encoder, batch: CascadeBatch, inputs: Mapping[str, Tensor]) -> kit.Values:
        return {"the output": encode(subject.host(module), batch, inputs["x"])}

    checks = ModuleChecks(subject, ("x",), answer)
    with kit.toy_material() as material:
        yield subject.makes()
        yield from checks.all(material)
        yield subject.check(
            "is trained as a whole", _TRAIN,
            lambda: _encoder_is_trained(checks, material.training(), frozenset(unreached)),
        )
        yield from model_checks(
            lambda: model_around(material, encoder=subject.host(subject.make())), material,
            component=subject.title,
        )


def _encoder_is_trained(checks: ModuleChecks, batch: CascadeBatch, excused: frozenset[str]) -> None:
    module = checks.subject.make().train()
    inputs = checks.draw(batch)
    inputs["x"].retain_grad()
    output = checks.answer(module, batch, inputs)["the output"]
    expect(output.requires_grad, "the output is detached from the graph")
    weight = torch.randn(output.shape, generator=torch.Generator().manual_seed(0))
    (output * weight).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    reached = inputs["x"].grad is not None and bool(inputs["x"].grad.any())
    expect(reached, "no gradient reaches the features: what is before it is not trained")
    expect_gradients(module, excused)


def interaction_checks(
    component: InteractionLike, options: Mapping[str, object] | None = None, *,
    unreached: Collection[str] = (),
) -> Checks:
    """Check everything the engine relies on in an interaction; see :func:`encoder_checks`."""
    subject = kit.Subject.of(component, options, "interaction", Interaction)
    check = subject.check
    checks = ModuleChecks(
        subject, ("shared", "cascade", "rumor"),
        lambda module, batch, inputs: _answer(subject, module, batch, inputs),
    )
    with kit.toy_material() as material:
        yield subject.makes()
        yield check(
            "declares its losses",
            "let loss_coefficients name each loss with a finite factor, the same whenever asked",
            lambda: _declares_losses(subject),
        )
        yield from checks.all(material)
        yield check(
            HARMLESS, "set the last map of what is added to a view to zero, and add it outside of "
            "any normalisation: training then starts as without it",
            lambda: _starts_harmless(subject, material),
        )
        for name, mend, run in (
            ("has losses that train", "return scalars computed from the views; where there is "
             "nothing to compute, a sum times 0 keeps the graph",
             lambda: _losses_train(checks, material)),
            ("is trained as a whole", _TRAIN,
             lambda: _interaction_is_trained(checks, material.training(), frozenset(unreached))),
            ("keeps its opponent to itself", "freeze the opponent in losses() and detach what "
             "opponent_losses() reads", lambda: _opponent(checks, material.training())),
            ("follows the order of the cascades", "let a loss be the same whichever cascade of a "
             "batch is first", lambda: _order_of_cascades(checks, material)),
        ):
            yield check(name, mend, run)
        yield from model_checks(
            lambda: model_around(material, interactions=[subject.host(subject.make())]), material,
            component=subject.title,
        )


def _answer(
    subject: kit.Subject[Interaction], module: Interaction, batch: CascadeBatch,
    inputs: Mapping[str, Tensor],
) -> kit.Values:
    """Run everything an interaction has, in the order of a training step."""
    hosted = subject.host(module)
    reps, score_links = _coupled(hosted, Representations(**inputs), batch)
    outputs = Outputs(
        rumor_logits=batch.pool(reps.rumor)[:, :kit.CLASSES], link_logits=score_links(batch.pairs)
    )
    values = dict(zip(_VIEWS, (reps.cascade, reps.rumor), strict=True))
    for name, loss in auxiliary_losses(hosted, reps, outputs, batch).items():
        values[f"loss '{name}'"] = loss
    still = Representations(*(view.detach() for view in vars(reps).values()))
    decided = Outputs(*(logits.detach() for logits in vars(outputs).values()))
    for name, loss in module.opponent_losses(still, decided, batch).items():
        values[f"opponent loss '{name}'"] = loss
    for name, value in diagnostics(hosted, still, decided, batch).items():
        values[f"diagnostic '{name}'"] = torch.tensor(value, device=batch.device)
    for name, found in values.items():
        shape = tuple(found.shape)
        expect(name in _VIEWS or not shape, f"{name} has the shape {shape}, expected ()")
    return values


def _coupled(
    hosted: Hosted[Interaction], reps: Representations, batch: CascadeBatch
) -> tuple[Representations, ScoreLinks]:
    """Couple the views, by heads without parameters."""
    reps = couple(hosted, reps, batch)
    rumor = reps.rumor
    reps = inform_cascade(hosted, reps, lambda: batch.pool(rumor)[:, :kit.CLASSES], batch)
    cascade = reps.cascade

    def score_links(pairs: Tensor) -> Tensor:
        return (cascade[pairs[0]] * cascade[pairs[1]]).sum(1) * _SCALE

    return inform_rumor(hosted, reps, score_links, batch), score_links


def _starts_harmless(subject: kit.Subject[Interaction], material: kit.Material) -> None:
    """Couple with a new module: both views come back as they were."""
    module = subject.make(moved=False).eval()
    for batch in (material.training(), material.evaluation()):
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(3, len(batch.kind), kit.WIDTH, generator=generator)
        reps = Representations(*rows.unbind())
        with torch.no_grad():
            coupled, _ = _coupled(subject.host(module), reps, batch)
        for name, before, after in (
            (_VIEWS[0], reps.cascade, coupled.cascade), (_VIEWS[1], reps.rumor, coupled.rumor)
        ):
            wrong = kit.difference(before, after)
            expect(not wrong, f"{name} is another one from the first step on: {wrong}",
                   outcome="note")


def _declares_losses(subject: kit.Subject[Interaction]) -> None:
    module = subject.make()
    declared = dict(module.loss_coefficients)
    for name, factor in declared.items():
        expect(name not in TASKS, f"loss '{name}' has the name of a task")
        good = isinstance(factor, int | float) and math.isfinite(factor) and factor >= 0
        expect(good, f"the factor of loss '{name}' is {factor!r}, expected a number from 0 on")
    again = dict(module.loss_coefficients)
    expect(declared == again, f"loss_coefficients is {declared} first and {again} then")


def _losses_train(checks: ModuleChecks, material: kit.Material) -> None:
    for odd, batch in material.odd_batches().items():
        for name, value in checks.run(checks.subject.make().train(), batch).items():
            trains = name.startswith(("loss", "opponent"))
            expect(
                value.requires_grad or not trains,
                f"{name} is detached from the graph for a batch of this kind: {odd}",
            )


def _interaction_is_trained(
    checks: ModuleChecks, batch: CascadeBatch, excused: frozenset[str]
) -> None:
    module = checks.subject.make().train()
    inputs = checks.draw(batch)
    values = checks.answer(module, batch, inputs)
    generator = torch.Generator().manual_seed(0)
    for name in _VIEWS:
        weighted = (values[name] * torch.randn(values[name].shape, generator=generator)).sum()
        expect(weighted.requires_grad, f"{name} is detached from the graph")
        found = torch.autograd.grad(
            weighted, list(inputs.values()), retain_graph=True, allow_unused=True
        )
        reached = any(g is not None and bool(g.any()) for g in found)
        expect(reached, f"no gradient flows back from {name}: what is before it is not trained")
        values[name] = weighted
    torch.stack([v for v in values.values() if v.requires_grad]).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    expect_gradients(module, excused)


def _opponent(checks: ModuleChecks, batch: CascadeBatch) -> None:
    module = checks.subject.make().train()
    opponents = list(module.opponent_parameters())
    ids = {id(parameter) for parameter in opponents}
    own = {name: p for name, p in module.named_parameters() if id(p) in ids}
    values = checks.run(module, batch)
    losses = {n: v for n, v in values.items() if n.startswith("opponent")}
    expect(
        len(opponents) == len(own),
        "opponent_parameters yields what is no parameter of the module",
    )
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


def _order_of_cascades(checks: ModuleChecks, material: kit.Material) -> None:
    module = checks.subject.make().eval()
    order = np.random.default_rng(0).permutation(len(material.store))
    batch, other = material.evaluation(), material.evaluation(order)
    rows = torch.cat([torch.nonzero(batch.cascade_of == int(place))[:, 0] for place in order])
    inputs = checks.draw(batch)
    moved = {name: value[rows] for name, value in inputs.items()}
    before, again = (checks.run(module, batch, seed=seed, inputs=inputs) for seed in (1, 2))
    after = checks.run(module, other, inputs=moved)
    for name, value in before.items():
        # A loss of drawn samples has no value to compare.
        if not name.startswith("diagnostic") and torch.equal(value, again[name]):
            expected = value[rows] if name in _VIEWS else value
            when = "in another order of the cascades"
            kit.expect_same({name: expected}, {name: after[name]}, when)


check_encoder = verifying(encoder_checks)
check_interaction = verifying(interaction_checks)
