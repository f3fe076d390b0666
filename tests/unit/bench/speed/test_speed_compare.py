"""Two speed files: the machine is separated from what became slower."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed.compare import Timed, compare, promises, read_speeds, remarks, slower
from compared_results import write_speeds
from dgljoint.errors import DataError

EPOCH = {"dgljoint, the published model": 1.0, "dgljoint": 1.5, "plain DGL": 3.0, "PyG": 4.0}


def files(tmp_path: Path, first, second, **changes):
    one = write_speeds(tmp_path / "a.json", first)
    other = write_speeds(tmp_path / "b.json", second, **changes)
    return read_speeds(one), read_speeds(other)


def relative(rows: list[Timed]) -> dict[str, float | None]:
    return {row.row: row.relative for row in rows}


def test_a_machine_half_as_fast_is_no_regression(tmp_path: Path) -> None:
    halved = {row: 2 * seconds for row, seconds in EPOCH.items()}
    found = compare(*files(tmp_path, {"epoch": EPOCH}, {"epoch": halved}))
    assert {row.ratio for row in found} == {2.0}
    assert relative(found) == {
        "dgljoint, the published model": pytest.approx(1), "dgljoint": pytest.approx(1),
        "plain DGL": None, "PyG": None,
    }
    assert slower(found, 1.2) == []


def test_our_own_slowdown_is_seen_though_all_of_ours_share_it(tmp_path: Path) -> None:
    spoilt = EPOCH | {"dgljoint, the published model": 1.5, "dgljoint": 2.25}
    found = compare(*files(tmp_path, {"epoch": EPOCH}, {"epoch": spoilt}))
    assert [(one.row, one.relative) for one in slower(found, 1.2)] == [
        (row, 1.5) for row in ("dgljoint, the published model", "dgljoint")
    ]
    assert slower(found, 1.6) == []


def test_another_library_that_became_slower_is_not_ours(tmp_path: Path) -> None:
    found = compare(*files(tmp_path, {"epoch": EPOCH}, {"epoch": EPOCH | {"PyG": 9.0}}))
    assert slower(found, 1.2) == []


def test_without_another_library_the_first_row_measures_the_machine(tmp_path: Path) -> None:
    own = {"dgljoint": 1.0, "dgljoint, mapped": 2.0}
    spoilt = {"dgljoint": 2.0, "dgljoint, mapped": 6.0}
    found = compare(*files(tmp_path, {"batch": own}, {"batch": spoilt}))
    assert relative(found) == {"dgljoint": None, "dgljoint, mapped": 1.5}
    found = compare(*files(
        tmp_path, {"x": {"first": 1.0, "second": 2.0}}, {"x": {"first": 1.0, "second": 3.0}}
    ))
    assert relative(found) == {"first": None, "second": 1.5}


def test_a_row_alone_is_not_passed(tmp_path: Path) -> None:
    alone = {"preprocess": {"dgljoint": 1.0}}
    found = compare(*files(tmp_path, alone, alone))
    with pytest.raises(DataError, match="no section has a row that measures the machine"):
        slower(found, 1.2)


def test_rows_of_one_file_and_another_machine_are_named(tmp_path: Path) -> None:
    one, other = files(
        tmp_path, {"epoch": EPOCH, "batch": {"dgljoint": 1.0}},
        {"epoch": {"dgljoint": 1.0, "PyG": 2.0, "new": 1.0}},
        machine={"processor": "b", "cores": 2}, versions={"torch": "2.14.0"},
    )
    assert [row.row for row in compare(one, other)] == ["dgljoint", "PyG"]
    assert [*remarks(one, other)] == [
        "only in A: epoch, dgljoint, the published model; epoch, plain DGL; batch, dgljoint",
        "only in B: epoch, new",
        "machine.processor: a in A, b in B",
        "version.torch: 2.13.0 in A, 2.14.0 in B",
    ]


def test_other_data_or_settings_are_refused_and_another_place_is_not(tmp_path: Path) -> None:
    same = {"epoch": EPOCH}
    moved = {"path": "/elsewhere/x.h5", "digest": "d", "cascades": 40}
    compare(*files(tmp_path, same, same, data=moved, settings={"rounds": 9, "batch": 128}))
    for changes, message in (
        ({"data": moved | {"digest": "e"}}, "digest d and e"),
        ({"settings": {"batch": 64}}, "batch 128 and 64"),
    ):
        with pytest.raises(DataError, match=message):
            compare(*files(tmp_path, same, same, **changes))
    with pytest.raises(DataError, match="no row in common"):
        compare(*files(tmp_path, same, {"batch": EPOCH}))


@pytest.mark.parametrize(
    "spoilt",
    ["", "{", "[]", "{}", '{"sections": 1}',
     '{"machine": {}, "versions": {}, "data": {}, "scaling": {}, '
     '"sections": {"x": {"rows": {"y": {}}}}}',
     '{"machine": {}, "versions": {}, "data": {}, "scaling": {}, '
     '"sections": {"x": {"rows": {"y": {"median_seconds": 0}}}}}',
     '{"machine": {}, "versions": {}, "data": 5, "scaling": {}, "sections": {}}', "[" * 100_000],
)
def test_another_file_is_refused(tmp_path: Path, spoilt: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(spoilt)
    with pytest.raises(DataError, match="no readable speed file"):
        read_speeds(file)


def test_missed_promises_are_found() -> None:
    epoch = {
        "PyTorch Geometric, sparse words": {"ratio": 2.6},
        "PyTorch Geometric, dense words": {"ratio": 59.0},
    }
    preprocess = {
        "rows": {"dgljoint": {"median_seconds": 2.0}, "dgljoint, two": {"median_seconds": 1.0}},
        "read": {"posts": 9, "edge_lines": 150_000, "tweet_files": 3_999},
    }
    posts = [
        {"posts": size, "train": {"peak_megabytes": peak}, "build": {"posts_a_second": rate}}
        for size, peak, rate in (
            (10_000, 1.0, 1.0), (1_000_000, 900.0, 4.0), (10_000_000, 1100.0, 3.2),
        )
    ]
    found = {
        "sections": {"epoch": {"rows": epoch}, "preprocess": preprocess},
        "scaling": {"posts": posts},
    }
    assert [(round(value, 2), kept) for _, value, kept in promises(found)] == [
        (2.6, True), (59.0, False), (150_000, True), (3_999, False), (1.22, False), (0.8, True),
    ]
