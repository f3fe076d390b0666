"""What a model is given of some cascades: observed edges, features, and pairs to score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from dgljoint.ops import dgl_compat
from dgljoint.ops.sparse import SomeRows, SparseRows, multiply
from dgljoint.ops.torch_kernels import max_over_groups

_IDS_NAMED = 5
# Smaller cascades share one table: padding them costs less than another table would.
_SMALLEST = 16
# Of larger cascades than this the pairs that padding adds cost more than three tables more.
_LARGE = 128


@dataclass(frozen=True, eq=False)
class Bucket:
    """R cascades of similar sizes as a table, padded to the L posts of the largest."""

    posts: Tensor  # (R, L) int64 the posts of each cascade; a row is padded with its last one
    real: Tensor  # (R, L) bool, false for padding

    def pieces(self, most: int) -> Iterator[tuple[slice, slice]]:
        """Cut all pairs of posts into pieces: some rows, and the columns that are queries.

        A piece has at most ``most`` pairs, padding included, or one query with all its L keys.
        """
        rows, length = self.posts.shape
        high = max(1, most // length**2)
        wide = length if high > 1 else min(length, max(1, most // length))
        for row in range(0, rows, high):
            for column in range(0, length, wide):
                yield slice(row, row + high), slice(column, column + wide)


def buckets(cascade_of: Tensor, cascades: int) -> tuple[Bucket, ...]:
    """Sort cascades by size into tables: an octave of sizes each, a quarter of one above 128.

    A row is no longer than 16 posts, or than twice its cascade, or than 5/4 of a large one.
    """
    device = cascade_of.device
    # On the CPU, so that a device is waited for once and not once per table.
    sizes = cascade_of.bincount(minlength=cascades).cpu()
    first = sizes.cumsum(0) - sizes
    # The exponent of n - 1 is the octave (2^(k-1), 2^k] of n, exactly; its mantissa, from 1/2 to
    # 1, is the place in it.
    mantissa, octave = torch.frexp((sizes.clamp(min=_SMALLEST) - 1).double())
    quarter = torch.where(sizes > _LARGE, (8 * mantissa).long() - 4, 0)
    kind = 4 * octave + quarter
    tables = []
    for number in torch.unique(kind):
        rows = (kind == number).nonzero().squeeze(1)
        size = sizes[rows].unsqueeze(1)
        place = torch.arange(int(size.max()), device=size.device)
        posts = first[rows].unsqueeze(1) + torch.minimum(place, size - 1)
        tables.append(Bucket(posts.to(device), (place < size).to(device)))
    return tuple(tables)


@dataclass(frozen=True, eq=False)
class CascadeBatch:
    """B cascades of N posts in all, with P (child, candidate) pairs to score.

    A post whose incoming edge is hidden, because it is to be predicted or because it came after
    the observation cut, has no edge to its parent in ``edges``, and ``observed`` is false for it.

    Attributes:
        edges: (2, E) int64, the observed edges: parent over child, in the order of the children.
        features: by name, dense (N, F) float32, the rows that exist of a dense feature that not all
            posts have, or sparse rows.
        cascade_features: by name, (B, F) float32, what is known of each cascade as a whole.
        delay_seconds: (N,) float64 since the cascade's source.
        cascade_of: (N,) int64 cascade of each post, ascending.
        root: (B,) int64 source post of each cascade.
        observed: (N,) bool, true for sources and for posts whose parent is known.
        kind: (N,) int64, values of :class:`dgljoint.data.cascade.Kind`.
        label: (B,) int64 class, -1 for none.
        event: (B,) int64; cascades with equal numbers are of one event.
        pairs: (2, P) int64, target post over candidate parent, all pairs of a target in a row. For
            losses alone: evaluation scores some candidates at a time, and has none here.
        pair_target: (P,) bool, true where the candidate is the target's parent. Every target has
            exactly one such pair.
        ids: B cascade ids, for messages and files; never a feature.
    """

    edges: Tensor
    features: Mapping[str, Tensor | SomeRows | SparseRows]
    cascade_features: Mapping[str, Tensor]
    delay_seconds: Tensor
    cascade_of: Tensor
    root: Tensor
    observed: Tensor
    kind: Tensor
    label: Tensor
    event: Tensor
    pairs: Tensor
    pair_target: Tensor
    ids: tuple[str, ...]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.root.device

    @property
    def some_ids(self) -> str:
        """The first ids and how many more there are, for messages."""
        more = len(self.ids) - _IDS_NAMED
        return ", ".join(self.ids[:_IDS_NAMED]) + (f" and {more} more" if more > 0 else "")

    def to(self, device: torch.device | str) -> CascadeBatch:
        """Return the batch on ``device``; itself where it is there already."""
        if torch.device(device) == self.device:
            return self
        # What has been computed from the fields stays behind.
        moved: dict[str, Any] = {
            field.name: value.to(device)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(
            self,
            **moved,
            features={name: value.to(device) for name, value in self.features.items()},
            cascade_features={
                name: value.to(device) for name, value in self.cascade_features.items()
            },
        )

    @cached_property
    def graph(self) -> Any:
        """The batched DGL graph of :attr:`edges`.

        It is on the CPU where the installed DGL cannot use the batch's device.

        Raises:
            RunFailedError: DGL is not installed.
        """
        return self._batched(self._dgl("graph").graph_of(self.edges, len(self.kind)))

    @cached_property
    def reverse_graph(self) -> Any:
        """The batched DGL graph of the observed edges from child to parent, as :attr:`graph`."""
        made = self._dgl("reverse_graph").reversed_graph(self.edges, len(self.kind))
        return self._batched(made)

    @cached_property
    def neighbourhood(self) -> Tensor:
        """(2, 2E+N) int64, source over destination: edges, reversed edges, each post to itself."""
        itself = torch.arange(len(self.kind), device=self.device).expand(2, -1)
        return torch.cat((self.edges, self.edges.flip(0), itself), dim=1)

    @cached_property
    def neighbourhood_graph(self) -> Any:
        """The DGL graph of :attr:`neighbourhood`, edges in that order."""
        return self._dgl("neighbourhood_graph").graph_of(self.neighbourhood, len(self.kind))

    def _dgl(self, attribute: str) -> ModuleType:
        dgl_compat.require(f"batch.{attribute}")
        return import_module("dgljoint.ops.dgl_kernels")

    def _batched(self, graph: Any) -> Any:
        """Mark a graph of the observed edges as a batch of B graphs."""
        edges_of = torch.zeros_like(self.root).index_add_(
            0, self.cascade_of[self.edges[1]], torch.ones_like(self.edges[1])
        )
        posts_of = nn.functional.pad(self.root, (0, 1), value=len(self.kind)).diff()
        graph.set_batch_num_nodes(posts_of.to(graph.device))
        graph.set_batch_num_edges(edges_of.to(graph.device))
        return graph

    @cached_property
    def pair_group(self) -> Tensor:
        """(P,) int64 number of each pair's target, 0 to T-1 in the order of ``pairs``."""
        child = self.pairs[0]
        starts = torch.ones_like(child)
        starts[1:] = (child[1:] != child[:-1]).long()
        return starts.cumsum(0) - 1

    @cached_property
    def targets(self) -> int:
        """T, the number of targets."""
        return int(self.pair_target.sum())

    @cached_property
    def children(self) -> Tensor:
        """(N,) int64 number of observed children of each post."""
        return self._count(self.edges[0])

    @cached_property
    def descendants(self) -> Tensor:
        """(N,) int64 number of posts below each post in the observed tree."""
        parent, child = self.edges
        posts = len(self.kind)
        # Row N is above all roots and above itself.
        ancestor = torch.full((posts + 1,), posts, device=self.device)
        ancestor[child] = parent
        # In round k, of each post: those less than 2^k below it, itself included.
        size = torch.ones_like(ancestor)
        for _ in range(posts.bit_length()):
            # Other devices would wait to learn that no tree is as deep.
            if self.device.type == "cpu" and bool((ancestor == posts).all()):
                break
            size = size.index_add(0, ancestor, size)
            ancestor = ancestor[ancestor]
        return size[:-1] - 1

    @cached_property
    def parents(self) -> Tensor:
        """(N,) int64 number of observed parents of each post, 0 or 1."""
        return self._count(self.edges[1])

    @cached_property
    def parent_posts(self) -> Tensor:
        """(Q,) int64 posts with observed children, ascending; all where counting would wait."""
        if self.device.type == "cpu":
            return self.children.nonzero().squeeze(1)
        return torch.arange(len(self.kind), device=self.device)

    @cached_property
    def parent_of(self) -> SparseRows:
        """(N, Q): in each post's row a 1 for its observed parent among ``parent_posts``."""
        parent, child = self.edges
        place = torch.zeros_like(self.kind)
        place[self.parent_posts] = torch.arange(len(self.parent_posts), device=self.device)
        return SparseRows(
            # Edges are in the order of the children, and no post has two.
            columns=place[parent],
            values=torch.ones(len(child), device=self.device),
            offsets=nn.functional.pad(self.parents.cumsum(0), (1, 0)),
            width=len(self.parent_posts),
        )

    @cached_property
    def pooling(self) -> SparseRows:
        """(B, N): averages over each cascade's observed posts; others count for nothing."""
        return SparseRows(
            columns=torch.arange(len(self.kind), device=self.device),
            values=self.observed / self.observed_posts.double()[self.cascade_of],
            offsets=nn.functional.pad(self.root, (0, 1), value=len(self.kind)),
            width=len(self.kind),
        )

    @cached_property
    def observed_posts(self) -> Tensor:
        """(B,) int64 number of observed posts of each cascade; at least 1."""
        return torch.zeros_like(self.root).index_add_(0, self.cascade_of, self.observed.long())

    def _count(self, posts: Tensor) -> Tensor:
        # not `bincount`, which waits for a CUDA device to learn its size
        return torch.zeros_like(self.kind).index_add_(0, posts, torch.ones_like(posts))

    @cached_property
    def buckets(self) -> tuple[Bucket, ...]:
        """The posts of cascades of similar sizes, as padded tables."""
        return buckets(self.cascade_of, len(self.root))

    def pool(self, x: Tensor) -> Tensor:
        """Average ``x`` over each cascade's observed posts. Shapes: (N, D) to (B, D)."""
        return multiply(self.pooling, x)

    def pool_max(self, x: Tensor) -> Tensor:
        """Take the maximum over each cascade's observed posts. Shapes: (N, D) to (B, D)."""
        return max_over_groups(x + self._unobserved_below, self.cascade_of, len(self.root))

    @cached_property
    def _unobserved_below(self) -> Tensor:
        """(N, 1): 0 for observed posts, -inf for others; adding it is quicker than masking."""
        hidden = ~self.observed.unsqueeze(1)
        return torch.zeros(hidden.shape, device=self.device).masked_fill(hidden, float("-inf"))
