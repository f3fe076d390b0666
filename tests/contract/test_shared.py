"""The shared representation is all that the losses know of the shared parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dgljoint.nn import LossTable
from dgljoint.nn.losses import task_losses
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.testing import toy_batch, toy_store
from toys import shipped, toy_model

COMBINATIONS = [
    *((encoder, ()) for encoder in shipped(EncoderSpec)),
    *(("gcn", (interaction,)) for interaction in shipped(InteractionSpec)),
]


@pytest.mark.parametrize(("encoder", "interactions"), COMBINATIONS)
def test_losses_know_of_the_shared_parameters_what_the_shared_representation_says(
    tmp_path: Path, encoder: str, interactions: tuple[str, ...]
) -> None:
    """Weighters that balance gradients there, and pass back once, rest on it."""
    store = toy_store(tmp_path / "a.h5", cascades=12)
    model = toy_model(store, encoder=encoder, plugins=interactions).train()
    batch = toy_batch(store, range(len(store)))
    reps, out = model(batch)
    raw = task_losses(out, batch, "listwise") | model.auxiliary_losses(reps, out, batch)
    losses, parameters = LossTable(raw, model.loss_coefficients), model.shared_parameters()
    rows = losses.jacobian(reps.shared)
    for value, row in zip(losses.values(), rows, strict=True):
        whole, through = (
            torch.autograd.grad(
                of, parameters, by, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for of, by in ((value, None), (reps.shared, row.view_as(reps.shared)))
        )
        for left, right in zip(whole, through, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
