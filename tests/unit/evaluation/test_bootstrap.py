"""Intervals over resampled events, against metrics written plainly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from dgljoint.evaluation import metrics
from dgljoint.evaluation.assessment import interval_notes, intervals
from dgljoint.evaluation.metrics import ParentRanks, PooledPredictions
from dgljoint.tasks.heads import TASKS


def predictions(count: int = 60, seed: int = 0, classes: int = 3) -> PooledPredictions:
    """Make up a part: one cascade in six without a label, none to five targets a cascade."""
    rng = np.random.default_rng(seed)
    label = np.where(rng.random(count) < 1 / 6, -1, rng.integers(classes, size=count))
    logits = rng.normal(size=(count, classes)) + 2 * np.eye(classes)[label]
    targets = rng.integers(0, 6, size=count)
    total = int(targets.sum())
    source = rng.integers(-1, 2, total)
    ranks = ParentRanks(
        rng.integers(0, 5, total) + (source > 0), rng.integers(0, 2, total) + (source == 0),
        rng.choice([2, 9], total, p=[0.1, 0.9]), source,
    )
    return PooledPredictions(
        index=np.arange(count), label=label, logits=logits, observed=np.ones(count, np.int64),
        targets=targets, ranks={"model": ranks}, not_source=rng.random(total) < 0.5,
        cascade_view=np.zeros((count, 0)), rumor_view=np.zeros((count, 0)),
    )


def plainly(
    of: PooledPredictions, event: NDArray[np.int64], resamples: int, seed: int
) -> dict[str, list[float]]:
    """Resample event by event."""
    rng = np.random.default_rng(seed)
    rank = 1 + of.ranks["model"].above + of.ranks["model"].tied / 2
    starts = np.cumsum(of.targets) - of.targets
    ranks = of.ranks["model"]
    other = rank - (ranks.source > 0) - (ranks.source == 0) / 2
    kept_of = {
        "": (rank, np.ones(len(rank), bool)), "_not_source": (rank, of.not_source),
        "_without_source": (other, of.not_source & (ranks.candidates > 2)),
    }
    found: dict[str, list[float]] = {"accuracy": [], "macro_f1": []}
    found |= {f"{name}{suffix}": [] for name in ("mrr", "hits1") for suffix in kept_of}
    events = [np.flatnonzero(event == one) for one in np.unique(event)]
    for drawn in rng.integers(len(events), size=(resamples, len(events))):
        chosen = np.concatenate([events[one] for one in drawn])
        known = [one for one in chosen if of.label[one] >= 0]
        truth, said = of.label[known], of.logits[known].argmax(1)
        found["accuracy"].append(float((truth == said).mean()))
        found["macro_f1"].append(
            f1_score(truth, said, labels=[0, 1, 2], average="macro", zero_division=0)
        )
        places = np.concatenate([starts[o] + np.arange(of.targets[o]) for o in chosen])
        for suffix, (value, kept) in kept_of.items():
            chosen_ranks = value[places[kept[places]]]
            found[f"mrr{suffix}"].append(float((1 / chosen_ranks).mean()))
            found[f"hits1{suffix}"].append(float((chosen_ranks <= 1).mean()))
    return found


def alone(of: PooledPredictions) -> NDArray[np.int64]:
    """Let each cascade be an event of its own."""
    return np.arange(len(of))


@pytest.mark.parametrize("events", [60, 20])
def test_intervals_are_percentiles_over_resampled_events(
    monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    of = predictions()
    event = 7 + 3 * (alone(of) % events)  # numbers with gaps, as those of a test set
    for drawn in (metrics._DRAWN, 7 * len(of)):
        monkeypatch.setattr(metrics, "_DRAWN", drawn)
        found = intervals(of, event, TASKS, resamples=200, seed=3)
        assert found is not None
        assert (found.level, found.resamples, found.seed) == (0.95, 200, 3)
        assert found.events == events
        for name, values in plainly(of, event, 200, 3).items():
            assert found.figures[name] == pytest.approx(np.quantile(values, [0.025, 0.975])), name
    assert intervals(of, event, TASKS, resamples=200, seed=4) != found


def test_one_huge_event_makes_intervals_wider_than_many_small_ones() -> None:
    """It is drawn not at all, once or twice: half of the cascades come and go with it."""
    of = predictions(400)
    right = np.arange(400) < 200
    logits = np.eye(3)[np.where(right, of.label, (of.label + 1) % 3).clip(0)]
    apart = replace(of, logits=logits)
    huge = np.where(right, 0, alone(of))
    widths = []
    for event in (huge, alone(of)):
        found = intervals(apart, event, ("rumor",))
        assert found is not None
        low, high = found.figures["accuracy"]
        widths.append(high - low)
    assert widths[0] > 4 * widths[1]


def test_few_events_have_no_interval_and_a_note_instead() -> None:
    of = predictions()
    for events in (1, 2, 4):
        event = alone(of) % events
        assert intervals(of, event, TASKS) is None
        (note,) = interval_notes(event, "test")
        named = "1 event;" if events == 1 else f"{events} events;"
        assert f"the 60 cascades of the test set are of {named}" in note
    assert intervals(of, alone(of) % 5, TASKS) is not None
    assert interval_notes(alone(of) % 5, "test") == ()
    assert interval_notes(np.empty(0, np.int64), "test") == ()


def test_an_interval_holds_its_figure_and_narrows_with_cascades() -> None:
    widths = []
    for count in (40, 4000):
        of = predictions(count)
        found = intervals(of, alone(of), TASKS)
        assert found is not None
        known = of.label >= 0
        accuracy = (of.predicted == of.label)[known].mean()
        low, high = found.figures["accuracy"]
        assert low < accuracy < high
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0] / 10, rel=0.4)


def test_targets_of_a_cascade_are_drawn_together() -> None:
    """Twenty cascades of fifty equal targets are twenty draws, not a thousand."""
    of = predictions(20)
    first = np.repeat(np.arange(20) % 2, 50)
    alike = PooledPredictions(
        index=of.index, label=of.label, logits=of.logits, observed=of.observed,
        targets=np.full(20, 50), ranks={"model": ParentRanks(first, 0 * first, 9 + first, first)},
        not_source=first < 0, cascade_view=of.cascade_view, rumor_view=of.rumor_view,
    )
    found = intervals(alike, alone(of), ("cascade",))
    assert found is not None
    assert set(found.figures) == {"mrr", "hits1"}, "no parent but the source, no rumor task"
    low, high = found.figures["hits1"]
    assert (low, high) == pytest.approx((0.3, 0.7), abs=0.06)


def test_what_cannot_be_resampled_has_no_interval() -> None:
    assert intervals(predictions(1), np.zeros(1, np.int64), TASKS) is None
    of = predictions(30)
    unlabelled = PooledPredictions(
        index=of.index, label=np.full(30, -1), logits=of.logits, observed=of.observed,
        targets=np.zeros(30, np.int64),
        ranks={"model": ParentRanks(*[np.empty(0, np.int64)] * 4)}, not_source=np.empty(0, bool),
        cascade_view=of.cascade_view, rumor_view=of.rumor_view,
    )
    found = intervals(unlabelled, alone(of), TASKS)
    assert found is not None
    assert found.figures == {}


def test_some_resamples_without_a_target_are_left_out() -> None:
    """One cascade of five has targets: a third of the resamples miss it."""
    of = predictions(5)
    lonely = PooledPredictions(
        index=of.index, label=of.label, logits=of.logits, observed=of.observed,
        targets=np.array([0, 2, 0, 0, 0]),
        ranks={"model": ParentRanks(*np.array([[0, 1], [0, 0], [4, 4], [-1, 1]]))},
        not_source=np.array([True, True]), cascade_view=of.cascade_view,
        rumor_view=of.rumor_view,
    )
    found = intervals(lonely, alone(of), TASKS)
    assert found is not None
    assert found.figures["mrr"] == pytest.approx((0.75, 0.75))
