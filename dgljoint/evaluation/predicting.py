"""Predictions of a trained model for cascades of the data it was trained on or of any other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch

from dgljoint._internal import tables
from dgljoint._internal.tables import NOTHING, Sheet, Shown, TextTable, figure
from dgljoint._internal.text import plural
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import Floats, Index, PooledPredictions, middle_ranks
from dgljoint.evaluation.ranking import best_candidates
from dgljoint.evaluation.scores import MODEL
from dgljoint.nn.model import JointModel
from dgljoint.tasks.heads import CASCADE, RUMOR
from dgljoint.training.parts import KnownParts, count_parts

_ROWS = 10  # of predictions that are shown


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
                "part": self.part[place], "cascade": name, "event": self.event[place],
                "label": self.label[place], "predicted": predicted[place],
                **{f"p_{label}": known.get(label) for label in self.classes},
                "posts": int(self.posts[place]),
                "observed_posts": int(self.observed_posts[place]),
                "targets": None if self.mrr is None else int(self.targets[place]),
                "mrr": mrr,
                **({} if self.runs is None else {"runs": int(self.runs[place])}),
            }

    def _sheet(self) -> Sheet:
        """Show the first cascades, and how many are of each class."""
        rows = tuple(_row_cells(row) for row in islice(self.rows(), _ROWS))
        several = ("runs",) if self.runs is not None else ()
        columns = (
            "part", "cascade", "label", "predicted", "p", "posts", "observed", "MRR", *several
        )
        notes = []
        if len(self) > _ROWS:
            notes.append(f"… and {len(self) - _ROWS:,} more; .rows() gives all of them")
        if self.runs is not None:
            notes.append("each row is the mean over as many runs as the column shows")
        known = (f"{count:,} {part}" for part, count in self.parts.items() if count)
        notes.append(f"cascades by part of the run: {', '.join(known) or 'none'}")
        if (predicted := self.predicted) is not None:
            counted = (f"{name} {predicted.count(name):,}" for name in self.label_names)
            notes.append(f"predicted: {', '.join(counted)}")
        notes += [f"doubtful: {doubt}" for doubt in self.doubts]
        title = f"Predictions for {plural(len(self), 'cascade')}"
        return Sheet(title, (TextTable(columns, rows),) if rows else (), tuple(notes))


def _row_cells(row: dict[str, Any]) -> tuple[str, ...]:
    predicted = row["predicted"]
    return (
        row["part"], row["cascade"], row["label"] or NOTHING, predicted or NOTHING,
        figure(row[f"p_{predicted}"] if predicted else None), f"{row['posts']:,}",
        f"{row['observed_posts']:,}", figure(row["mrr"]),
        *(str(row[name]) for name in ("runs",) if name in row),
    )


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
        shapes = (("cascade", str(self.cascade.shape)), ("rumor", str(self.rumor.shape)))
        title = f"Views of {plural(len(self.ids), 'cascade')}"
        return Sheet(title, (TextTable(("view", "shape"), shapes),))


def predict(
    evaluator: Evaluator, model: JointModel, classes: tuple[str, ...], indices: Index,
    parts: KnownParts, *, links: bool | int, deadline: Observation | None = None,
) -> Predictions:
    """Predict the cascades at ``indices`` by a trained model, left in evaluation mode.

    ``classes`` are those of the run's data, whatever the store calls its own. ``links`` is how many
    of the likeliest candidates of each target to rank, ``True`` for all; by a deadline there are
    none.
    """
    store = evaluator.store
    pooled = evaluator.predict(model, indices, deadline)
    ranked: tuple[LinkRanking, ...] = ()
    if links and deadline is None:
        with torch.inference_mode():
            ranked = tuple(_rank(evaluator, model, indices, None if links is True else links))
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
        pooled.cascade_of_target, 1 / middle_ranks(pooled.ranks[MODEL]), minlength=len(pooled)
    )
    with np.errstate(invalid="ignore"):
        mrr = reciprocal / pooled.targets
    labels: list[int] = pooled.label.tolist()
    return Predictions(
        ids=tuple(store.ids[int(index)] for index in indices),
        part=tuple(part),
        label_names=tuple(classes[number] for number in trained) if RUMOR in tasks else (),
        classes=classes,
        probability=probability if RUMOR in tasks else None,
        label=tuple(store.label_names[label] if label >= 0 else None for label in labels),
        event=tuple(store.event_names[int(event)] for event in store.event[indices]),
        posts=store.post_ptr[indices + 1] - store.post_ptr[indices], observed_posts=pooled.observed,
        targets=pooled.targets, mrr=mrr if CASCADE in tasks else None, links=None, doubts=(),
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


def to_csv(predictions: Mapping[str, Predictions], *, key: str = "") -> str:
    """Write predictions as CSV (RFC 4180): the rows of :meth:`Predictions.rows`, table by table.

    The names of the tables are a first column ``key``, if that is given.
    """
    first = next(iter(predictions.values()))
    columns = (
        *[key] * bool(key), "part", "cascade", "event", "label", "predicted",
        *(f"p_{name}" for name in first.classes), "posts", "observed_posts", "targets", "mrr",
        *["runs"] * (first.runs is not None),
    )
    rows = ((name, row) for name, found in predictions.items() for row in found.rows())
    return tables.to_csv(columns, ({key: n, **row} if key else row for n, row in rows))


def _rank(
    evaluator: Evaluator, model: JointModel, indices: Index, most: int | None
) -> Iterator[LinkRanking]:
    model.eval()
    for batch, targets in evaluator.asked(model, indices):
        if not len(targets):
            continue
        cascade_of = batch.cascade_of.cpu().numpy()[targets.post]
        reps, _ = model(batch)
        scorer = model.link_scorer(reps, batch)
        for place, candidates, scores in best_candidates(scorer, targets, most):
            first = int(targets.first[place])
            yield LinkRanking(
                cascade=batch.ids[int(cascade_of[place])], post=int(targets.post[place]) - first,
                candidates=candidates - first, scores=scores,
                parent=int(targets.parent[place]) - first,
            )
