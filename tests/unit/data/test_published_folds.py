"""The published folds: a random split of its own, checked before it is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgljoint import DataError, ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint_data import BuildSummary, build_store
from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader
from dgljoint_data.readers.twitter.published_folds import choose_split, read_folds
from twitter_release import RvnnRelease

IDS = ("500", "600", "700", "800", "900")
FOLDS = tuple((thread,) for thread in IDS)


def written(folder: Path, folds: tuple[tuple[str, ...], ...] = FOLDS, edition: str = "15") -> Path:
    return RvnnRelease(folds=folds).write_folds(folder, edition)


def build(tmp_path: Path, folds: tuple[tuple[str, ...], ...]) -> BuildSummary:
    source = RvnnRelease(folds=folds).write(tmp_path / "rvnn")
    return build_store(
        TwitterReader("15", TwitterOptions()), reader_name="twitter15", source=source,
        folds=source, output=tmp_path / "out.h5",
    )


def test_the_split_is_stored_as_random_folds_with_a_digest(tmp_path: Path) -> None:
    summary = build(tmp_path, FOLDS)
    split = CascadeStore(summary.path).split("published")
    assert split.fold.tolist() == [0, 1, 2, 3, 4]
    assert (split.grouped_by, split.group, split.ordered_by) == ("", None, "")
    assert len(split.digest) == 32
    assert summary.splits["published"] == 5
    assert summary.report.counts["threads_in_no_published_fold"] == 0
    assert not any("published" in note for note in summary.report.notes)


def test_threads_of_no_fold_and_ids_of_no_thread_are_counted_and_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "nfold", (("500", "77"), *FOLDS[1:]))
    report = ReadReport()
    split = choose_split(read_folds(folder), [*IDS, "999"], report)
    assert split.fold.tolist() == [0, 1, 2, 3, 4, -1]
    assert split.folds == 5
    assert report.counts == {
        "published_fold_ids": 6, "published_fold_ids_not_in_the_data": 1,
        "threads_in_no_published_fold": 1,
    }
    assert "name 1 threads that are not in the data" in report.notes[0]
    assert "1 threads are in no test fold" in report.notes[1]


def test_without_folds_there_is_no_such_split(tmp_path: Path) -> None:
    source = RvnnRelease().write(tmp_path / "rvnn")
    summary = build_store(
        TwitterReader("15", TwitterOptions()), reader_name="twitter15", source=source,
        output=tmp_path / "out.h5",
    )
    assert "published" not in summary.splits


def test_of_two_editions_the_one_that_knows_the_threads_is_taken(tmp_path: Path) -> None:
    folder = written(tmp_path / "nfold")
    written(folder, (("500", "1"), ("2",), ("3",), ("4",), ("5",)), edition="16")
    editions = read_folds(tmp_path)
    assert [each.edition for each in editions] == ["15", "16"]
    assert (choose_split(editions, IDS, ReadReport()).fold == np.arange(5)).all()
    other = choose_split(editions, ["1", "2", "3", "4", "5", "500"], ReadReport())
    assert other.fold.tolist() == [0, 1, 2, 3, 4, 0]


def test_lines_that_are_no_ids_are_counted(tmp_path: Path) -> None:
    folder = written(tmp_path / "nfold")
    with (folder / "RNNtestSet_Twitter152_tree.txt").open("a") as file:
        file.write("\n\nhello\n")
    report = ReadReport()
    choose_split(read_folds(folder), IDS, report)
    [tally] = report.repairs.values()
    assert (tally.count, tally.examples) == (1, ["RNNtestSet_Twitter152_tree.txt:4"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("RNNtestSet_Twitter153_tree.txt", "500\n", "are in the test folds 0 and 3"),
        ("RNNtrainSet_Twitter151_tree.txt", "600\n", "are in RNNtrainSet_Twitter151_tree.txt"),
        ("RNNtestSet_Twitter154_tree.txt", None, "lacks RNNtestSet_Twitter154_tree.txt"),
        ("RNNtrainSet_Twitter150_tree.txt", None, "lacks RNNtrainSet_Twitter150_tree.txt"),
        ("RNNtestSet_Twitter154_tree.txt", "", "none of the 5 threads is in test fold 4"),
    ],
)
def test_folds_that_cannot_be_right_are_an_error(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    folder = written(tmp_path / "nfold")
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
        if name.startswith("RNNtestSet_Twitter153"):
            (folder / "RNNtrainSet_Twitter153_tree.txt").write_text("600\n")
    with pytest.raises(DataError, match=message):
        choose_split(read_folds(folder), IDS, ReadReport())


def test_folds_of_another_data_set_or_none_at_all_are_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path / "nfold")
    with pytest.raises(DataError, match="know 1 of 4 threads: they are of another data set"):
        choose_split(read_folds(folder), ["500", "1", "2", "3"], ReadReport())
    (tmp_path / "empty").mkdir()
    for place, message in (
        (tmp_path / "empty", "holds no RNNtestSet_Twitter150_tree.txt or its like"),
        (tmp_path / "missing", "does not exist"),
        (folder / "RNNtestSet_Twitter150_tree.txt", "is no folder"),
    ):
        with pytest.raises(DataError, match=message):
            read_folds(place)


def test_wrong_folds_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        build(tmp_path, (("500",), ("500",), *FOLDS[2:]))
    assert not (tmp_path / "out.h5").exists()
