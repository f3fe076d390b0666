"""Score a model on some cascades of a store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from dgljoint.evaluation.scores import LinkTable, RumorScores, Scores
from dgljoint.evaluation.similarity import view_scores
from dgljoint.evaluation.trivial import GUESSES
from dgljoint.nn.assemble import assemble
from dgljoint.nn.batch import CascadeBatch
from dgljoint.nn.features import FeatureSpace
from dgljoint.nn.losses import CASCADE, RUMOR, TASKS
from dgljoint.nn.model import JointModel
from dgljoint.nn.questions import evaluation_question
from dgljoint.store import CascadeStore

MODEL = "model"
ALL = "all"
NOT_SOURCE = "parent is not the source"
_BATCH_COST = 1 << 14

Array = NDArray[Any]


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
        tasks: those that were trained; the others are not scored.
    """

    store: CascadeStore
    features: FeatureSpace
    options: CascadeOptions
    majority: int
    tasks: tuple[str, ...] = TASKS

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
        views: tuple[list[Array], list[Array]] = ([], [])
        with torch.inference_mode():
            for batch in self._batches(indices):
                reps, outputs = model(batch)
                for pooled, view in zip(views, (reps.cascade, reps.rumor), strict=True):
                    pooled.append(batch.pool(view).numpy())
                probability.append(outputs.rumor_logits.softmax(1).numpy())
                label.append(batch.label.numpy())
                scored = {name: guess(batch) for name, guess in GUESSES.items()}
                scored[MODEL] = outputs.link_logits
                group, answer = batch.pair_group.numpy(), batch.pair_target.numpy()
                for name, values in scored.items():
                    ranks[name].append(rank_parents(values.numpy(), group, answer))
                parent = batch.pairs[1][batch.pair_target]
                not_source.append((parent != batch.root[batch.cascade_of[parent]]).numpy())
        some = bool(label)
        rumor, links, alike = None, {}, None
        if some and RUMOR in self.tasks:
            rumor = self._rumor(np.concatenate(probability), np.concatenate(label))
        if some and CASCADE in self.tasks:
            links = _links(ranks, np.concatenate(not_source))
        if some and len(self.tasks) == len(TASKS):
            alike = view_scores(*map(np.concatenate, views))
        return Scores(part, rumor, links, time.perf_counter() - started, alike, self.tasks)

    def _rumor(self, probability: Array, label: NDArray[np.int64]) -> RumorScores | None:
        known = label >= 0
        if not known.any():
            return None
        return rumor_scores(
            probability[known], label[known], self.store.label_names, self.majority
        )

    def _batches(self, indices: NDArray[np.int64]) -> Iterator[CascadeBatch]:
        for chosen in _by_cost(self.store, indices):
            columns = self.store.read(chosen)
            question = evaluation_question(columns, self.options.observed_share)
            yield assemble(self.store, columns, question, self.features)


def _links(
    ranks: Mapping[str, Sequence[Ranks]], not_source: NDArray[np.bool_]
) -> dict[str, LinkTable]:
    joined = {name: join_ranks(parts) for name, parts in ranks.items()}
    groups = {ALL: np.ones_like(not_source), NOT_SOURCE: not_source}
    return {
        name: LinkTable(
            targets=int(which.sum()),
            rows={row: link_scores(of.select(which)) for row, of in joined.items()},
        )
        for name, which in groups.items()
        if which.any()
    }


def _by_cost(store: CascadeStore, indices: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut ``indices`` into stretches of bounded memory, each of at least one cascade.

    A post costs 1, and so do 512 squares of a cascade's posts: every late post is paired with
    every earlier one, about two million pairs for a cascade of 3,000.
    """
    sizes = store.post_ptr[indices + 1] - store.post_ptr[indices]
    stretch = np.cumsum(sizes + sizes**2 // 512) // _BATCH_COST
    cuts = np.flatnonzero(np.diff(stretch)) + 1
    yield from np.split(indices, cuts)
