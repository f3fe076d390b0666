"""Predictions as arrays, pooled over batches: what metrics are computed from, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.metrics import Ranks, join_ranks, reciprocal_ranks
from dgljoint.evaluation.scores import MODEL, EarlyDetection, Intervals
from dgljoint.tasks.losses import CASCADE, RUMOR

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PooledPredictions:
    """What was predicted of B cascades with T targets in all.

    Plain arrays on the CPU, so that those of several batches, or of several processes, are laid
    end to end by :func:`join_predictions`.

    Attributes:
        index: (B,) position of each cascade in the store.
        label: (B,) class, -1 for none.
        logits: (B, C) of the rumor head; -inf for a class that is never predicted.
        observed: (B,) number of posts the rumor head read.
        targets: (B,) number of targets; those of a cascade follow one another, in its order.
        ranks: of the T targets' parents, by who ranked them: the model and the trivial guesses.
        not_source: (T,) whether the parent is another post than the source.
        cascade_view: (B, D) the cascade task's view, averaged over the observed posts.
        rumor_view: (B, D) the rumor task's.
    """

    index: Index
    label: Index
    logits: Floats
    observed: Index
    targets: Index
    ranks: Mapping[str, Ranks]
    not_source: NDArray[np.bool_]
    cascade_view: Floats
    rumor_view: Floats

    def __len__(self) -> int:
        return len(self.index)

    @property
    def probability(self) -> Floats:
        """(B, C), rows sum to one."""
        return softmax(self.logits)

    @property
    def answerable(self) -> NDArray[np.bool_]:
        """(C,) whether a class can be predicted: not where no training cascade has it."""
        return np.asarray(np.isfinite(self.logits).all(axis=0))

    def without(self, classes: Sequence[int]) -> PooledPredictions:
        """Return the same where some classes are never predicted; others share their part."""
        if not classes or not len(self):
            return self
        logits = self.logits.copy()
        logits[:, list(classes)] = -np.inf
        return replace(self, logits=logits)

    @property
    def predicted(self) -> Index:
        """(B,) the likeliest class."""
        likeliest: Index = self.probability.argmax(axis=1)
        return likeliest

    @property
    def cascade_of_target(self) -> Index:
        """(T,) place among the B of each target's cascade."""
        return np.repeat(np.arange(len(self)), self.targets)


def softmax(logits: Floats) -> Floats:
    """Return probabilities. Shapes: (B, C) to (B, C)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability: Floats = raised / raised.sum(axis=1, keepdims=True)
    return probability


def join_predictions(parts: Sequence[PooledPredictions]) -> PooledPredictions:
    """Concatenate the predictions of at least one batch; an empty one may be of any width."""
    some = [part for part in parts if len(part)] or parts[:1]
    first = some[0]
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in some])
        for field in fields(PooledPredictions)
        if field.name != "ranks"
    }
    ranks = {name: join_ranks([part.ranks[name] for part in some]) for name in first.ranks}
    return replace(first, ranks=ranks, **columns)


def no_predictions(classes: int, rankers: Sequence[str]) -> PooledPredictions:
    """Return the predictions of no cascade, for C classes and the rankers of these names."""
    none = np.empty(0, np.int64)
    return PooledPredictions(
        index=none, label=none, logits=np.empty((0, classes)), observed=none, targets=none,
        ranks={name: join_ranks([]) for name in rankers}, not_source=np.empty(0, bool),
        cascade_view=np.empty((0, 0)), rumor_view=np.empty((0, 0)),
    )


def predictions_csv(
    store: CascadeStore, parts: Mapping[str, PooledPredictions], tasks: Sequence[str],
    by_deadline_of: str | None = None,
) -> str:
    """Write predictions as CSV (RFC 4180), one line per cascade, in their order.

    ``part``, ``cascade``, ``event``, ``label`` (empty for none), ``predicted``, ``p_LABEL`` for
    every class (as the model gives it, before any temperature; empty for one that no training
    cascade has), ``posts``, ``observed_posts``,
    ``targets`` and ``mrr``, the mean reciprocal rank of the targets' parents (empty without
    targets). The columns of a task that was not trained are empty.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    labels = store.label_names
    early = by_deadline_of is not None
    writer.writerow((
        *(("deadline",) if early else ()), "part", "cascade", "event", "label", "predicted",
        *(f"p_{label}" for label in labels), "posts", "observed_posts", "targets", "mrr",
    ))
    for key, predictions in parts.items():
        first = (key, by_deadline_of) if early else (key,)
        writer.writerows((*first, *row) for row in _rows(store, predictions, tasks))
    return text.getvalue()


def curve_csv(found: EarlyDetection) -> str:
    """Write early detection as CSV (RFC 4180), one line per deadline.

    ``seconds`` and ``posts`` are empty where the deadline is not one of that kind; the ends of
    the intervals where there is none.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    measured = ("accuracy", "macro_f1")
    writer.writerow((
        "deadline", "seconds", "posts", "cascades", "posts_mean", "posts_median", "beyond_source",
        *(f"{name}{end}" for name in measured for end in ("", "_low", "_high")),
        "auroc", "majority",
    ))
    for row in found.deadlines:
        rumor = row.rumor
        writer.writerow((
            row.deadline,
            "" if row.seconds is None else _number(row.seconds),
            "" if row.posts is None else row.posts,
            rumor.cascades,
            *map(_number, (row.posts_mean, row.posts_median, row.beyond_source)),
            _number(rumor.accuracy), *_ends(row.intervals, "accuracy"),
            _number(rumor.macro_f1), *_ends(row.intervals, "macro_f1"),
            "" if rumor.auroc is None else _number(rumor.auroc),
            _number(rumor.majority),
        ))
    return text.getvalue()


def _rows(
    store: CascadeStore, predictions: PooledPredictions, tasks: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    names, nothing = store.label_names, ("",) * (1 + len(store.label_names))
    posts = np.diff(store.post_ptr)[predictions.index]
    probability, predicted = predictions.probability, predictions.predicted
    reciprocal = np.bincount(
        predictions.cascade_of_target, reciprocal_ranks(predictions.ranks[MODEL]),
        minlength=len(predictions),
    )
    answerable = predictions.answerable.tolist()
    for place, index in enumerate(predictions.index.tolist()):
        label = int(predictions.label[place])
        targets = int(predictions.targets[place]) if CASCADE in tasks else 0
        yield (
            store.ids[index],
            store.event_names[int(store.event[index])],
            names[label] if label >= 0 else "",
            *(
                (names[predicted[place]], *map(_share, probability[place], answerable))
                if RUMOR in tasks
                else nothing
            ),
            int(posts[place]),
            int(predictions.observed[place]),
            targets if CASCADE in tasks else "",
            _number(reciprocal[place] / targets) if targets else "",
        )


def _ends(of: Intervals | None, figure: str) -> tuple[str, ...]:
    ends = of.figures.get(figure) if of is not None else None
    return ("", "") if ends is None else (_number(ends[0]), _number(ends[1]))


def _share(value: float, answerable: bool) -> str:
    return _number(value) if answerable else ""


def _number(value: float) -> str:
    return f"{value:.9g}"
