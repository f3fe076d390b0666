"""Score a model on some cascades of a store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dgljoint.config import CascadeOptions
from dgljoint.evaluation.metrics import (
    Ranks,
    join_ranks,
    link_scores,
    rank_parents,
    rumor_scores,
)
from dgljoint.evaluation.scores import LinkTable, Scores
from dgljoint.evaluation.trivial import GUESSES
from dgljoint.nn.assemble import assemble
from dgljoint.nn.batch import CascadeBatch
from dgljoint.nn.features import FeatureSpace
from dgljoint.nn.model import JointModel
from dgljoint.nn.questions import evaluation_question
from dgljoint.store import CascadeStore

MODEL = "model"
ALL = "all"
NOT_SOURCE = "parent is not the source"
_BATCH_COST = 1 << 14


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Scores models on cascades of one store, always in the same way.

    Every cascade's first posts by time are observed; the later ones are asked for their parent
    among all earlier posts, and the rumor head reads what was observed.

    Attributes:
        store: where the cascades are.
        features: fitted on the training part.
        options: of the cascade task.
        majority: commonest class of the training part.
    """

    store: CascadeStore
    features: FeatureSpace
    options: CascadeOptions
    majority: int

    def scores(self, model: JointModel, indices: NDArray[np.int64], part: str) -> Scores:
        """Score ``model``, in evaluation mode, on the cascades at ``indices``.

        Args:
            model: left in evaluation mode.
            indices: positions in the store.
            part: name of the part, for the record.
        """
        started = time.perf_counter()
        model.eval()
        ranks: dict[str, list[Ranks]] = {name: [] for name in (MODEL, *GUESSES)}
        not_source, probability, label = [], [], []
        with torch.inference_mode():
            for batch in self._batches(indices):
                _, outputs = model(batch)
                probability.append(outputs.rumor_logits.softmax(1).numpy())
                label.append(batch.label.numpy())
                scored = {name: guess(batch) for name, guess in GUESSES.items()}
                scored[MODEL] = outputs.link_logits
                group, answer = batch.pair_group.numpy(), batch.pair_target.numpy()
                for name, values in scored.items():
                    ranks[name].append(rank_parents(values.numpy(), group, answer))
                parent = batch.pairs[1][batch.pair_target]
                not_source.append((parent != batch.root[batch.cascade_of[parent]]).numpy())
        joined = {name: join_ranks(parts) for name, parts in ranks.items()}
        labels = np.concatenate(label) if label else np.empty(0, np.int64)
        known = labels >= 0
        rumor = None
        if known.any():
            rumor = rumor_scores(
                np.concatenate(probability)[known],
                labels[known],
                self.store.label_names,
                self.majority,
            )
        links = {}
        if len(joined[MODEL].above):
            groups = {ALL: np.ones(len(joined[MODEL].above), bool)}
            groups[NOT_SOURCE] = np.concatenate(not_source)
            for name, which in groups.items():
                if which.any():
                    links[name] = LinkTable(
                        targets=int(which.sum()),
                        rows={row: link_scores(of.select(which)) for row, of in joined.items()},
                    )
        return Scores(part, rumor, links, time.perf_counter() - started)

    def _batches(self, indices: NDArray[np.int64]) -> Iterator[CascadeBatch]:
        for chosen in _by_cost(self.store, indices):
            columns = self.store.read(chosen)
            question = evaluation_question(columns, self.options.observed_share)
            yield assemble(self.store, columns, question, self.features)


def _by_cost(store: CascadeStore, indices: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut ``indices`` into stretches of bounded memory, each of at least one cascade.

    A post costs 1, and so do 512 squares of a cascade's posts: every late post is paired with
    every earlier one, about two million pairs for a cascade of 3,000.
    """
    sizes = store.post_ptr[indices + 1] - store.post_ptr[indices]
    stretch = np.cumsum(sizes + sizes**2 // 512) // _BATCH_COST
    cuts = np.flatnonzero(np.diff(stretch)) + 1
    yield from np.split(indices, cuts)
