"""What stops a run: losses and gradients that are not finite, plugins that fail."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DivergedError, PluginError
from dgljoint.training.checkpoint import load_tree
from runs import assert_same_run, metrics, run


def test_divergence_names_the_loss_and_keeps_the_checkpoint(
    store: CascadeStore, tmp_path: Path, site: Site
) -> None:
    site.install(
        "explosive", {"explosive": "explosive"},
        explosive="""
            import dgljoint
            from dgljoint.nn import Interaction

            class Explosive(Interaction):
                calls = 0

                @property
                def loss_coefficients(self):
                    return {"boom": 1.0}

                def losses(self, reps, outputs, batch):
                    self.calls += 1
                    return {"boom": reps.rumor.sum() * (float("nan") if self.calls > 14 else 0)}

            @dgljoint.hookimpl
            def dgljoint_interactions():
                return [dgljoint.InteractionSpec(
                    name="explosive", summary="x", build=lambda options, context: Explosive()
                )]
        """,
    )
    out = tmp_path / "a"
    with pytest.raises(DivergedError, match=r"boom is nan in epoch 2, step \d; cascades .*c\d"):
        run(store, out, plugins=("explosive",))
    assert len(metrics(out)) == 1
    state = load_tree(out / "checkpoints" / "last.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in state["model"].values())


@pytest.mark.parametrize("weighter", ["fixed", "cagrad", "upgrad"])
def test_a_gradient_that_is_not_finite_is_divergence(
    store: CascadeStore, tmp_path: Path, site: Site, weighter: str
) -> None:
    """Whatever a solver would make of it."""
    site.install(
        "steep", {"steep": "steep"},
        steep="""
            import dgljoint
            from dgljoint.nn import Interaction

            class Steep(Interaction):
                loss_coefficients = {"cliff": 1.0}

                def losses(self, reps, outputs, batch):
                    return {"cliff": (reps.rumor.sum() * 0).sqrt()}

            @dgljoint.hookimpl
            def dgljoint_interactions():
                return [dgljoint.InteractionSpec(
                    name="steep", summary="x", build=lambda options, context: Steep()
                )]
        """,
    )
    with pytest.raises(DivergedError, match=r"gradient norm is nan in epoch 1, step 1"):
        run(store, tmp_path / "a", plugins=("steep", weighter))


SICK = """
    import dgljoint
    import torch
    from dgljoint.nn import Interaction, LossWeighter

    class Sick(Interaction):
        '''Well for the steps of the first epoch.'''

        loss_coefficients = {"own": 1.0}
        where = "WHERE"

        def __init__(self):
            super().__init__()
            self.opponent = torch.nn.Linear(1, 1)
            self.register_buffer("steps", torch.zeros(()))

        def opponent_parameters(self):
            return self.opponent.parameters()

        def sick(self, where):
            return where == self.where and self.steps > 9

        def couple(self, reps, batch):
            if self.training:
                self.steps += 1
            if self.sick("raise"):
                raise ValueError("no")
            if self.sick("cascade" if self.training else "scoring"):
                return type(reps)(reps.shared, reps.cascade * float("nan"), reps.rumor)
            return reps

        def losses(self, reps, outputs, batch):
            return {"own": reps.rumor.sum() * 0}

        def opponent_losses(self, reps, outputs, batch):
            loss = self.opponent.weight.sum()
            if self.sick("opponent"):
                loss = loss * float("inf")
            if self.sick("opponent gradient"):
                loss = (loss * 0).abs().sqrt()
            return {"judge": loss}

    class Nan(LossWeighter):
        def __init__(self):
            super().__init__()
            self.register_buffer("steps", torch.zeros(()))

        def backward(self, losses, step):
            losses.values().sum().backward()
            self.steps += 1
            weights = torch.ones(len(losses.names))
            if "WHERE" == "weight" and self.steps > 9:
                weights[1] = float("nan")
            return weights

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="sick", summary="x", build=lambda *_: Sick())]

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [dgljoint.WeighterSpec(name="nan", summary="x", build=lambda *_: Nan())]
"""


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("cascade", r"cascade is nan in epoch 2, step \d; cascades of the batch: .*c\d"),
        ("opponent", r"judge is -?inf in epoch 2, step \d"),
        ("opponent gradient", r"gradient norm of sick's opponent is nan in epoch 2"),
        ("weight", r"weight of rumor is nan in epoch 2"),
        ("scoring", r"link logits are not finite when scored; cascades of the batch: .*c\d"),
    ],
)
def test_whatever_is_not_finite_ends_the_run_in_the_same_way_again(
    store: CascadeStore, tmp_path: Path, site: Site, where: str, message: str
) -> None:
    source = SICK.replace("WHERE", where)
    site.install("sick-dist", {"sick": "sick", "nan": "sick"}, sick=source)
    out = tmp_path / "a"
    settings = ("train.batch=8",) if where != "scoring" else ("train.batch=8", "train.epochs=2")
    with pytest.raises(DivergedError, match=message) as first:
        run(store, out, *settings, plugins=("sick", "nan"))
    assert len(metrics(out)) == 1
    last = out / "checkpoints" / "last.safetensors"
    state = load_tree(last)
    assert state["position"]["epoch"] == 1
    for parameter in (*state["model"].values(), *state["opponents"]["sick"]["state"][0].values()):
        assert torch.isfinite(parameter).all()
    written = last.read_bytes()
    with pytest.raises(DivergedError) as again:
        run(store, out, *settings, plugins=("sick", "nan"), resume=True)
    assert again.value.message == first.value.message
    assert last.read_bytes() == written


def test_a_plugin_that_raises_leaves_a_run_that_goes_on(
    store: CascadeStore, tmp_path: Path, site: Site
) -> None:
    """Also where it raised before anything was saved."""
    well = SICK.replace("WHERE", "nowhere")
    site.install("sick-dist", {"sick": "sick", "nan": "sick"}, sick=well)
    run(store, tmp_path / "a", plugins=("sick",))
    plugin = importlib.import_module("sick").Sick
    for out, steps in ((tmp_path / "b", 9), (tmp_path / "c", 0)):
        plugin.where = "raise"
        plugin.sick = lambda self, where, steps=steps: where == self.where and self.steps > steps
        with pytest.raises(PluginError, match="failed in couple: ValueError: no"):
            run(store, out, plugins=("sick",))
        assert (out / "checkpoints" / "last.safetensors").exists() == (steps > 0)
        plugin.where = "nowhere"
        run(store, out, plugins=("sick",), resume=True)
        assert_same_run(tmp_path / "a", out)


FAULTY = """
    import dgljoint
    import torch
    from dgljoint.nn import Interaction

    class Faulty(Interaction):
        {body}

    def build(options, context):
        {build}
        return Faulty()

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="faulty", summary="x", build=build)]
"""


@pytest.mark.parametrize(
    ("body", "build", "message"),
    [
        ("pass", "raise ValueError('no')", r"failed in build: ValueError: no"),
        ("pass", "return 3", r"built a int"),
        ("def couple(self, reps, batch): 1 / 0", "", r"failed in couple: ZeroDivisionError"),
        ("def couple(self, reps, batch): return None", "", r"expected Representations"),
        ("def losses(self, *a): return {'x': 1}", "", r"returned {'x': a int} from losses"),
        ("loss_coefficients = {'rumor': 1.0}", "", r"'rumor', which is taken"),
        (
            "def couple(self, r, b): return type(r)(r.shared, r.cascade[:1], r.rumor)", "",
            r"returned a tensor \(1, 8\) of torch.float32 from couple, expected a tensor",
        ),
    ],
)
def test_a_faulty_plugin_is_named(
    store: CascadeStore, tmp_path: Path, site: Site, body: str, build: str, message: str
) -> None:
    site.install(
        "faulty-dist", {"faulty": "faulty"}, version="2.1",
        faulty=FAULTY.format(body=body, build=build or "pass"),
    )
    with pytest.raises(PluginError, match=message) as failed:
        run(store, tmp_path / "a", plugins=("faulty",))
    assert "plugin 'faulty' (faulty-dist 2.1)" in str(failed.value)
