"""Plugins written against older forms of the interface go on working."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Site
from dgljoint.testing import check_encoder, check_interaction, check_loss_weighter, toy_store
from dgljoint_cli.main import run

# As one could be written for 0.1: never brought up to date. It knows nothing of what came later, as
# LossWeighter.after_step, Interaction.diagnostics, inform_rumor and opponents, needs_meta_split,
# ReaderSpec.recognises.
FIRST = """
    import dgljoint
    from pydantic import Field


    class FirstOptions(dgljoint.Options):
        weight: float = Field(0.1, ge=0, description="coefficient of the loss")


    def build_interaction(options, context):
        from dgljoint.nn import Interaction, Representations

        class First(Interaction):
            @property
            def loss_coefficients(self):
                return {"first": options.weight}

            def couple(self, reps, batch):
                mean = (reps.cascade + reps.rumor) / 2
                return Representations(shared=reps.shared, cascade=mean, rumor=mean)

            def losses(self, reps, outputs, batch):
                return {"first": reps.rumor.square().mean()}

        return First()


    def build_encoder(options, context):
        import torch
        from dgljoint.nn import Encoder

        class First(Encoder):
            def __init__(self):
                super().__init__()
                self.map = torch.nn.Linear(context.width, context.width)

            def forward(self, batch, x):
                return self.map(x)

        return First()


    def build_weighter(options, context):
        import torch
        from dgljoint.nn import LossWeighter

        class First(LossWeighter):
            def weigh(self, losses, step):
                return torch.ones(len(losses.names))

        return First()


    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(
            name="first_interaction", summary="", options=FirstOptions, build=build_interaction
        )]


    @dgljoint.hookimpl
    def dgljoint_encoders():
        return [dgljoint.EncoderSpec(name="first_encoder", summary="", build=build_encoder)]


    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [dgljoint.WeighterSpec(name="first_weighter", summary="", build=build_weighter)]


    @dgljoint.hookimpl
    def dgljoint_readers():
        return [dgljoint.ReaderSpec(name="first_reader", summary="", build=lambda options: None)]
"""
NAMES = ("first_interaction", "first_encoder", "first_weighter", "first_reader")


@pytest.fixture
def first(site: Site) -> Site:
    site.install("first", dict.fromkeys(NAMES, "first_form"), first_form=FIRST)
    return site


def test_the_first_form_trains_without_a_word(
    first: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = toy_store(tmp_path / "toy.h5"), str(tmp_path / "run")
    command = ["train", str(store.path), "--encoder", "first_encoder", "--plugin",
               "first_interaction", "--plugin", "first_weighter", "--epochs", "1", "--out", out]
    assert run([*command, "-s", "model.width=8", "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_the_first_form_conforms(first: Site) -> None:
    registry = first.registry()
    for name, check in zip(
        NAMES, (check_interaction, check_encoder, check_loss_weighter), strict=False
    ):
        (spec,) = registry.load(name).specs
        check(spec)
    assert registry.status("first_reader").cause is None
