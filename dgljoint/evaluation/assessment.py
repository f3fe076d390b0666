"""The final scoring of a selected model: metrics, their intervals, calibration, early detection."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.tables import to_csv
from dgljoint._internal.text import all_of_one_class, plural
from dgljoint.data.observation import Observation
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation import metrics
from dgljoint.evaluation import scores as results
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.matched_pairs import DAYS, LEAST_PAIRS
from dgljoint.evaluation.metrics import (
    MIN_FOR_INTERVAL,
    Floats,
    Index,
    PooledPredictions,
    ratio,
    softmax,
    sums_by,
)
from dgljoint.nn.model import JointModel
from dgljoint.tasks.heads import CASCADE, RUMOR


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """One set: its predictions, its scores, and the temperature for calibration, if any."""

    predictions: PooledPredictions
    scores: results.Scores
    temperature: float | None


def assess(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    calibrated_on: Assessed | None = None,
) -> Assessed:
    """Score ``model``, in evaluation mode, on one set.

    The temperature is that of ``calibrated_on``, the validation set; without it this set is the
    validation set, on which the temperature is fitted.
    """
    started = time.perf_counter()
    pooled = evaluator.predict(model, indices)
    judged, temperature = None, None
    if RUMOR in evaluator.tasks:
        temperature = calibrated_on.temperature if calibrated_on else fit_temperature(pooled)
        judged = calibration(pooled, temperature)
    scores = judge(evaluator, pooled, part)
    scores = replace(scores, calibration=judged, seconds=time.perf_counter() - started)
    return Assessed(pooled, scores, temperature)


def judge(evaluator: Evaluator, pooled: PooledPredictions, part: str) -> results.Scores:
    """Compute the metrics of a set's predictions, with intervals and what they leave out."""
    scores, event = evaluator.figures(pooled, part), evaluator.store.event[pooled.index]
    notes = (*rumor_notes(evaluator, pooled, scores.rumor, part), *interval_notes(event, part))
    return replace(scores, intervals=intervals(pooled, event, evaluator.tasks), notes=notes)


def rumor_notes(
    evaluator: Evaluator, pooled: PooledPredictions, rumor: results.RumorScores | None, part: str
) -> tuple[str, ...]:
    """Describe what the metrics of rumor detection on a set leave out, if anything."""
    if RUMOR not in evaluator.tasks:
        return ()
    names = evaluator.store.label_names
    label = pooled.label[pooled.label >= 0]
    if not len(label):
        return (f"rumor detection is not scored: no cascade of the {part} set has a label",)
    notes = []
    if len(present := np.unique(label)) == 1:
        clause = all_of_one_class(len(label), names[present[0]], f" of the {part} set")
        notes.append(f"{clause}: accuracy is how often it is predicted")
    elif rumor is not None and rumor.auc_date_matched is None:
        notes.append(_unmatched(rumor, evaluator.store.posted_at[pooled.index]))
    lost = ~pooled.answerable[label]
    if lost.any():
        which = ", ".join(f"'{names[number]}'" for number in np.unique(label[lost]))
        notes.append(
            f"{int(lost.sum()):,} of {plural(len(label), 'labelled cascade')} are of a class that "
            f"no training cascade has ({which}): they count as wrong, and there is no NLL"
        )
    return tuple(notes)


def _unmatched(rumor: results.RumorScores, posted_at: Index) -> str:
    """State why there is no date-matched AUC."""
    most = max(pair.pairs_date_matched for pair in rumor.class_pairs.values())
    why = f"no two classes have more than {most}" if posted_at.any() else "no date is known"
    return (
        f"no date-matched AUC: it needs {LEAST_PAIRS} pairs of cascades of two classes posted at "
        f"most {DAYS} days apart, and {why}"
    )


def interval_notes(event: Index, part: str) -> tuple[str, ...]:
    """State why there are no intervals, if so. Shapes: ``event`` (B,)."""
    events = len(np.unique(event))
    if events >= MIN_FOR_INTERVAL or not events:
        return ()
    return (
        f"no intervals: they resample events, and the {plural(len(event), 'cascade')} of the "
        f"{part} set are of {plural(events, 'event')}; fewer than {MIN_FOR_INTERVAL} show nothing "
        "of others",
    )


def detect_early(
    evaluator: Evaluator, model: JointModel, indices: Index, part: str,
    deadlines: Sequence[Observation],
) -> tuple[results.EarlyDetection, dict[str, PooledPredictions]]:
    """Score ``model`` on one set by each deadline; return metrics, and predictions by deadline.

    A cascade is classified as if it had ended at the deadline. Nothing else is hidden, so that
    ``all`` shows the rumor head more than the usual evaluation does, which hides the last posts.
    """
    if RUMOR not in evaluator.tasks:
        raise UsageError(
            "early detection is of the rumor task, which this run did not train",
            hint="train with -s train.tasks=both or rumor",
        )
    started = time.perf_counter()
    store = evaluator.store
    indices = indices[store.label[indices] >= 0]
    if not len(indices):
        raise DataError(f"no cascade of the {part} set has a label", hint="choose another set")
    pooled = {one.text: evaluator.predict(model, indices, one) for one in deadlines}
    columns = store.read(indices)
    untimed = ~columns.timed & (np.diff(columns.post_ptr) > 1)
    figures = tuple(_figures(evaluator, pooled[one.text], part, one) for one in deadlines)
    taken = time.perf_counter() - started
    notes = (
        *rumor_notes(evaluator, pooled[deadlines[0].text], figures[0].rumor, part),
        *interval_notes(store.event[indices], part),
    )
    found = results.EarlyDetection(part, len(indices), int(untimed.sum()), figures, taken, notes)
    return found, pooled


def _figures(
    evaluator: Evaluator, pooled: PooledPredictions, part: str, deadline: Observation
) -> results.DeadlineScores:
    rumor = evaluator.figures(pooled, part).rumor
    if rumor is None:
        raise ValueError("there is no labelled cascade")
    return results.DeadlineScores(
        deadline=deadline.text, seconds=deadline.seconds, posts=deadline.posts, rumor=rumor,
        intervals=intervals(pooled, evaluator.store.event[pooled.index], (RUMOR,)),
        posts_mean=float(pooled.observed.mean()), posts_median=float(np.median(pooled.observed)),
        beyond_source=float((pooled.observed > 1).mean()),
    )


def curve_csv(found: results.EarlyDetection) -> str:
    """Write early detection as CSV (RFC 4180), one line per deadline; no value is empty."""
    lines: list[dict[str, object]] = []
    for row in found.deadlines:
        rumor, intervals = row.rumor, row.intervals.figures if row.intervals else {}
        line: dict[str, object] = {
            "deadline": row.deadline, "seconds": row.seconds, "posts": row.posts,
            "cascades": rumor.cascades, "posts_mean": row.posts_mean,
            "posts_median": row.posts_median, "beyond_source": row.beyond_source,
        }
        for name, value in (("accuracy", rumor.accuracy), ("macro_f1", rumor.macro_f1)):
            low, high = intervals.get(name, (None, None))
            line |= {name: value, f"{name}_low": low, f"{name}_high": high}
        lines.append({**line, "auroc": rumor.auroc, "majority": rumor.majority})
    return to_csv(tuple(lines[0]), lines)


def intervals(
    predictions: PooledPredictions, event: Index, tasks: Sequence[str], *, resamples: int = 2000,
    seed: int = 0,
) -> results.Intervals | None:
    """Return percentile bootstrap intervals; ``None`` for fewer than five events.

    Events are drawn with replacement, as many as there are, and each metric is worked out anew
    (Efron & Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13). The cascades of an
    event and the targets of a cascade are drawn together: they are not independent of one another
    (the cluster bootstrap of Davison & Hinkley, 1997, "Bootstrap Methods and their Application",
    section 3.8). A resample without a value for a metric is left out of that metric's interval.

    The model is one, trained once: its chance is not in the intervals.

    Shapes: ``event`` (B,), a number for each event.
    """
    names, place = np.unique(event, return_inverse=True)
    if len(names) < MIN_FOR_INTERVAL:
        return None
    classes = predictions.logits.shape[1]
    table = sums_by(place, _by_cascade(predictions))
    sums = np.concatenate([times @ table for times in metrics.draws(len(table), resamples, seed)])
    confusion, links = sums[:, : classes**2], sums[:, classes**2 :]
    figures: dict[str, Floats] = {}
    if RUMOR in tasks:
        counted = metrics.counted_classes(predictions.label, classes, predictions.answerable)
        figures |= _rumor_figures(confusion.reshape(-1, classes, classes), counted)
    if CASCADE in tasks:
        figures |= _link_figures(links)
    return results.Intervals(
        level=metrics.LEVEL, resamples=resamples, seed=seed, events=len(names),
        figures={n: metrics.ends(x) for n, x in figures.items() if not np.isnan(x).all()},
    )


def _by_cascade(predictions: PooledPredictions) -> Floats:
    """Return what each cascade adds to the sums that metrics are made of.

    (B, C * C + 9): its cell of the confusion matrix, then targets, reciprocal ranks and first
    places, over each group of targets.
    """
    classes = predictions.logits.shape[1]
    label, predicted = predictions.label, predictions.predicted
    cell = np.zeros((len(label), classes**2))
    known = np.flatnonzero(label >= 0)
    cell[known, label[known] * classes + predicted[known]] = 1
    links = []
    for group, which in predictions.groups.items():
        rank = metrics.middle_ranks(predictions.ranks_in(group, results.MODEL))
        cascade = predictions.cascade_of_target[which]
        links += [
            np.bincount(cascade, value, len(label))
            for value in (np.ones_like(rank), 1 / rank, rank <= 1)
        ]
    return np.column_stack((cell, *links))


def _rumor_figures(confusion: Floats, counted: NDArray[np.bool_]) -> dict[str, Floats]:
    """Return the metrics of every resample. Shapes: (R, C, C) and (C,) to (R,) each."""
    hits = np.trace(confusion, axis1=1, axis2=2)
    labelled = confusion.sum(axis=(1, 2))
    macro_f1 = metrics.f1_by_class(confusion)[:, counted].mean(axis=1)
    return {"accuracy": ratio(hits, labelled), "macro_f1": np.where(labelled > 0, macro_f1, np.nan)}


def _link_figures(sums: Floats) -> dict[str, Floats]:
    """Return the metrics of every resample. Shapes: (R, 9) to (R,) each."""
    figures: dict[str, Floats] = {}
    for suffix, columns in zip(results.GROUPS.values(), np.split(sums, 3, axis=1), strict=True):
        targets, reciprocal, first = columns.T
        figures |= {
            f"mrr{suffix}": ratio(reciprocal, targets), f"hits1{suffix}": ratio(first, targets)
        }
    return figures


BINS = 15
# Where every cascade of the validation set is classified correctly, the best temperature is 0.
_LOWEST, _HIGHEST = 0.05, 20.0


def calibration(
    predictions: PooledPredictions, temperature: float | None
) -> results.Calibration | None:
    """Calibrate the probabilities of labelled cascades by ``temperature``; ``None`` without any."""
    logits, label = _labelled(predictions)
    if not len(label):
        return None
    judged = [reliability(softmax(logits / by), label) for by in (1.0, temperature) if by]
    if not predictions.answerable[label].all():
        judged = [replace(one, nll=None) for one in judged]
    scaled = None if temperature is None else judged[1]
    return results.Calibration(len(label), judged[0], temperature, scaled)


def fit_temperature(predictions: PooledPredictions) -> float | None:
    """Return the T that makes ``softmax(logits / T)`` likeliest; ``None`` without a label.

    Temperature scaling (Guo, Pleiss, Sun & Weinberger, 2017, "On Calibration of Modern Neural
    Networks", https://arxiv.org/abs/1706.04599, section 4.2) minimises the negative log-likelihood
    of the validation set. It is convex in 1/T: a bounded search finds the minimum. The class
    predicted stays what it is.
    """
    from scipy.optimize import minimize_scalar  # slow to import, and used once per run

    logits, label = _labelled(predictions)
    # No temperature makes a class likelier that is never predicted.
    possible = predictions.answerable[label]
    logits, label = logits[possible], label[possible]
    if not len(label):
        return None

    def loss(log_temperature: float) -> float:
        return _nll(softmax(logits / np.exp(log_temperature)), label)

    bounds = (np.log(_LOWEST), np.log(_HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def reliability(probability: Floats, label: Index) -> results.Reliability:
    """Compare probabilities with true classes.

    With the M = 15 equal bins of Guo et al. (2017) over the probability of the predicted class::

        ECE   = sum over bins of |bin| / B * |accuracy(bin) - confidence(bin)|
        NLL   = mean of -log p(true class); None where a true class is never predicted
        Brier = mean of the squared distance between p and the true class as a unit vector

    the last of them Brier's (1950) own, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Shapes: ``probability`` (B, C), rows sum to one; ``label`` (B,); B at least 1.
    """
    confidence, predicted = probability.max(axis=1), probability.argmax(axis=1)
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    size = np.bincount(place, minlength=BINS)
    sure = np.bincount(place, confidence, BINS)
    right = np.bincount(place, predicted == label, BINS)
    truth = np.eye(probability.shape[1])[label]
    return results.Reliability(
        ece=float(np.abs(right - sure).sum() / len(label)),
        nll=_nll(probability, label),
        brier=float(((probability - truth) ** 2).sum(axis=1).mean()),
        bins=tuple(
            results.Bin(
                low=number / BINS, high=(number + 1) / BINS, cascades=int(size[number]),
                confidence=float(sure[number] / size[number]),
                accuracy=float(right[number] / size[number]),
            )
            for number in np.flatnonzero(size).tolist()
        ),
    )


def _nll(probability: Floats, label: Index) -> float:
    mine = probability[np.arange(len(label)), label]
    # A tiny probability is 0 in floating point, and its logarithm infinite.
    return float(-np.log(np.maximum(mine, np.finfo(np.float64).tiny)).mean())


def _labelled(predictions: PooledPredictions) -> tuple[Floats, NDArray[np.int64]]:
    known = predictions.label >= 0
    return predictions.logits[known], predictions.label[known]
