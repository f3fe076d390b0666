"""Runs beside one another: paired by fold and seed, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dgljoint.errors import DataError, UsageError
from dgljoint.runs.compare_folders import compare_runs
from stored_runs import Line, write_run, write_study

SAID: list[Line] = [
    ("c1", "true", "true", 0.9, 4, 0.5), ("c2", "true", "false", 0.8, 2, 0.25),
    ("c3", "false", "false", 0.6, 0, 0.0), ("c4", "false", "true", 0.7, 1, 1.0),
    ("d1", "false", "false", 0.6, 2, 0.5), ("d2", "true", "false", 0.7, 2, 0.5),
]


def test_studies_are_paired_by_fold_and_seed(tmp_path: Path) -> None:
    first = write_study(tmp_path / "a", [0.0, 0.1, 0.2, 0.1, 0.0, 0.1])
    second = write_study(tmp_path / "b", [0.05, 0.16, 0.27, 0.18, 0.09, 0.2],
                         plugins=("contrastive",))
    found = compare_runs((first, second))
    (side,) = found.sides
    assert found.reference == str(first)
    assert side.cells == tuple((fold, 0) for fold in range(6))
    assert side.basis == "pairs"
    assert [row.metric for row in side.rows] == [
        "accuracy", "macro_f1", "auc_date_matched", "mrr", "mrr_not_source", "hits1"]
    accuracy = side.rows[0]
    assert accuracy.found.difference == pytest.approx(0.075)
    assert (accuracy.found.wins, accuracy.found.p) == (6, pytest.approx(2 / 64))
    # six rows, five with the smallest p there is
    assert accuracy.holm == pytest.approx(6 * 2 / 64)
    assert side.settings == {"plugins": ([], ["contrastive"])}
    assert found.notes == ()


def test_several_sides_are_compared_with_the_first_and_corrected_together(tmp_path: Path) -> None:
    sides = [write_study(tmp_path / name, [gain + fold / 100 for fold in range(6)])
             for name, gain in (("a", 0.0), ("b", 0.1), ("c", -0.1))]
    found = compare_runs(sides, ["accuracy", "mrr"])
    assert [side.name for side in found.sides] == [str(side) for side in sides[1:]]
    rows = [row for side in found.sides for row in side.rows]
    assert [round(row.found.difference, 9) for row in rows] == [0.1, 0.1, -0.1, -0.1]
    assert [row.holm for row in rows] == pytest.approx([4 * 2 / 64] * 4)


def test_the_noise_of_seeds_is_that_within_folds(tmp_path: Path) -> None:
    gains = {"a": [(0.0, 0.02), (0.3, 0.32)], "b": [(0.1, 0.1), (0.4, 0.44)]}
    for name, folds in gains.items():
        for fold, seeds in enumerate(folds):
            for seed, gain in enumerate(seeds):
                folder = tmp_path / name / f"fold{fold}-seed{seed}"
                write_run(folder, fold=fold, seed=seed, accuracy=0.3 + gain)
    noise = compare_runs((tmp_path / "a", tmp_path / "b")).sides[0].noise["accuracy"]
    # By fold: half of 0.02 squared twice in a; of 0 and of 0.04 in b.
    first, second = 2 * 0.02**2 / 2 / 2, 0.04**2 / 2 / 2
    assert (noise.first, noise.second) == pytest.approx((first**0.5, second**0.5))
    assert noise.floor == pytest.approx(1.96 * ((first + second) / 4) ** 0.5)
    one = write_study(tmp_path / "c", [0.0, 0.1])
    assert compare_runs((one, write_study(tmp_path / "d", [0.0, 0.1]))).sides[0].noise == {}


def test_what_has_no_counterpart_is_left_out_and_named(tmp_path: Path) -> None:
    first = write_study(tmp_path / "a", [0.0, 0.1, 0.2])
    second = write_study(tmp_path / "b", [0.0, 0.1])
    write_run(second / "fold4-seed1", fold=4, seed=1)
    write_run(second / "fold2-seed0", fold=2, finished=False)
    found = compare_runs((first, second))
    assert found.sides[0].cells == ((0, 0), (1, 0))
    assert found.notes == (
        f"{second}/fold2-seed0 is left out: its run has not ended",
        f"{first}: 1 run without a counterpart: fold 2, seed 0",
        f"{second}: 1 run without a counterpart: fold 4, seed 1",
    )
    with pytest.raises(DataError, match=r"no run in common: .* of fold 0, seed 0; fold 1, seed 0"):
        compare_runs((write_pair(tmp_path / "d", 0), write_pair(tmp_path / "e", 2)))


def write_pair(folder: Path, first: int) -> Path:
    for fold in (first, first + 1):
        write_run(folder / str(fold), fold=fold)
    return folder


def test_one_pair_is_resampled_over_its_events(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", said=SAID)
    better = [(line[0], line[1], line[1], *line[3:5], 1.0 if line[4] else 0.0) for line in SAID]
    second = write_run(tmp_path / "b", said=list(reversed(better)), seed=3)
    found = compare_runs((first, second))
    (side,) = found.sides
    assert (side.basis, side.cells, found.notes) == ("events", ((0, 0),), ())
    intervals = {row.metric: row.found.interval for row in side.rows}
    low, high = intervals["accuracy"] or (0, 0)
    assert 0 <= low < 0.5 < high <= 1
    assert intervals["mrr"] is not None
    assert intervals["hits1"] is None
    assert all(row.found.p is None and row.holm is None for row in side.rows)
    assert side.settings == {"seed": (0, 3)}


def test_cascades_are_matched_by_their_ids(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", said=SAID)
    second = write_run(tmp_path / "b", said=SAID[::-1])
    (side,) = compare_runs((first, second)).sides
    found = {row.metric: row.found.interval for row in side.rows}
    assert [found[name] for name in ("accuracy", "macro_f1", "mrr")] == [(0.0, 0.0)] * 3


def test_one_pair_without_predictions_has_its_difference_alone(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", accuracy=0.5)
    second = write_run(tmp_path / "b", accuracy=0.75, said=SAID)
    found = compare_runs((first, second))
    (side,) = found.sides
    assert side.basis == "nothing"
    assert side.rows[0].found.difference == 0.25
    assert side.rows[0].found.interval is None
    assert found.notes == (f"{first} has no predictions.csv: one pair has only its difference",)


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"described": {"data": {"name": "small", "content_digest": "d2"}}},
         "data digest d1 and d2"),
        ({"described": {"split": {"name": "event", "digest": "s2"}}}, "split digest s1 and s2"),
        ({"fold": 1}, "fold 0 and 1"),
    ],
)
def test_what_was_not_asked_the_same_is_refused(
    tmp_path: Path, other: dict[str, Any], differs: str
) -> None:
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", **other)
    with pytest.raises(DataError, match=differs) as refused:
        compare_runs((first, second))
    assert refused.value.hint == "compare runs of the same data, split, folds and " \
        "cascade.observed_share"


def test_another_share_observed_is_refused(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a")
    second = write_run(tmp_path / "b", "cascade.observed_share=0.5")
    with pytest.raises(DataError, match=r"cascade.observed_share 0.75 and 0.5"):
        compare_runs((first, second))


def test_folders_that_are_no_study_are_refused(tmp_path: Path) -> None:
    single = write_run(tmp_path / "single")
    mixed = write_study(tmp_path / "mixed", [0.0])
    write_run(mixed / "other", "train.epochs=5", "train.batch=8", fold=1)
    with pytest.raises(UsageError, match=r"different settings.*; 1 more differ"):
        compare_runs((single, mixed))
    twice = write_study(tmp_path / "twice", [0.0])
    write_run(twice / "again")
    with pytest.raises(UsageError, match="two runs of fold 0, seed 0"):
        compare_runs((single, twice))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"is no run folder: it has no config\.toml"):
        compare_runs((single, tmp_path / "empty"))
    unended = tmp_path / "unended"
    for fold in (0, 1):
        write_run(unended / str(fold), fold=fold, finished=False)
    with pytest.raises(DataError, match=r"no run in .*unended has ended"):
        compare_runs((single, unended))
    with pytest.raises(DataError, match=r"its run has not ended"):
        compare_runs((single, unended / "0"))
    with pytest.raises(DataError, match="no run folder"):
        compare_runs((single, tmp_path / "none"))
    with pytest.raises(UsageError, match="nothing to compare with"):
        compare_runs((single,))


def test_figures_that_one_side_lacks_are_left_out(tmp_path: Path) -> None:
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    scores = json.loads((second / "scores.json").read_text())
    scores["test"]["rumor"] = None
    (second / "scores.json").write_text(json.dumps(scores))
    (side,) = compare_runs((first, second)).sides
    assert [row.metric for row in side.rows] == ["mrr", "mrr_not_source", "hits1"]


def test_other_versions_are_a_difference(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a")
    second = write_run(tmp_path / "b", described={"packages": {"torch": "2.14.0"}})
    (side,) = compare_runs((first, second)).sides
    assert side.settings == {"version of torch": ("2.13.0", "2.14.0")}


def test_predictions_that_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    first, second = (write_run(tmp_path / name, said=SAID) for name in "ab")
    (second / "predictions.csv").unlink()
    (second / "predictions.csv").symlink_to(first / "predictions.csv")
    with pytest.raises(DataError, match="is a link"):
        compare_runs((first, second))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("c4", "c5"), "not of the same cascades"),
        (("p_true", "p_other"), "not readable"),
        (("0.9", "nan"), "not readable"),
        (("0.9", "1.5"), "not readable"),
        (("0.9", "-0.5"), "not readable"),
        (("c1,event of c1,true", "c1,event of c1,odd"), "no column of class 'odd'"),
        (("9,7,4", "9,7,-1"), "not readable"),
        (("9,7,4", "9,7,99999999999"), "not readable"),
        (("c1,", '"' + "x" * 200_000 + '",'), "not readable"),
        (("part,", "port,"), "not readable"),
    ],
)
def test_damaged_predictions_are_refused(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    first = write_run(tmp_path / "a", said=SAID)
    second = write_run(tmp_path / "b", said=SAID)
    file = second / "predictions.csv"
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change))
    with pytest.raises(DataError, match=message):
        compare_runs((first, second))
