"""The course of early detection of a run, in figures and files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgljoint.data.observation import parse_deadlines
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.assessment import detect_early
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.training import evaluate_early
from runs import run
from toys import toy_cascade, toy_config, toy_features, toy_model, write_store

LIST = "0,2m,4p,all"


def lines(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def early(folder: Path, text: str = LIST, **settings: Any) -> Any:
    return evaluate_early(
        folder, part=settings.pop("part", "test"),
        deadlines=parse_deadlines(text), **settings,
    )


def test_the_figures_are_those_of_the_predictions_by_each_deadline(
    store: CascadeStore, tmp_path: Path
) -> None:
    run(store, tmp_path / "run")
    said, curve = tmp_path / "said.csv", tmp_path / "curve.csv"
    found = early(tmp_path / "run", predictions=said, curve=curve)
    fold = np.flatnonzero(store.split("event").fold == 0)
    sizes = np.diff(store.post_ptr)[fold]
    assert (found.part, found.cascades, found.untimed) == ("test", len(fold), 0)
    assert [row.deadline for row in found.deadlines] == LIST.split(",")
    by_then = lines(said)
    for row, line, most in zip(found.deadlines, lines(curve), (1, 3, 4, 99), strict=True):
        mine = [one for one in by_then if one["deadline"] == row.deadline]
        assert [one["cascade"] for one in mine] == [store.ids[index] for index in fold]
        seen = np.minimum(sizes, most)
        assert [int(one["observed_posts"]) for one in mine] == seen.tolist()
        assert [int(one["posts"]) for one in mine] == sizes.tolist()
        right = [one["label"] == one["predicted"] for one in mine]
        assert row.rumor.accuracy == np.mean(right)
        assert row.posts_mean == pytest.approx(seen.mean())
        assert row.posts_median == np.median(seen)
        assert row.beyond_source == (seen > 1).mean()
        low, high = row.intervals.figures["accuracy"]
        assert low <= row.rumor.accuracy <= high
        assert line["deadline"] == row.deadline
        for name, value in (
            ("seconds", row.seconds), ("posts", row.posts), ("accuracy", row.rumor.accuracy),
            ("accuracy_low", low), ("macro_f1", row.rumor.macro_f1), ("auroc", row.rumor.auroc),
            ("macro_f1_high", row.intervals.figures["macro_f1"][1]),
            ("posts_mean", row.posts_mean), ("beyond_source", row.beyond_source),
            ("majority", row.rumor.majority), ("cascades", len(fold)),
        ):
            assert line[name] == ("" if value is None else f"{value:.9g}"), name
    assert json.loads(json.dumps(found.to_dict()))["deadlines"][1]["seconds"] == 120


def test_each_part_is_judged_on_its_own_cascades(store: CascadeStore, tmp_path: Path) -> None:
    result = run(store, tmp_path / "run")
    found = early(tmp_path / "run", part="validation")
    assert found.cascades == result.validation.rumor.cascades
    with pytest.raises(UsageError, match="no part 'tset'"):
        early(tmp_path / "run", part="tset")


def test_a_run_of_links_alone_has_no_early_detection(store: CascadeStore, tmp_path: Path) -> None:
    run(store, tmp_path / "run", "train.tasks=cascade", "train.epochs=1")
    with pytest.raises(UsageError, match="did not train") as raised:
        early(tmp_path / "run")
    assert "train.tasks=both" in raised.value.hint


def test_cascades_without_times_are_counted_and_those_without_labels_left_out(
    tmp_path: Path,
) -> None:
    made = [toy_cascade(f"c{n}", [-1, *[0] * (n % 3)]) for n in range(6)]
    for one in made[3:]:
        one.delay_seconds[:] = 0
    unlabelled = [toy_cascade(f"u{n}", [-1, 0], label=None) for n in range(3)]
    store = CascadeStore(write_store(tmp_path / "a.h5", [*made, *unlabelled]))
    evaluator = Evaluator(store, toy_features(store), toy_config(store).cascade, majority=1)
    model, deadlines = toy_model(store), parse_deadlines("1d,all")
    found, said = detect_early(evaluator, model, np.arange(9), "test", deadlines)
    assert (found.cascades, found.untimed) == (6, 2)
    assert said["1d"].observed.tolist() == [1, 2, 3, 1, 1, 1]
    assert said["all"].observed.tolist() == [1, 2, 3, 1, 2, 3]
    assert [row.rumor.majority for row in found.deadlines] == [1, 1]
    assert found.deadlines[0].rumor.auroc is None
    with pytest.raises(DataError, match="no cascade of the test set has a label"):
        detect_early(evaluator, model, np.arange(6, 9), "test", deadlines)


def test_classes_that_no_figure_by_a_deadline_can_show_are_named(tmp_path: Path) -> None:
    made = [toy_cascade(f"c{n}", [-1, 0], label="true") for n in range(3)]
    other = toy_cascade("a0", [-1, 0], label="false")
    store = CascadeStore(write_store(tmp_path / "a.h5", [*made, other]))
    untrained = (store.label_names.index("true"),)
    evaluator = Evaluator(
        store, toy_features(store), toy_config(store).cascade, majority=0, untrained=untrained
    )
    found, _ = detect_early(
        evaluator, toy_model(store), np.arange(3), "test", parse_deadlines("0,all")
    )
    assert [row.rumor.accuracy for row in found.deadlines] == [0, 0]
    assert found.notes == (
        "all 3 labelled cascades of the test set are of one class, 'true': accuracy is how often "
        "it is predicted",
        "3 of 3 labelled cascades are of a class that no training cascade has ('true'): they count "
        "as wrong, and there is no NLL",
        "no intervals: they resample events, and the 3 cascades of the test set are of 3 events; "
        "fewer than 5 show nothing of others",
    )
    assert found.notes[0] in " ".join(str(found).split())
