"""What stops a run: losses and gradients that are not finite, plugins that fail."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from conftest import Site
from dgljoint.errors import (
    DivergedError,
    PluginError,
)
from dgljoint.store import CascadeStore
from dgljoint.training.checkpoint import load_tree
from runs import metrics, run


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
        ("def losses(self, *a): return {'x': 1}", "", r"returned the losses \['x'\]"),
        ("loss_coefficients = {'rumor': 1.0}", "", r"'rumor', which is taken"),
        (
            "def couple(self, r, b): return type(r)(r.shared, r.cascade[:1], r.rumor)", "",
            r"returned \(1, 8\) from couple, expected a tensor",
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
