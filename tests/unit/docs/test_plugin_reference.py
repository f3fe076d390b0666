"""The reference for plugin authors: complete, exact, and in the order in which things happen."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import dgljoint
import dgljoint.nn
from conftest import Site
from dgljoint.plugins import hookspecs
from dgljoint.plugins.loading import HOOKS
from dgljoint.testing import toy_store
from toys import toy_trainer

PAGE = (Path(__file__).parents[3] / "docs" / "plugin-reference.md").read_text(encoding="utf-8")
OVERRIDABLE = (
    dgljoint.nn.Encoder, dgljoint.nn.Interaction, dgljoint.nn.LossWeighter, dgljoint.Reader,
)
DESCRIBED = (
    dgljoint.nn.CascadeBatch, dgljoint.nn.Representations, dgljoint.nn.Outputs,
    dgljoint.nn.Step, dgljoint.BuildContext, dgljoint.Cascade, dgljoint.ReadReport,
    dgljoint.EncoderSpec, dgljoint.InteractionSpec, dgljoint.WeighterSpec, dgljoint.ReaderSpec,
)


def under(heading: str) -> str:
    found = re.search(rf"^###+ `{re.escape(heading)}`\n\n(.*?)(?=^#|\Z)", PAGE, re.M | re.S)
    assert found, f"no heading {heading}"
    return found[1]


def code_under(heading: str) -> str:
    found = re.match(r"```text\n(.*?)\n```", under(heading), re.S)
    assert found, heading
    return found[1]


def exact(name: str, function: Any) -> str:
    # Annotations are text, which Python shows in quotes.
    return f"def {name}{inspect.signature(function)}".replace("'", "")


def test_every_hook_has_a_heading_with_its_exact_signature() -> None:
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "dgljoint_spec")}
    assert hooks == set(HOOKS)
    for name in hooks:
        assert code_under(name) == exact(name, getattr(hookspecs, name))


@pytest.mark.parametrize("of", OVERRIDABLE, ids=lambda of: of.__name__)
def test_every_method_that_may_be_written_stands_with_its_exact_signature(of: type) -> None:
    found = {
        name: value for name, value in vars(of).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    assert found
    for name, value in found.items():
        if isinstance(value, property):
            returns = inspect.signature(value.fget).return_annotation
            assert code_under(f"{of.__name__}.{name}") == f"{name}: {returns}"
        else:
            assert code_under(f"{of.__name__}.{name}") == exact(name, value)


def test_every_public_name_a_plugin_may_use_is_there() -> None:
    for name in dgljoint.nn.__all__:
        if name in ("Classify", "PairBias", "ScoreLinks"):  # functions of a kind: words say which
            assert f"`{name}`" in PAGE
        else:
            under(f"dgljoint.nn.{name}")


@pytest.mark.parametrize("of", DESCRIBED, ids=lambda of: of.__name__)
def test_every_field_of_what_a_plugin_meets_is_described(of: type) -> None:
    home = "dgljoint.nn" if hasattr(dgljoint.nn, of.__name__) else "dgljoint"
    text = under(f"{home}.{of.__name__}") + under("Spec") * of.__name__.endswith("Spec")
    for field in fields(of):
        if field.name != "build":  # its type says it all
            assert f"- `{field.name}`: " in text, field.name
        assert f"    {field.name}: " in text


RECORDING = """
    import torch
    import dgljoint
    from dgljoint.nn import Encoder, Interaction, LossWeighter

    CALLS = []

    class RecordingEncoder(Encoder):
        def forward(self, batch, x):
            CALLS.append("Encoder.forward")
            return x

    class RecordingInteraction(Interaction):
        def __init__(self):
            super().__init__()
            self.opponent = torch.nn.Parameter(torch.ones(()))

        @property
        def loss_coefficients(self):
            return {"recorded": 1.0}

        def couple(self, reps, batch):
            CALLS.append("Interaction.couple")
            return reps

        def inform_cascade(self, reps, classify, batch):
            CALLS.append("Interaction.inform_cascade")
            return reps.cascade

        def inform_rumor(self, reps, score_links, batch):
            CALLS.append("Interaction.inform_rumor")
            return reps.rumor

        def losses(self, reps, outputs, batch):
            CALLS.append("Interaction.losses")
            return {"recorded": reps.rumor.square().mean()}

        def diagnostics(self, reps, outputs, batch):
            CALLS.append("Interaction.diagnostics")
            return {}

        def opponent_parameters(self):
            yield self.opponent

        def opponent_losses(self, reps, outputs, batch):
            CALLS.append("Interaction.opponent_losses")
            return {"opponent": self.opponent.square()}

    class RecordingWeighter(LossWeighter):
        def weigh(self, losses, step):
            return torch.ones(len(losses.names))

        def backward(self, losses, step):
            CALLS.append("LossWeighter.backward")
            return super().backward(losses, step)

        def after_step(self, before, after, step):
            CALLS.append("LossWeighter.after_step")

    @dgljoint.hookimpl
    def dgljoint_encoders():
        return [dgljoint.EncoderSpec(
            name="recorded_encoder", summary="", build=lambda *given: RecordingEncoder()
        )]

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(
            name="recorded", summary="", build=lambda *given: RecordingInteraction()
        )]

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [dgljoint.WeighterSpec(
            name="recorded_weighter", summary="", build=lambda *given: RecordingWeighter()
        )]
"""


def test_a_step_goes_the_way_the_page_says(site: Site, tmp_path: Path) -> None:
    names = ("recorded", "recorded_encoder", "recorded_weighter")
    site.install("recorders", dict.fromkeys(names, "recorders"), recorders=RECORDING)
    trainer = toy_trainer(
        toy_store(tmp_path / "toy.h5"), encoder="recorded_encoder",
        plugins=("recorded", "recorded_weighter"),
    )
    trainer.train_epoch(lambda: True)
    from recorders import CALLS

    table = PAGE.split("## The life of a step")[1].split("\n\n*Precision")[0]
    said = [
        name if "." in name else f"Interaction.{name}"
        for line in table.splitlines() if line.startswith("| ")
        for name in re.findall(
            r"`((?:\w+\.)?(?:forward|couple|inform_cascade|inform_rumor|losses|diagnostics"
            r"|backward|after_step|opponent_losses))`", line,
        )
    ]
    assert said == CALLS
