"""What the tests of encoders share: a batch, fixed weights, DGL's own graph, comparisons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch
from dgljoint.tasks.targets import evaluation_pairs
from toys import toy_batch, toy_cascade, toy_store, write_store

WIDTH = 6


def mixed_batch(folder: Path) -> CascadeBatch:
    """Make a training batch of nine random cascades, with edges hidden."""
    batch = toy_batch(toy_store(folder / "mixed.h5"), range(9), share=0.3)
    sizes = batch.cascade_of.bincount()
    assert sizes.min() == 1, "a cascade of its source alone is among them"
    assert not batch.observed.all()
    return batch


def known_batch(folder: Path) -> CascadeBatch:
    """Make the batch of the golden values: a tree of five posts and a source alone, all seen."""
    cascades = [toy_cascade("tree", [-1, 0, 0, 1, 1]), toy_cascade("alone", [-1])]
    store = CascadeStore(write_store(folder / "known.h5", cascades))
    targets = evaluation_pairs(store.read(np.arange(2)), 1.0)
    return toy_batch(store, range(2), targets=targets)


def known_rows(count: int, width: int) -> Tensor:
    """Return (count, width) numbers that no random generator can change."""
    return torch.arange(count * width).mul(0.7).cos().view(count, width)


def with_known_weights(module: nn.Module) -> nn.Module:
    """Give every parameter numbers that no random generator can change; no dropout."""
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            numbers = torch.arange(parameter.numel()).mul(1.3).add(number).sin() / 2
            parameter.copy_(numbers.view_as(parameter))
    return module.eval()


def undirected(batch: CascadeBatch, *, loops: bool = False) -> Any:
    """Return the observed edges in both directions as DGL's own layers take them."""
    import dgl

    source, destination = batch.graph.edges()
    graph = dgl.graph(
        (torch.cat((source, destination)), torch.cat((destination, source))),
        num_nodes=len(batch.kind),
    )
    return dgl.add_self_loop(graph) if loops else graph


def output_and_gradient(layer: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a layer makes of ``x``, and the gradient there of a sum with uneven weights."""
    x = x.detach().requires_grad_()
    out = layer(x)
    (gradient,) = torch.autograd.grad((out * known_rows(*out.shape)).sum(), x)
    return out.detach(), gradient


def check_equal(
    ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], x: Tensor
) -> None:
    """Compare two layers forward and in the gradient of their input."""
    found, expected = output_and_gradient(ours, x), output_and_gradient(theirs, x)
    for left, right in zip(found, expected, strict=True):
        assert left.abs().sum() > 0
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)


def check_gradients_reach(encoder: nn.Module, batch: CascadeBatch) -> None:
    """Require a gradient that is not zero at every parameter."""
    encoder(batch, torch.randn(len(batch.kind), WIDTH)).pow(3).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
