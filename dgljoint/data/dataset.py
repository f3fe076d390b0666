"""Cascades as plain DGL code expects them: a ``dgl.data.DGLDataset``, and a file of graphs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint._internal.files import replacing, writing
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.ops import dgl_compat
from dgljoint.ops.sparse import SparseRows
from dgljoint.training.parts import part_under_test, training_parts

if dgl_compat.installed():
    from dgljoint.ops.dgl_kernels import DGLDataset, graph_of, save_graphs
else:
    DGLDataset = object

_BUILT_IN = ("delay", "kind")


class CascadeDataset(DGLDataset):  # type: ignore[misc]  # DGL ships no types
    """The cascades of a file, one graph each: ``dataset[i]`` is ``(graph, label)``.

    >>> from dgl.dataloading import GraphDataLoader
    >>> from dgljoint import CascadeDataset
    >>> dataset = CascadeDataset("cascades.h5")
    >>> train, validation, test = dataset.split("event", fold=0)
    >>> for graph, label in GraphDataLoader(train, batch_size=32, shuffle=True):
    ...     depth_one = graph.in_degrees() * (graph.ndata["kind"] == 1)

    A graph has an edge from each post to those that answer it, posts in order of time, the source
    first. Node data: ``delay`` (N,) float64 seconds since the source, ``kind`` (N,) int64 of
    :class:`dgljoint.Kind`, and each dense feature of the file under its name, (N, F) float32, raw,
    zeros for a post that has no row. Ids, users and absolute times are left out: they reveal
    labels. The label is an int64 scalar, -1 for none, as ``cross_entropy(ignore_index=-1)`` takes
    it. The graph has the whole cascade: a model of links must hide edges and later posts itself.

    Sparse features such as word counts are not node data, since DGL could batch them only
    densified. With ``numbered=True`` an item is ``(graph, label, number)``, and :meth:`words`
    returns the rows of a whole batch::

        for graph, label, number in GraphDataLoader(numbered, batch_size=32):
            rows = numbered.words(number)  # one row per node of ``graph``
            x = torch.nn.functional.embedding_bag(
                rows.columns, weight, rows.offsets, per_sample_weights=rows.values,
                mode="sum", include_last_offset=True,
            )

    Nothing is read before it is used, nothing is written, and worker processes open the file
    again.

    Args:
        store: an open store or the path of a cascade file.
        numbered: give each item its number, for :meth:`words`.

    Raises:
        DataError: the file cannot be used.
        RunFailedError: DGL is not installed.
    """

    def __init__(self, store: CascadeStore | Path | str, *, numbered: bool = False) -> None:
        dgl_compat.require("CascadeDataset")
        self.store = store if isinstance(store, CascadeStore) else CascadeStore(Path(store))
        self.numbered = numbered
        self.index: NDArray[np.int64] = np.arange(len(self.store))
        self._whole = True
        self._dense = [name for name, kind in self.store.features.items() if kind == "dense"]
        if taken := set(self._dense) & set(_BUILT_IN):
            raise DataError(
                f"{self.store.path}: a feature has the name of the node data '{min(taken)}'",
                hint="build the file again without it",
            )
        # With a folder named, DGL does not make one in the user's home.
        super().__init__(name=self.store.name, raw_dir=str(self.store.path.parent))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        if not -len(self) <= number < len(self):
            raise IndexError(f"dataset of {len(self)} cascades has no number {number}")
        place = int(self.index[number])
        label = torch.tensor(int(self.store.label[place]))
        graph = self._graph(place)
        return (graph, label, number % len(self)) if self.numbered else (graph, label)

    def __repr__(self) -> str:
        return f"CascadeDataset({self.store.name!r}, cascades={len(self)}, {self.store.path})"

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes, by number."""
        return self.store.label_names

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.store.label_names)

    @property
    def labels(self) -> Tensor:
        """(C,) int64 class of each cascade, -1 for none."""
        return torch.from_numpy(self.store.label[self.index].astype(np.int64))

    @property
    def ids(self) -> list[str]:
        """The cascades' ids, for messages and files; never a feature."""
        return [self.store.ids[int(place)] for place in self.index]

    def subset(self, numbers: Sequence[int] | NDArray[np.integer[Any]]) -> CascadeDataset:
        """Return some of the cascades, in the order given; the file stays shared."""
        part = copy.copy(self)
        part.index = self.index[np.asarray(numbers, np.int64)]
        part._whole = False
        return part

    def split(
        self, name: str = "event", *, fold: int = 0, seed: int = 0
    ) -> tuple[CascadeDataset, CascadeDataset, CascadeDataset]:
        """Return the training, validation and test set, as ``dgljoint train`` takes them.

        Args:
            name: of a split of the file.
            fold: the test set; the validation set is drawn from the others.
            seed: of that draw.

        Raises:
            UsageError: the file has no such split or fold, or this is a subset already.
            DataError: too few cascades are left to divide.
        """
        if not self._whole:
            raise UsageError("a part of a dataset cannot be split", hint="split the whole dataset")
        split = self.store.split(name)
        parts = training_parts(self.store, split, fold, seed=seed, meta=False)
        tested = part_under_test(split, fold)
        return self.subset(parts.train), self.subset(parts.validation), self.subset(tested)

    def words(
        self, numbers: int | Sequence[int] | Tensor | NDArray[np.integer[Any]], name: str = "bow"
    ) -> SparseRows:
        """Return a sparse feature of the posts of some cascades, one row per post.

        These are raw counts of all words in the file: choose and weight them on the training set.
        ``torch.sparse_csr_tensor(rows.offsets, rows.columns, rows.values, (posts, rows.width))`` is
        the same as a matrix.

        Args:
            numbers: of cascades in this dataset.
            name: of the feature.

        Raises:
            UsageError: the file has no such sparse feature.
        """
        if self.store.features.get(name) != "sparse":
            sparse = [key for key, kind in self.store.features.items() if kind == "sparse"]
            raise UsageError(
                f"{self.store.path} has no sparse feature '{name}'",
                hint=f"it has {', '.join(sparse)}" if sparse else "it has none",
            )
        feature = self.store.sparse(name)
        chosen = self.index[np.atleast_1d(np.asarray(numbers, np.int64))]
        posts = self.store.read(chosen).posts
        sizes = feature.indptr[posts + 1] - feature.indptr[posts]
        offsets = np.concatenate(([0], sizes.cumsum()))
        place = np.arange(offsets[-1]) + np.repeat(feature.indptr[posts] - offsets[:-1], sizes)
        return SparseRows(
            columns=torch.from_numpy(feature.indices[place].astype(np.int64)),
            values=torch.from_numpy(feature.values[place]), offsets=torch.from_numpy(offsets),
            width=feature.columns,
        )

    def _graph(self, place: int) -> Any:
        columns = self.store.read(np.array([place]))
        nodes = {
            "delay": torch.from_numpy(columns.delay_seconds.copy()),
            "kind": torch.from_numpy(columns.kind.astype(np.int64)),
        }
        for name in self._dense:
            nodes[name] = torch.from_numpy(self.store.dense(name).filled(columns.posts))
        child = torch.arange(1, len(columns.parent))
        edges = torch.stack((torch.from_numpy(columns.parent[1:]), child))
        graph = graph_of(edges, len(columns.parent))
        graph.ndata.update(nodes)
        return graph

    def __getstate__(self) -> dict[str, Any]:
        # The columns are mapped memory, which a pickle would copy.
        return {**vars(self), "store": (self.store.path, self.store.digest)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        path, digest = state["store"]
        self.store = CascadeStore(path)
        if self.store.digest != digest:
            raise DataError(f"{path} was changed while a dataset of it was in use")


def write_graphs(store: CascadeStore, output: Path) -> None:
    """Write every cascade as a DGL graph, for a plain ``graphs, tensors = dgl.load_graphs(path)``.

    The graphs are those of :class:`CascadeDataset`, all in memory at once. The tensors: ``label``
    and ``event`` (C,) int64; ``fold/NAME`` (C,) int64 for each split, -1 for none; and each sparse
    feature as one CSR matrix with one row per node of all graphs, ``NAME/indptr`` (P+1,),
    ``NAME/indices``, ``NAME/values`` and ``NAME/columns`` (1,).

    Raise DataError if the store is empty, RunFailedError if the file system refuses or DGL is
    missing.
    """
    dgl_compat.require("this export to DGL")
    if not len(store):
        raise DataError(f"{store.path} holds no cascade", hint="build it again from more data")
    dataset = CascadeDataset(store)
    tensors = {"label": dataset.labels, "event": torch.from_numpy(store.event.astype(np.int64))}
    for name in store.splits:
        tensors[f"fold/{name}"] = torch.from_numpy(store.split(name).fold.astype(np.int64))
    for name, kind in store.features.items():
        if kind == "sparse":
            rows = dataset.words(np.arange(len(dataset)), name)
            tensors[f"{name}/indptr"], tensors[f"{name}/indices"] = rows.offsets, rows.columns
            tensors[f"{name}/values"] = rows.values
            tensors[f"{name}/columns"] = torch.tensor([rows.width])
    graphs = [dataset[number][0] for number in range(len(dataset))]
    with replacing(output) as temporary, writing(output):
        temporary.touch()  # DGL would make a folder that is not there
        save_graphs(temporary, graphs, tensors)
