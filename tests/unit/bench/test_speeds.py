"""Two speed files: the machine is told apart from what became slower."""

from __future__ import annotations

from pathlib import Path

import pytest

from compared_results import write_speeds
from dgljoint.errors import DataError
from dgljoint_bench.reporting.speeds import SpeedComparison, compare_speeds, read_speeds, slower

EPOCH = {"dgljoint, the published model": 1.0, "dgljoint": 1.5, "plain DGL": 3.0, "PyG": 4.0}


def compared(tmp_path: Path, first, second, **changes) -> SpeedComparison:
    one = write_speeds(tmp_path / "a.json", first)
    other = write_speeds(tmp_path / "b.json", second, **changes)
    return compare_speeds(read_speeds(one), read_speeds(other))


def relative(found: SpeedComparison) -> dict[str, float | None]:
    return {row.row: row.relative for row in found.rows}


def test_a_machine_half_as_fast_is_no_regression(tmp_path: Path) -> None:
    halved = {row: 2 * seconds for row, seconds in EPOCH.items()}
    found = compared(tmp_path, {"epoch": EPOCH}, {"epoch": halved})
    assert {row.ratio for row in found.rows} == {2.0}
    assert relative(found) == {
        "dgljoint, the published model": pytest.approx(1), "dgljoint": pytest.approx(1),
        "plain DGL": None, "PyG": None,
    }
    assert slower(found, 1.2) == []


def test_our_own_slowdown_is_seen_though_all_of_ours_share_it(tmp_path: Path) -> None:
    spoilt = EPOCH | {"dgljoint, the published model": 1.5, "dgljoint": 2.25}
    found = compared(tmp_path, {"epoch": EPOCH}, {"epoch": spoilt})
    assert [str(one) for one in slower(found, 1.2)] == [
        f"epoch, {row}: time beside the other rows from 1 to 1.5, tolerated is 1.2 times as long"
        for row in ("dgljoint, the published model", "dgljoint")
    ]
    assert slower(found, 1.6) == []


def test_another_library_that_became_slower_is_not_ours(tmp_path: Path) -> None:
    found = compared(tmp_path, {"epoch": EPOCH}, {"epoch": EPOCH | {"PyG": 9.0}})
    assert slower(found, 1.2) == []


def test_without_another_library_the_first_row_is_the_yardstick(tmp_path: Path) -> None:
    own = {"dgljoint": 1.0, "dgljoint, mapped": 2.0}
    spoilt = {"dgljoint": 2.0, "dgljoint, mapped": 6.0}
    found = compared(tmp_path, {"batch": own}, {"batch": spoilt})
    assert relative(found) == {"dgljoint": None, "dgljoint, mapped": 1.5}
    others = {"first": 1.0, "second": 2.0}
    found = compared(tmp_path, {"x": others}, {"x": {"first": 1.0, "second": 3.0}})
    assert relative(found) == {"first": None, "second": 1.5}


def test_a_row_alone_is_not_passed(tmp_path: Path) -> None:
    found = compared(tmp_path, {"preprocess": {"dgljoint": 1.0}}, {"preprocess": {"dgljoint": 9.0}})
    with pytest.raises(DataError, match="no row beside another"):
        slower(found, 1.2)


def test_rows_without_a_counterpart_and_another_machine_are_named(tmp_path: Path) -> None:
    found = compared(
        tmp_path, {"epoch": EPOCH, "batch": {"dgljoint": 1.0}},
        {"epoch": {"dgljoint": 1.0, "PyG": 2.0, "new": 1.0}},
        machine={"processor": "b", "cores": 2}, versions={"torch": "2.14.0"},
    )
    assert [row.row for row in found.rows] == ["dgljoint", "PyG"]
    assert found.environment == {
        "machine.processor": ("a", "b"), "version.torch": ("2.13.0", "2.14.0")
    }
    ours, theirs = found.notes
    assert ours.endswith("without a counterpart: epoch, dgljoint, the published model; "
                         "epoch, plain DGL; batch, dgljoint")
    assert theirs.endswith("without a counterpart: epoch, new")


def test_other_data_or_settings_are_refused_and_another_place_is_not(tmp_path: Path) -> None:
    same = {"epoch": EPOCH}
    moved = {"path": "/elsewhere/x.h5", "digest": "d", "cascades": 40}
    compared(tmp_path, same, same, data=moved, settings={"rounds": 9, "batch": 128})
    for changes, said in (
        ({"data": moved | {"digest": "e"}}, "digest d and e"),
        ({"settings": {"batch": 64}}, "batch 128 and 64"),
    ):
        with pytest.raises(DataError, match=said):
            compared(tmp_path, same, same, **changes)
    with pytest.raises(DataError, match="no row in common"):
        compared(tmp_path, same, {"batch": EPOCH})


@pytest.mark.parametrize(
    "spoilt",
    ["", "{", "[]", "{}", '{"sections": 1}',
     '{"machine": {}, "versions": {}, "data": {}, "sections": {"x": {"rows": {"y": {}}}}}',
     '{"machine": {}, "versions": {}, "data": {}, '
     '"sections": {"x": {"rows": {"y": {"median_seconds": 0}}}}}',
     '{"machine": {}, "versions": {}, "data": 5, "sections": {}}', "[" * 100_000],
)
def test_what_is_no_speed_file_is_said(tmp_path: Path, spoilt: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(spoilt)
    with pytest.raises(DataError, match="no readable file of dgljoint benchmark speed"):
        read_speeds(file)
