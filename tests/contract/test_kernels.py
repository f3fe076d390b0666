"""What must hold of every encoder and of a whole model, whatever passes the messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch, using_kernels
from dgljoint.nn.model import JointModel
from dgljoint.ops import dgl_compat
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.tasks.heads import task_losses
from toys import shipped, toy_batch, toy_model, toy_store

ENCODERS = shipped(EncoderSpec)
# How many rounds they take depends on what stands in the batch, and there is nothing to look at.
ASK_FOR_VALUES = ["transformer"]
# It is DGL's own layers, whatever passes the messages of others.
DGL_ALONE = ["dgl"]
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return toy_store(tmp_path_factory.mktemp("kernels") / "a.h5")


def everything(model: JointModel, batch: CascadeBatch) -> dict[str, Tensor]:
    """Return the outputs of a training step without dropout, and every gradient."""
    model.zero_grad()
    reps, outputs = model(batch)
    reps.shared.retain_grad()
    losses = task_losses(outputs, batch, "listwise")
    torch.stack(list(losses.values())).sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {
        **gradients, "shared": reps.shared, "of shared": reps.shared.grad,
        "rumor": outputs.rumor_logits, "link": outputs.link_logits,
    }


@every_encoder
@pytest.mark.parametrize("cascades", ["many", "one", "one post"])
def test_a_model_is_the_same_by_dgl_and_by_torch(
    store: CascadeStore, encoder: str, cascades: str
) -> None:
    alone = int(np.diff(store.post_ptr).argmin())
    chosen = {"many": range(20), "one": [0], "one post": [alone]}[cascades]
    model, batch = toy_model(store, encoder=encoder), toy_batch(store, chosen)
    assert (len(batch.kind) == 1) == (cascades == "one post")
    with using_kernels("dgl"):
        expected = everything(model, batch)
    with using_kernels("torch"):
        found = everything(model, batch)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(
            value, expected[name], rtol=1e-4, atol=1e-5, msg=lambda text, n=name: f"{n}: {text}"
        )


@every_encoder
@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16, torch.float16])
def test_an_encoder_keeps_the_precision_it_is_moved_to(
    store: CascadeStore, encoder: str, precision: torch.dtype
) -> None:
    model, batch = toy_model(store, encoder=encoder).encoder, toy_batch(store, range(6))
    x = torch.randn(len(batch.kind), 8, generator=torch.manual_seed(0))
    expected = model(batch, x)
    found = model.to(precision)(batch, x.to(precision))
    assert found.dtype == precision
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.1)


@every_encoder
def test_an_encoder_runs_under_autocast(store: CascadeStore, encoder: str) -> None:
    model, batch = toy_model(store, encoder=encoder).encoder, toy_batch(store, range(6))
    x = torch.randn(len(batch.kind), 8, generator=torch.manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        found = model(batch, x)
    torch.testing.assert_close(found.float(), model(batch, x), rtol=0.1, atol=0.1)


class OneDevice(TorchDispatchMode):
    """Refuses an operation on tensors of two devices, as CUDA would."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = tree_leaves((args, kwargs))
        devices = {x.device for x in given if isinstance(x, Tensor) and x.dim()}
        assert len(devices) <= 1, f"{func} on {devices}"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("encoder", "interactions"),
    [
        *((encoder, ()) for encoder in ENCODERS if encoder not in DGL_ALONE),
        *(("gcn", (name,)) for name in shipped(InteractionSpec)),
    ],
)
def test_where_torch_passes_the_messages_nobody_asks_the_graph(
    store: CascadeStore, encoder: str, interactions: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without DGL there is none."""
    model = toy_model(store, encoder=encoder, plugins=interactions).train()
    batch = toy_batch(store, range(6))
    monkeypatch.setattr(dgl_compat, "installed", lambda: False)
    with using_kernels("torch"):
        reps, outputs = model(batch)
        losses = task_losses(outputs, batch, "listwise")
        losses |= model.auxiliary_losses(reps, outputs, batch)
        torch.stack(list(losses.values())).sum().backward()
        for hosted in model.hosted_interactions:
            hosted.module.opponent_losses(reps, outputs, batch)
        model.diagnostics(reps, outputs, batch)


@pytest.mark.parametrize("encoder", sorted({*ENCODERS} - {*ASK_FOR_VALUES, *DGL_ALONE}))
def test_a_model_runs_on_a_device_that_dgl_does_not_know(
    store: CascadeStore, encoder: str
) -> None:
    """On the device without numbers: every operation is there, and none reaches for the CPU."""
    batch = toy_batch(store, range(6))
    with OneDevice():
        model, moved = toy_model(store, encoder=encoder).to("meta"), batch.to("meta")
        reps, outputs = model(moved)
        (reps.rumor.sum() + outputs.link_logits.sum() + outputs.rumor_logits.sum()).backward()
        with pytest.raises(AssertionError, match="index_select"):
            reps.cascade.index_select(0, batch.root)
    assert outputs.link_logits.device.type == "meta"
    assert outputs.link_logits.shape == (batch.pairs.shape[1],)
    assert all(p.grad is None or p.grad.device.type == "meta" for p in model.parameters())
