"""Predictions of a trained model for cascades of the data it was trained on or of any other."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.deadlines import Deadline
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import reciprocal_ranks
from dgljoint.evaluation.pooled import PooledPredictions
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
    store = evaluator.store
    pooled = evaluator.predict(model, indices, deadline)
    ranked: tuple[LinkRanking, ...] = ()
    if links and deadline is None:
        with torch.inference_mode():
            most = None if links is True else int(links)
            ranked = tuple(_rank(evaluator, model, indices, most))
    found = describe(
        store, pooled, evaluator.tasks, parts.of(store, indices), classes, evaluator.untrained
    )
    return replace(found, links=ranked if links else None, doubts=evaluator.features.doubts)


def describe(
    store: CascadeStore, pooled: PooledPredictions, tasks: Sequence[str], part: Sequence[str],
    classes: tuple[str, ...], untrained: Sequence[int],
) -> Predictions:
    """Name what was predicted for B cascades of a store; ``part`` is the set of each of them."""
    indices = pooled.index
    trained = np.setdiff1d(np.arange(len(classes)), untrained)
    probability = pooled.probability[:, trained] if len(pooled) else np.empty((0, len(trained)))
    reciprocal = np.bincount(
        pooled.cascade_of_target, reciprocal_ranks(pooled.ranks[MODEL]), minlength=len(pooled)
    )
    with np.errstate(invalid="ignore"):
        mrr = reciprocal / pooled.targets
    labels: list[int] = pooled.label.tolist()
    return Predictions(
        ids=_ids(store, indices),
        part=tuple(part),
        label_names=tuple(classes[number] for number in trained) if RUMOR in tasks else (),
        classes=classes,
        probability=probability if RUMOR in tasks else None,
        label=tuple(store.label_names[label] if label >= 0 else None for label in labels),
        event=tuple(store.event_names[int(event)] for event in store.event[indices]),
        posts=store.post_ptr[indices + 1] - store.post_ptr[indices],
        observed_posts=pooled.observed,
        targets=pooled.targets,
        mrr=mrr if CASCADE in tasks else None,
        links=None,
        doubts=(),
    )


def predictions_csv(
    store: CascadeStore, parts: Mapping[str, PooledPredictions], tasks: Sequence[str],
    by_deadline_of: str | None = None,
) -> str:
    """Write predictions by set as CSV; by deadline, of the one set of that name."""
    found = {}
    for key, pooled in parts.items():
        never = np.flatnonzero(~pooled.answerable).tolist() if len(pooled) else ()
        part = [by_deadline_of or key] * len(pooled)
        found[key] = describe(store, pooled, tasks, part, store.label_names, never)
    return to_csv(found, key="deadline" if by_deadline_of else "")


def to_csv(tables: Mapping[str, Predictions], *, key: str = "") -> str:
    """Write predictions as CSV (RFC 4180), one line per cascade, in their order.

    The columns are those of :meth:`Predictions.rows`; a value that does not exist is empty. The
    names of the tables are a first column ``key``, if that is given.
    """
    text = io.StringIO(newline="")
    first = next(iter(tables.values()))
    columns = (
        *[key] * bool(key), "part", "cascade", "event", "label", "predicted",
        *(f"p_{name}" for name in first.classes), "posts", "observed_posts", "targets", "mrr",
        *["runs"] * (first.runs is not None),
    )
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for name, found in tables.items():
        for row in found.rows():
            shown = {n: f"{x:.9g}" if isinstance(x, float) else x for n, x in row.items()}
            writer.writerow({key: name, **shown} if key else shown)
    return text.getvalue()


def represent(
    evaluator: Evaluator, model: JointModel, indices: Index, *, deadline: Deadline | None = None
) -> PooledViews:
    """Collect the views of cascades; arguments as for :func:`predict`."""
    pooled = evaluator.predict(model, indices, deadline)
    return PooledViews(_ids(evaluator.store, indices), pooled.cascade_view, pooled.rumor_view)


def _ids(store: CascadeStore, indices: Index) -> tuple[str, ...]:
    return tuple(store.ids[int(index)] for index in indices)


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
