"""Message passing: against loops written out, and DGL's kernels against plain torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dgljoint.data.store import CascadeStore
from dgljoint.nn import (
    CascadeBatch,
    dot_over_pairs,
    max_to_parents,
    softmax_over_neighbourhoods,
    sum_over_edges,
    sum_over_neighbourhoods,
    sum_to_children,
    sum_to_parents,
    using_kernels,
)
from dgljoint.ops import dgl_kernels as _dgl
from dgljoint.ops.messages import Kernels, kernels_for
from dgljoint.tasks.targets import evaluation_pairs
from toys import toy_batch, toy_cascade, toy_store, write_store

HEADS, WIDTH = 2, 3
either = pytest.mark.parametrize("kernels", ["dgl", "torch"])


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(9), share=0.3)


@pytest.fixture
def edgeless(tmp_path: Path) -> CascadeBatch:
    """Two cascades of their sources alone: no edges, no pairs."""
    store = toy_store(tmp_path / "b.h5")
    alone = np.flatnonzero(np.diff(store.post_ptr) == 1)
    return toy_batch(store, alone[:2].tolist())


def rows(batch: CascadeBatch, *shape: int, precision: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(len(batch.kind), *shape, dtype=precision, generator=torch.manual_seed(0))


def scores(batch: CascadeBatch) -> Tensor:
    count = batch.neighbourhood.shape[1]
    return torch.randn(count, HEADS, dtype=torch.float64, generator=torch.manual_seed(1))


def pair_weights(batch: CascadeBatch) -> Tensor:
    count = batch.pairs.shape[1]
    return torch.randn(count, dtype=torch.float64, generator=torch.manual_seed(2))


Inputs = tuple[Tensor, ...]
OPERATIONS: dict[str, tuple[Callable[..., Tensor], Callable[[CascadeBatch], Inputs]]] = {
    "sum_to_children": (sum_to_children, lambda b: (rows(b, WIDTH),)),
    "sum_to_parents": (sum_to_parents, lambda b: (rows(b, WIDTH),)),
    "max_to_parents": (max_to_parents, lambda b: (rows(b, WIDTH),)),
    "softmax_over_neighbourhoods": (softmax_over_neighbourhoods, lambda b: (scores(b),)),
    "sum_over_neighbourhoods": (
        sum_over_neighbourhoods, lambda b: (scores(b), rows(b, HEADS, WIDTH))
    ),
    "sum_over_edges": (
        lambda b, weights, x: sum_over_edges(b.pairs, weights, x),
        lambda b: (pair_weights(b), rows(b, WIDTH)),
    ),
    "dot_over_pairs": (
        lambda b, left, right: dot_over_pairs(b.pairs, left, right),
        lambda b: (rows(b, WIDTH), rows(b, WIDTH).flip(0)),
    ),
}
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def neighbours(batch: CascadeBatch) -> tuple[list[list[int]], list[list[int]]]:
    """List each post's parents and its children."""
    parents: list[list[int]] = [[] for _ in batch.kind]
    children: list[list[int]] = [[] for _ in batch.kind]
    for parent, child in batch.edges.T.tolist():
        parents[child].append(parent)
        children[parent].append(child)
    return parents, children


@either
def test_sums_and_maxima_are_over_the_parent_and_over_the_children(
    kernels: Kernels, batch: CascadeBatch
) -> None:
    x = rows(batch, WIDTH)
    parents, children = neighbours(batch)
    nothing = x.new_zeros(WIDTH)
    with using_kernels(kernels):
        down, up = sum_to_children(batch, x), sum_to_parents(batch, x)
        most = max_to_parents(batch, x)
    for post, (above, below) in enumerate(zip(parents, children, strict=True)):
        torch.testing.assert_close(down[post], x[above].sum(0))
        torch.testing.assert_close(up[post], x[below].sum(0))
        torch.testing.assert_close(most[post], x[below].amax(0) if below else nothing)


@either
def test_sums_over_edges_are_of_sources_by_weight(kernels: Kernels, batch: CascadeBatch) -> None:
    weights, x = pair_weights(batch), rows(batch, WIDTH)
    expected = torch.zeros_like(x)
    for weight, (source, destination) in zip(weights, batch.pairs.T.tolist(), strict=True):
        expected[destination] += weight * x[source]
    with using_kernels(kernels):
        torch.testing.assert_close(sum_over_edges(batch.pairs, weights, x), expected)


@either
def test_attention_is_over_the_parent_the_children_and_the_post_itself(
    kernels: Kernels, batch: CascadeBatch
) -> None:
    x, logits = rows(batch, HEADS, WIDTH), scores(batch)
    parents, children = neighbours(batch)
    with using_kernels(kernels):
        weights = softmax_over_neighbourhoods(batch, logits)
        summed = sum_over_neighbourhoods(batch, weights, x)
    source, destination = batch.neighbourhood
    for post in range(len(batch.kind)):
        entering = destination == post
        assert sorted(source[entering].tolist()) == sorted(
            [*parents[post], *children[post], post]
        )
        expected = logits[entering].softmax(0)
        torch.testing.assert_close(weights[entering], expected)
        attended = (expected.unsqueeze(2) * x[source[entering]]).sum(0)
        torch.testing.assert_close(summed[post], attended)


@either
def test_scores_far_apart_give_finite_weights_and_gradients(
    kernels: Kernels, batch: CascadeBatch
) -> None:
    logits = (1e4 * scores(batch)).requires_grad_()
    with using_kernels(kernels):
        weights = softmax_over_neighbourhoods(batch, logits)
    summed = torch.zeros(len(batch.kind), HEADS, dtype=torch.float64)
    summed.index_add_(0, batch.neighbourhood[1], weights.detach())
    torch.testing.assert_close(summed, torch.ones_like(summed))
    (gradient,) = torch.autograd.grad(weights.square().sum(), logits)
    assert gradient.isfinite().all()


@either
def test_inner_products_are_over_the_pairs(kernels: Kernels, batch: CascadeBatch) -> None:
    left, right = rows(batch, WIDTH), rows(batch, WIDTH).flip(0)
    with using_kernels(kernels):
        found = dot_over_pairs(batch.pairs, left, right)
    for place, (one, other) in enumerate(batch.pairs.T.tolist()):
        torch.testing.assert_close(found[place], left[one] @ right[other])


@every_operation
@pytest.mark.parametrize("which", ["batch", "edgeless"])
def test_both_kernels_agree_forward_and_backward(
    name: str, which: str, request: pytest.FixtureRequest
) -> None:
    check_that_kernels_agree(name, request.getfixturevalue(which))


@every_operation
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_both_kernels_agree_on_any_forest(
    name: str, batch: CascadeBatch, seed: int, share: float
) -> None:
    """Each post but a source attaches to an earlier one of its cascade, or its edge is hidden."""
    rng = np.random.default_rng(seed)
    first = batch.root[batch.cascade_of].numpy()
    posts = np.arange(len(first))
    child = posts[(posts > first) & (rng.random(len(first)) < share)]
    edges = torch.from_numpy(np.stack((rng.integers(first[child], child), child)))
    check_that_kernels_agree(name, replace(batch, edges=edges))


def check_that_kernels_agree(name: str, batch: CascadeBatch) -> None:
    operation, inputs_of = OPERATIONS[name]
    found = []
    for kernels in ("dgl", "torch"):
        inputs = [x.float().requires_grad_() for x in inputs_of(batch)]
        with using_kernels(kernels):
            out = operation(batch, *inputs)
        weights = torch.arange(out.numel()).view_as(out).cos()
        found.append((out, *torch.autograd.grad((out * weights).sum(), inputs)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@either
@every_operation
def test_first_and_second_derivatives_are_right(
    name: str, kernels: Kernels, tmp_path: Path
) -> None:
    """The second one too: who looks ahead through a step asks for it."""
    tree = toy_cascade("tree", [-1, 0, 0, 1])
    store = CascadeStore(write_store(tmp_path / "c.h5", [tree]))
    targets = evaluation_pairs(store.read(np.array([0])), 0.75)
    batch = toy_batch(store, [0], targets=targets)
    assert batch.edges.shape == (2, 2)
    assert batch.pairs.shape == (2, 3)
    operation, inputs_of = OPERATIONS[name]
    inputs = [x.requires_grad_() for x in inputs_of(batch)]
    with using_kernels(kernels):
        assert torch.autograd.gradcheck(lambda *x: operation(batch, *x), inputs)
        assert torch.autograd.gradgradcheck(lambda *x: operation(batch, *x), inputs)


def test_dgl_computes_where_it_can_and_torch_where_not(
    batch: CascadeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = rows(batch, WIDTH)
    assert kernels_for(x) == kernels_for(x.float()) == "dgl"
    assert kernels_for(x.half()) == kernels_for(x.bfloat16()) == "torch"
    assert kernels_for(x.to("meta")) == "torch"
    monkeypatch.setattr(_dgl, "runs_on", lambda device_type: device_type == "cuda")
    assert kernels_for(x) == "torch"
    with using_kernels("dgl"):
        assert kernels_for(x) == "dgl"
    assert kernels_for(x) == "torch"


def test_the_choice_decides_what_is_called(
    batch: CascadeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*inputs: object) -> None:
        raise AssertionError("DGL is called")

    computing = (
        "dot_over_pairs", "graph_of", "max_from_sources", "reversed_graph",
        "softmax_by_destination", "sum_from_sources", "weighted_sum_from_sources",
    )
    for name in computing:
        monkeypatch.setattr(_dgl, name, refuse)
    for operation, inputs_of in OPERATIONS.values():
        inputs = inputs_of(batch)
        with using_kernels("torch"):
            operation(batch, *inputs)
        with pytest.raises(AssertionError, match="DGL is called"):
            operation(batch, *inputs)


@every_operation
@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_half_precision_works_and_stays(
    name: str, precision: torch.dtype, batch: CascadeBatch
) -> None:
    operation, inputs_of = OPERATIONS[name]
    inputs = inputs_of(batch)
    found = operation(batch, *(x.to(precision) for x in inputs))
    assert found.dtype == precision
    torch.testing.assert_close(found.double(), operation(batch, *inputs), rtol=0.05, atol=0.05)


@either
def test_a_maximum_that_two_children_share_is_passed_on_once(
    kernels: Kernels, batch: CascadeBatch
) -> None:
    x = torch.ones(len(batch.kind), 1, requires_grad=True)
    with using_kernels(kernels):
        out = max_to_parents(batch, x)
    out.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad.sum(), (batch.children > 0).sum().float())
