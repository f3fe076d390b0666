"""Folds: stratified, seeded, events and repeated texts never divided, in order of time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from dgljoint_data.audit.overlap import Sources
from dgljoint_data.splits import FOLDS, Split, make_splits


def sample(count: int = 300, events: int = 60) -> tuple[list[str], list[str]]:
    """Draw cascades of events of very unequal sizes, each event of one class."""
    rng = np.random.default_rng(0)
    drawn = (rng.random(count) ** 3 * events).astype(int)
    return [f"class {event % 4}" for event in drawn], [f"event {event}" for event in drawn]


def split(
    labels: list[str | None] | list[str], events: list[str], seed: int = 0, **others: list
) -> dict[str, Split]:
    given = {"posted_at": [0] * len(labels), "texts": [""] * len(labels), **others}
    splits, _ = make_splits(Sources(list(labels), events, **given), seed)
    return {made.name: made for made in splits}


def spread(fold: np.ndarray, labels: list[str]) -> float:
    """Return the mean over classes of how much the folds' shares of a class vary."""
    names = np.array(labels)
    shares = [np.bincount(fold[names == name], minlength=5) / (names == name).sum()
              for name in sorted(set(labels))]
    return float(np.mean([share.std() for share in shares]))


def test_no_event_stands_in_two_folds() -> None:
    labels, events = sample()
    event, random = split(labels, events).values()
    assert (event.name, event.grouped_by, event.folds) == ("event", "event", 5)
    assert (random.name, random.grouped_by, random.folds) == ("random", "", 5)
    folds = {name: set(event.fold[np.array(events) == name]) for name in events}
    assert all(len(found) == 1 for found in folds.values())


def test_folds_are_stratified_as_well_as_scikit_learn_does() -> None:
    labels, events = sample()
    event, random = split(labels, events).values()
    theirs = np.zeros(len(labels), int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for number, (_, test) in enumerate(splitter.split(labels, labels, events)):
        theirs[test] = number
    assert spread(event.fold, labels) <= 1.05 * spread(theirs, labels)
    names = np.array(labels)
    for name in set(labels):
        held = np.bincount(random.fold[names == name], minlength=5)
        assert held.max() - held.min() <= 1


def test_the_seed_decides() -> None:
    labels, events = sample()
    first, again, other = (split(labels, events, seed).values() for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.fold, b.fold)
        assert not np.array_equal(a.fold, c.fold)


def test_cascades_without_a_label_get_a_fold_and_are_spread() -> None:
    labels, events = sample()
    some = [label if number % 3 else None for number, label in enumerate(labels)]
    random = split(some, events)["random"]
    held = np.bincount(random.fold[::3], minlength=5)
    assert held.max() - held.min() <= 1


@pytest.mark.parametrize("events", [3, 4, 5, 6])
def test_few_events_give_fewer_folds_and_none_empty(events: int) -> None:
    names = [f"event {number}" for number in range(events)] + ["event 0"] * 20
    made = split(["a", "b", None] + ["a"] * (events + 17), names)
    for each in (made["event"], made["random"]):
        assert each.folds == min(events, 5)
        assert set(each.fold) == set(range(each.folds))


def refusals(labels: list[str | None] | list[str], events: list[str], **others: list) -> dict:
    given = {"posted_at": [0] * len(labels), "texts": [""] * len(labels), **others}
    return make_splits(Sources(list(labels), events, **given), 0)[1]


@pytest.mark.parametrize("events", [["x"] * 20, ["x", "y"] * 10])
def test_fewer_than_three_events_leave_the_splits_without_events(events: list[str]) -> None:
    labels = ["a", "b"] * 10
    made = split(labels, events)
    assert list(made) == ["random"]
    assert made["random"].folds == FOLDS
    number = len(set(events))
    found = refusals(labels, events)
    assert set(found) == {"event", "leave-one-event-out", "time"}
    why = f"{number} event{'s' * (number > 1)}, at least 3 are needed"
    assert found["event"].startswith(why)
    assert found["leave-one-event-out"].startswith(why)


@pytest.mark.parametrize("count", [1, 2])
def test_of_one_or_two_cascades_there_is_no_split_and_each_says_why(count: int) -> None:
    labels, events = ["a", None][:count], ["x", "y"][:count]
    dated = {"posted_at": [5] * count}
    assert split(labels, events, **dated) == {}
    found = refusals(labels, events, **dated)
    assert set(found) == {"event", "random", "leave-one-event-out", "time"}
    assert found["random"].startswith(f"{count} cascade{'s' * (count > 1)}, at least 3 are needed")
    assert f"{count} cascade" in found["time"]


def test_few_cascades_of_one_event_are_divided_at_random_into_as_many_folds() -> None:
    made = split(["a", "b", "a"], ["x"] * 3)
    assert (list(made), made["random"].folds) == (["random"], 3)


def test_near_duplicate_texts_are_kept_together_whatever_their_events() -> None:
    labels, events = sample()
    texts = [f"text number n{number}" for number in range(300)]
    before = split(labels, events)["event"]
    untouched = split(labels, events, texts=texts)["event"]
    assert np.array_equal(before.fold, untouched.fold)

    names = sorted(set(events))
    one, other = (events.index(name) for name in (names[0], names[1]))
    assert before.fold[one] != before.fold[other]
    texts[one], texts[other] = "A boy was found alive http://t.co/x", "@a a boy was found: alive"
    joined = split(labels, events, texts=texts)["event"]
    assert joined.group is not None
    assert joined.group[one] == joined.group[other]
    members = np.isin(events, names[:2])
    assert len(set(joined.fold[members])) == 1


def test_texts_that_repeat_can_leave_too_few_events() -> None:
    texts = ["same words", "bb", "cc", "same words", "dd", "ee"]
    found = refusals(["a"] * 6, list("xxyyzz"), texts=texts)
    assert "2 events, near-duplicate texts counted as one, at least 3" in found["event"]
    assert "leave-one-event-out" not in found


@pytest.mark.parametrize(("events", "made"), [(3, True), (20, True), (21, False)])
def test_one_event_is_left_out_where_there_are_few(events: int, made: bool) -> None:
    names = [f"event {number % events}" for number in range(100)]
    sources = Sources(["a"] * 100, names, [0] * 100, [""] * 100)
    splits, refused = make_splits(sources, 0)
    [found] = [s for s in splits if s.name == "leave-one-event-out"] or [None]
    assert (found is not None, "leave-one-event-out" in refused) == (made, not made)
    if found is not None:
        assert (found.folds, found.grouped_by) == (events, "event")
        assert len({(name, fold) for name, fold in zip(names, found.fold, strict=True)}) == events


def test_each_class_is_divided_by_time_the_latest_first() -> None:
    rng = np.random.default_rng(0)
    labels, events = sample()
    posted_at = rng.integers(1, 10**6, 300) + 10**7 * np.array([int(n[-1]) for n in labels])
    made = split(labels, events, posted_at=posted_at.tolist())["time"]
    assert (made.ordered_by, made.grouped_by, made.folds) == ("time", "", FOLDS)
    for label in set(labels):
        members = np.array(labels) == label
        held = np.bincount(made.fold[members], minlength=FOLDS)
        assert held.max() - held.min() <= 1
        for fold in range(FOLDS - 1):
            later = posted_at[members & (made.fold == fold)]
            assert later.min() >= posted_at[members & (made.fold == fold + 1)].max()


@pytest.mark.parametrize(
    ("labels", "posted_at", "why"),
    [
        (["a", "b"] * 10, [5] * 19 + [0], "1 of 20 cascades have no date"),
        (["a"] * 16 + ["b"] * 4, [5] * 20, "class 'b' would be missing from a fold: 4 cascades"),
    ],
)
def test_a_division_by_time_is_refused_with_the_reason(
    labels: list[str | None], posted_at: list[int], why: str
) -> None:
    events = [f"e{number}" for number in range(20)]
    splits, refused = make_splits(Sources(labels, events, posted_at, [""] * 20), 0)
    assert "time" not in [made.name for made in splits]
    assert why in refused["time"]
