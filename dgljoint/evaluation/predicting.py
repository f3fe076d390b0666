"""Predictions of a trained model for cascades of the data it was trained on or of any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import reciprocal_ranks
from dgljoint.evaluation.ranking import best_candidates
from dgljoint.evaluation.scores import MODEL
from dgljoint.nn.model import JointModel
from dgljoint.tasks.losses import CASCADE, RUMOR
from dgljoint.training.parts import KnownParts, count_parts

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LinkRanking:
    """Which earlier post a target attaches to, likeliest first.

    Posts are given by their position in the cascade, in order of time: 0 is the source.

    Attributes:
        cascade: its id.
        post: the target.
        candidates: (K,) strictly earlier posts, all of them or as many as were asked for; of equal
            scores the earlier first.
        scores: (K,) logits, descending; their softmax is what the listwise loss trains.
        parent: the post that it does attach to.
    """

    cascade: str
    post: int
    candidates: Index
    scores: Floats
    parent: int


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Predictions(Shown):
    """Predictions of a model for B cascades.

    Attributes:
        ids: of the cascades.
        part: what the run knows each of them as, by its id (and date and text, see
            :mod:`dgljoint.data.store.identity`): ``train``, ``validation``, ``test``, or ``new``.
        label_names: the C classes that can be predicted: those that a training cascade has. None
            where the rumor task was not trained.
        classes: all classes of the run's data; what is not in ``label_names`` is never predicted.
        probability: (B, C) of ``label_names``, rows sum to one; ``None`` where the rumor task was
            not trained.
        label: B true classes, by the names that the data give them; ``None`` for one without.
        event: B names.
        posts: (B,) number of posts.
        observed_posts: (B,) number of those that the model saw.
        targets: (B,) number of targets: later posts with a choice of parents.
        mrr: (B,) mean reciprocal rank of the targets' parents, NaN without a target; ``None``
            where the cascade task was not trained.
        links: a ranking a target, of all cascades one after the other; ``None`` where they were
            not asked for.
        doubts: what is uncertain, in words.
        runs: (B,) number of runs that a row is the mean of; ``None`` for those of a single run.
    """

    ids: tuple[str, ...]
    part: tuple[str, ...]
    label_names: tuple[str, ...]
    classes: tuple[str, ...]
    probability: Floats | None
    label: tuple[str | None, ...]
    event: tuple[str, ...]
    posts: Index
    observed_posts: Index
    targets: Index
    mrr: Floats | None
    links: tuple[LinkRanking, ...] | None
    doubts: tuple[str, ...]
    runs: Index | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> tuple[str, ...] | None:
        """The likeliest class of each cascade; ``None`` where there are no probabilities."""
        if self.probability is None:
            return None
        return tuple(self.label_names[best] for best in self.probability.argmax(axis=1))

    @property
    def parts(self) -> dict[str, int]:
        """How many of the cascades are of which part of the run, and how many are new to it."""
        return count_parts(self.part)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield plain values, a cascade each: the columns of ``predictions.csv``.

        A value that does not exist is ``None``: a label, the probability of a class that no
        training cascade has, the columns of a task that was not trained.
        """
        predicted = self.predicted or (None,) * len(self)
        for place, name in enumerate(self.ids):
            pooled = [] if self.probability is None else self.probability[place].tolist()
            known = dict(zip(self.label_names, pooled, strict=self.probability is not None))
            mrr = None if self.mrr is None or not self.targets[place] else float(self.mrr[place])
            yield {
                "part": self.part[place],
                "cascade": name,
                "event": self.event[place],
                "label": self.label[place],
                "predicted": predicted[place],
                **{f"p_{label}": known.get(label) for label in self.classes},
                "posts": int(self.posts[place]),
                "observed_posts": int(self.observed_posts[place]),
                "targets": None if self.mrr is None else int(self.targets[place]),
                "mrr": mrr,
                **({} if self.runs is None else {"runs": int(self.runs[place])}),
            }

    def _sheet(self) -> Sheet:
        from dgljoint.evaluation.result_tables import predictions_sheet

        return predictions_sheet(self)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PooledViews(Shown):
    """The two tasks' views of B cascades, after all interactions, averaged over observed posts.

    Attributes:
        ids: of the cascades.
        cascade: (B, D) of the cascade task.
        rumor: (B, D) of the rumor task.
    """

    ids: tuple[str, ...]
    cascade: Floats
    rumor: Floats

    def _sheet(self) -> Sheet:
        from dgljoint.evaluation.result_tables import views_sheet

        return views_sheet(self)


def predict(
    evaluator: Evaluator, model: JointModel, classes: tuple[str, ...], indices: Index,
    parts: KnownParts, *, links: bool | int, deadline: Deadline | None = None,
) -> Predictions:
    """Predict cascades by a trained model.

    Args:
        evaluator: of their store, by the features of the model.
        model: trained; left in evaluation mode.
        classes: of the run's data, whatever the store calls its own.
        indices: (B,) positions in the store.
        parts: of the run.
        links: how many of the likeliest candidates of each target to rank; ``True`` ranks all,
            which takes memory by the square of a cascade.
        deadline: see the cascades as they were then; there are no links to rank.
    """
    store, tasks = evaluator.store, evaluator.tasks
    pooled = evaluator.predict(model, indices, deadline)
    ranks = pooled.ranks[MODEL]
    reciprocal = np.bincount(
        pooled.cascade_of_target, reciprocal_ranks(ranks), minlength=len(pooled)
    )
    trained = np.setdiff1d(np.arange(len(classes)), evaluator.untrained)
    empty = np.empty((0, len(trained)))
    labels: list[int] = pooled.label.tolist()
    most = None if links is True else int(links)
    ranked: tuple[LinkRanking, ...] = ()
    if links and deadline is None:
        with torch.inference_mode():
            ranked = tuple(_rank(evaluator, model, indices, most))
    with np.errstate(invalid="ignore"):
        mrr = reciprocal / pooled.targets
    return Predictions(
        ids=_ids(evaluator, indices),
        part=parts.of(store, indices),
        label_names=tuple(classes[number] for number in trained) if RUMOR in tasks else (),
        classes=classes,
        probability=(
            (pooled.probability[:, trained] if len(pooled) else empty) if RUMOR in tasks else None
        ),
        label=tuple(store.label_names[label] if label >= 0 else None for label in labels),
        event=tuple(store.event_names[int(event)] for event in store.event[indices]),
        posts=store.post_ptr[indices + 1] - store.post_ptr[indices],
        observed_posts=pooled.observed,
        targets=pooled.targets,
        mrr=mrr if CASCADE in tasks else None,
        links=ranked if links else None,
        doubts=evaluator.features.doubts,
    )


def represent(
    evaluator: Evaluator, model: JointModel, indices: Index, *, deadline: Deadline | None = None
) -> PooledViews:
    """Collect the views of cascades; arguments as for :func:`predict`."""
    pooled = evaluator.predict(model, indices, deadline)
    return PooledViews(_ids(evaluator, indices), pooled.cascade_view, pooled.rumor_view)


def _ids(evaluator: Evaluator, indices: Index) -> tuple[str, ...]:
    return tuple(evaluator.store.ids[int(index)] for index in indices)


def _rank(
    evaluator: Evaluator, model: JointModel, indices: Index, most: int | None
) -> Iterator[LinkRanking]:
    model.eval()
    for asked in evaluator.asked(model, indices):
        batch, targets = asked.batch, asked.targets
        if not len(targets):
            continue
        cascade_of = batch.cascade_of.cpu().numpy()[targets.post]
        reps, _ = model(batch)
        for best in best_candidates(model.link_scorer(reps, batch), targets, most):
            place = best.target
            first = int(targets.first[place])
            yield LinkRanking(
                cascade=batch.ids[int(cascade_of[place])], post=int(targets.post[place]) - first,
                candidates=best.candidates - first, scores=best.scores,
                parent=int(targets.parent[place]) - first,
            )
