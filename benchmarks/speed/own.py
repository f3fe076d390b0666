"""dgljoint's rows: the loop that it ships, and the published model on its batches.

The shipped encoder is in a joint model with a branch for each task and three times the matrix
products; the published one is the model of :mod:`.peer_pyg`, to compare like with like.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dgljoint.batch.assemble import assemble
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.observation import EVERYTHING, Observation, parse_observation
from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.nn import CascadeBatch, Dropout, SparseRows, multiply
from dgljoint.tasks.targets import training_pairs

from .contender import Contender, Published, Shape, nothing_asked
from .own_training import own_config, trainer_of


class Shipped(Contender):
    """What ``dgljoint train --encoder bigcn -s train.tasks=rumor`` and ``evaluate`` do.

    Args:
        store: with the cascades.
        chosen: positions of those to train on and to score.
        settings: of the run, as ``section.key=value``.
    """

    def __init__(
        self, store: CascadeStore, chosen: NDArray[np.int64], settings: tuple[str, ...]
    ) -> None:
        config = own_config(
            store, ("train.tasks=rumor", *settings), settings={"encoder": "bigcn"}
        )
        self._store, self._chosen, self._options = store, chosen, config.cascade
        self._features = FeatureSpace.fit(store, chosen, config.features)
        self._trainer = trainer_of(store, config, chosen)
        self._evaluator = Evaluator(
            store, self._features, config.cascade, 0, config.train.task_names
        )
        self._observe = parse_observation(config.train.observe)
        self._rng = np.random.default_rng(0)

    def assemble(self) -> None:
        """Make the batches of an epoch, with a share of their edges hidden."""
        for part in self._trainer.batches.of(0):
            columns = self._store.read(part)
            targets = training_pairs(
                columns, self._observe, self._rng, targets=self._options.targets,
                candidates=self._options.candidates, scored=False,
            )
            assemble(self._store, columns, targets, self._features)

    def epoch(self) -> None:
        """Train one epoch; nothing is validated."""
        self._trainer.train_epoch(lambda: False)

    def inference(self) -> None:
        """Score all cascades, observed to their end."""
        self._evaluator.predict(self._trainer.model, self._chosen, Observation(EVERYTHING))


def published(
    store: CascadeStore, chosen: NDArray[np.int64], words: str, options: FeatureOptions,
    shape: Shape,
) -> Published:
    """Return the model and its batches, each assembled from the mapped file.

    Args:
        store: with the cascades.
        chosen: positions of those to train on; words are fitted on these.
        words: name of the sparse feature.
        options: of the features.
        shape: of the model.
    """
    space = FeatureSpace.fit(store, chosen, options.model_copy(update={"use": (words,)}))
    rng = np.random.default_rng(0)

    def batches(shuffled: bool) -> Iterator[CascadeBatch]:
        order = rng.permutation(chosen) if shuffled else chosen
        for start in range(0, len(order), shape.batch):
            columns = store.read(order[start : start + shape.batch])
            yield assemble(store, columns, nothing_asked(columns), space)

    return Published(_BiGCN(words, space.sparse[words], shape), batches)


class _BiGCN(nn.Module):
    def __init__(self, name: str, words: int, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.name = name
        # For each direction, of all posts and of the sources.
        self.words = nn.ParameterList(
            nn.init.xavier_uniform_(torch.empty(words, width)) for _ in range(4)
        )
        self.hidden = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(4, width))
        self.dropout, self.share = Dropout(shape.dropout), shape.dropout
        self.classify = nn.Linear(4 * width, shape.classes)

    def forward(self, batch: CascadeBatch) -> Tensor:
        rows = batch.features[self.name]
        if not isinstance(rows, SparseRows):
            raise TypeError(f"feature '{self.name}' is not sparse")
        sources = _sources(batch, rows, self.share if self.training else 0.0)
        pooled: list[Tensor] = []
        for way, edges in enumerate((batch.edges, batch.edges.flip(0))):
            spread = _convolution(batch, edges)
            first = multiply(spread, multiply(rows, self.words[2 * way])) + self.bias[2 * way]
            hidden = self.hidden[way](self.dropout(first.relu()))
            source = multiply(sources, self.words[2 * way + 1])
            second = multiply(spread, hidden + source.index_select(0, batch.cascade_of))
            # The mean of the source's own row over its posts is that row.
            pooled += [batch.pool((second + self.bias[2 * way + 1]).relu()), first[batch.root]]
        scores: Tensor = self.classify(torch.cat(pooled, dim=1))
        return scores


def _convolution(batch: CascadeBatch, edges: Tensor) -> SparseRows:
    """Return D^-1/2 (A + I) D^-1/2 as rows, D the in-degrees."""
    posts = len(batch.kind)
    itself = torch.arange(posts).expand(2, -1)
    whole = torch.cat((edges, itself), dim=1)
    root = torch.ones(posts).index_add_(0, edges[1], torch.ones(edges.shape[1])).rsqrt()
    return SparseRows.of_edges(whole, root[whole[0]] * root[whole[1]], posts)


def _sources(batch: CascadeBatch, rows: SparseRows, dropout: float) -> SparseRows:
    """Return the words of the sources, a share of them dropped."""
    start, stop = rows.offsets[batch.root], rows.offsets[batch.root + 1]
    sizes = stop - start
    offsets = functional.pad(sizes.cumsum(0), (1, 0))
    place = torch.arange(int(offsets[-1])) + (start - offsets[:-1]).repeat_interleave(sizes)
    values = functional.dropout(rows.values[place], dropout)
    return SparseRows(rows.columns[place], values, offsets, rows.width)
