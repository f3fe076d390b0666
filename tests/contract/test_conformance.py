"""Everything that ships passes the kit that anybody's components pass, alone and together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
import torch
from torch import Tensor

from dgljoint.config.sources import resolve_config
from dgljoint.nn.model import JointModel
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, Spec, WeighterSpec
from dgljoint.tasks.heads import task_losses
from dgljoint.testing import (
    Material,
    check_encoder,
    check_interaction,
    check_loss_weighter,
    check_model,
    check_reader,
    interaction_checks,
    toy_material,
)
from dgljoint.testing.components import HARMLESS
from dgljoint.testing.material import move, under_seed
from dgljoint.training.setup import build_model
from small_releases import RELEASES
from toys import shipped

ENCODERS, INTERACTIONS = shipped(EncoderSpec), shipped(InteractionSpec)
PAIRS = [(encoder, each) for encoder in ENCODERS for each in [(), *((i,) for i in INTERACTIONS)]]
# Each encoder and each interaction, and all interactions at once: looked at harder.
COVER = [
    *(
        (ENCODERS[n % len(ENCODERS)], (INTERACTIONS[n % len(INTERACTIONS)],))
        for n in range(max(len(ENCODERS), len(INTERACTIONS)))
    ),
    (ENCODERS[0], tuple(INTERACTIONS)),
]
# Losses that read the views as constants: they train their own interaction's parameters.
TRAINS_ITSELF_ALONE = {"alignment"}


def settings_of(kind: type[Spec]) -> list[tuple[str, dict[str, object]]]:
    """Name each component with its defaults, and with every switch and choice set otherwise."""
    found: list[tuple[str, dict[str, object]]] = []
    for name in shipped(kind):
        found.append((name, {}))
        for option, field in installed_registry().find(kind, name).options.model_fields.items():
            choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
            others = (True, False) if field.annotation is bool else choices
            found += [(name, {option: other}) for other in others if other != field.default]
    return found


def model_of(
    material: Material, encoder: str, interactions: tuple[str, ...], *, moved: bool = True
) -> JointModel:
    config = resolve_config(
        command_line={"encoder": encoder, "plugins": interactions},
        assignments=("model.width=8",),
    )
    selection = select(installed_registry(), config)
    classes = len(material.store.label_names)
    model = build_model(config, selection, material.features, classes)
    if moved:
        with under_seed(0):
            move(model)  # what starts at zero hides what it multiplies
    return model


def test_there_is_something_to_test() -> None:
    assert len(PAIRS) >= 4
    assert {encoder for encoder, _ in COVER} == set(ENCODERS)
    assert {name for _, named in COVER for name in named} == set(INTERACTIONS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), settings_of(EncoderSpec))
def test_an_encoder_conforms(name: str, options: dict[str, object]) -> None:
    check_encoder(installed_registry().find(EncoderSpec, name), options)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), settings_of(InteractionSpec))
def test_an_interaction_conforms(name: str, options: dict[str, object]) -> None:
    check_interaction(installed_registry().find(InteractionSpec, name), options)


@pytest.mark.parametrize("interactions", [*((name,) for name in INTERACTIONS), INTERACTIONS])
def test_training_starts_as_without_interactions(interactions: Sequence[str]) -> None:
    with toy_material() as material:
        coupled = model_of(material, "bigcn", tuple(interactions), moved=False).eval()
        plain = model_of(material, "bigcn", (), moved=False).eval()
        plain.load_state_dict(coupled.state_dict(), strict=False)
        for batch in (material.training(), material.evaluation()):
            for one, other in zip(coupled(batch), plain(batch), strict=True):
                for name, value in vars(other).items():
                    assert torch.equal(vars(one)[name], value), name


@pytest.mark.parametrize("name", INTERACTIONS)
def test_the_kit_finds_an_interaction_harmless(name: str) -> None:
    checks = interaction_checks(installed_registry().find(InteractionSpec, name))
    (check,) = (check for check in checks if check.name == HARMLESS)
    assert check.finding().outcome == "ok"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), settings_of(WeighterSpec))
def test_a_loss_weighter_conforms(name: str, options: dict[str, object]) -> None:
    check_loss_weighter(installed_registry().find(WeighterSpec, name), options)


@pytest.mark.parametrize("name", RELEASES)
def test_a_reader_conforms(name: str, tmp_path: Path) -> None:
    source, options = RELEASES[name][0].write(tmp_path / "raw")
    check_reader(installed_registry().find(ReaderSpec, name), source, options)


def test_the_generator_conforms() -> None:
    spec = installed_registry().find(ReaderSpec, "synthetic")
    check_reader(spec, None, {"cascades": 20, "events": 10})


@pytest.mark.parametrize(("encoder", "interactions"), PAIRS)
def test_nothing_leaks_in_any_pair(encoder: str, interactions: tuple[str, ...]) -> None:
    check_model(lambda material: model_of(material, encoder, interactions))


@pytest.mark.parametrize(("encoder", "interactions"), COVER)
def test_nothing_leaks_whatever_is_asked(encoder: str, interactions: tuple[str, ...]) -> None:
    check_model(lambda material: model_of(material, encoder, interactions), seeds=range(1, 4))


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "interactions"), PAIRS)
def test_losses_reach_the_shared_parameters_through_the_shared_rows_alone(
    encoder: str, interactions: tuple[str, ...]
) -> None:
    """Weighters that balance gradients at these rows, and pass back once, rest on it."""
    with toy_material() as material:
        model = model_of(material, encoder, interactions).train()
        batch = material.training()
        reps, out = model(batch)
        raw = task_losses(out, batch, "listwise") | model.auxiliary_losses(reps, out, batch)
        parameters = model.shared_parameters()

        def gradients(of: Tensor, by: Tensor | None = None) -> tuple[Tensor, ...]:
            return torch.autograd.grad(
                of, parameters, by, retain_graph=True, allow_unused=True, materialize_grads=True
            )

        for name, loss in raw.items():
            (row,) = torch.autograd.grad(loss, [reps.shared], retain_graph=True, allow_unused=True)
            assert (row is None) == (name in TRAINS_ITSELF_ALONE), name
            if row is None:
                assert not any(gradient.any() for gradient in gradients(loss)), name
                continue
            whole, through = gradients(loss), gradients(reps.shared, row)
            for left, right in zip(whole, through, strict=True):
                torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6, msg=name)
