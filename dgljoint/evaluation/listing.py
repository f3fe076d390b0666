"""Predictions cascade by cascade, as a table for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.metrics import reciprocal_ranks
from dgljoint.evaluation.predictions import Predictions
from dgljoint.evaluation.scores import MODEL, EarlyDetection, Intervals
from dgljoint.tasks.losses import CASCADE, RUMOR


def predictions_csv(
    store: CascadeStore, parts: Mapping[str, Predictions], tasks: Sequence[str],
    by_deadline_of: str | None = None,
) -> str:
    """Write predictions as CSV (RFC 4180), a line a cascade, in the order they stand in.

    ``part``, ``cascade``, ``event``, ``label`` (empty for none), ``predicted``, ``p_LABEL`` for
    every class (as the model gives it, before any temperature; empty for one that no training
    cascade has), ``posts``, ``observed_posts``,
    ``targets`` and ``mrr``, the mean reciprocal rank of the targets' parents (empty without
    targets). What a task says that was not trained is left empty.

    Args:
        store: where the cascades are.
        parts: predictions by the name of the part.
        tasks: those that were trained.
        by_deadline_of: name of the one part where ``parts`` are by deadline: there is a first
            column ``deadline`` then.
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
    """Write early detection as CSV (RFC 4180), a line a deadline.

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
    store: CascadeStore, predictions: Predictions, tasks: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    names, nothing = store.label_names, ("",) * (1 + len(store.label_names))
    posts = np.diff(store.post_ptr)[predictions.index]
    probability, said = predictions.probability, predictions.said
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
                (names[said[place]], *map(_share, probability[place], answerable))
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
