"""Pictures are drawn in every form, the same results give the same bytes, labels keep apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from compared_results import cell, failed
from dgljoint.errors import RunFailedError, UsageError
from dgljoint_bench.reporting.series import early_detection, every_cell, gains, learning_curves
from dgljoint_bench.reporting.statistics import average_ranks

matplotlib = pytest.importorskip("matplotlib")
plots = pytest.importorskip("dgljoint_bench.reporting.plots")

NAMES = ("joint", "alone", "attention + meta_weight + contrastive")
DEADLINES = ("0", "1h", "all")
CELLS = [
    cell(
        name, fold, data=data,
        rows={
            "model": {"accuracy": 0.4 + 0.05 * number + 0.01 * fold,
                      **{f"accuracy@{one}": 0.3 + 0.1 * p for p, one in enumerate(DEADLINES)}},
            "majority guess": {"accuracy": 0.3},
        },
        curve=[0.1 * number + 0.1 * epoch for epoch in range(4 + fold)],
    )
    for number, name in enumerate(NAMES) for fold in range(3) for data in ("one", "two")
] + [
    cell("", fold, rows={"date alone": {f"accuracy@{one}": 0.8 for one in DEADLINES}})
    for fold in range(3)
] + [failed("joint", 3)]

DRAWINGS: dict[str, Callable[..., None]] = {
    "critical difference": partial(
        plots.critical_difference,
        ranks=average_ranks({"joint": [1, 2, 3], "alone": [3, 3, 1], "last": [0, 0, 0]}),
        title="accuracy",
    ),
    "learning curves": partial(
        plots.learning_curves, panels=learning_curves(CELLS, "score"), label="score"
    ),
    "early detection": partial(
        plots.early_detection, panels=early_detection(CELLS, "accuracy", DEADLINES),
        deadlines=DEADLINES, label="accuracy",
    ),
    "gains": partial(
        plots.gains,
        panels=gains(CELLS, "accuracy", "joint", {"one": ("who", 0.5), "two": ("who", 1.0)})[0],
        strengths=[0.5, 1.0], label="accuracy", reference="joint",
    ),
    "every cell": partial(
        plots.every_cell, panels=every_cell(CELLS, "accuracy"), label="accuracy"
    ),
}
SAID = {
    "critical difference": {"accuracy", "alone  1.33", "critical difference 1.91", "3.00  last"},
    "learning curves": {"one", "two", "epoch", "score, validation set", *NAMES},
    "gains": {"who", "0.5", "accuracy, gain", "strength; gain over joint on the test set",
              *NAMES[1:]},
    "early detection": {"one", "two", "1h", "all", "observed until", "accuracy, test set", *NAMES,
                        "date alone"},
    "every cell": {"one", "two", "0.410", "0.300", "majority guess", *NAMES},
}


@pytest.fixture(params=DRAWINGS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def texts(file: Path) -> set[str]:
    """Return the texts of an SVG: drawn as paths, each says in a comment what it is."""
    return set(re.findall(r"<!-- (.*?) -->", file.read_text()))


def test_the_same_results_give_the_same_bytes_whatever_the_user_set(
    kind: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    plots.write(first, DRAWINGS[kind])
    assert texts(first) >= SAID[kind]
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": None, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        plots.write(second, DRAWINGS[kind])
        assert dict(matplotlib.rcParams) == before
    assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()


@pytest.mark.parametrize(("form", "start"), [(".png", b"\x89PNG"), (".PDF", b"%PDF")])
def test_other_forms(tmp_path: Path, form: str, start: bytes) -> None:
    files = [tmp_path / f"{name}{form}" for name in "ab"]
    for file in files:
        plots.write(file, DRAWINGS["critical difference"])
    one, other = (file.read_bytes() for file in files)
    assert one.startswith(start)
    assert one == other


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.jpg is no picture") as caught:
        plots.write(tmp_path / "a.jpg", DRAWINGS["every cell"])
    assert caught.value.hint == "name it a.svg (or .png, .pdf)"
    with pytest.raises(RunFailedError, match="cannot write"):
        plots.write(tmp_path / "none" / "a.svg", DRAWINGS["critical difference"])
    assert list(tmp_path.iterdir()) == []


def test_lines_beyond_what_can_be_told_apart_are_grey_and_counted(tmp_path: Path) -> None:
    many = [
        cell(f"way {number}", curve=[0.1, 0.1 * number]) for number in range(len(plots.COLOURS) + 2)
    ]
    file = tmp_path / "a.svg"
    plots.write(file, partial(
        plots.learning_curves, panels=learning_curves(many, "score"), label="score"
    ))
    named = {text for text in texts(file) if text.startswith("way")}
    assert named == {f"way {number}" for number in range(2, len(plots.COLOURS) + 2)}
    assert "grey: 2 more" in texts(file)


def test_a_configuration_has_one_colour_in_all_panels(tmp_path: Path) -> None:
    first = {"joint": 0.2, "alone": 0.6}
    cells = [
        cell(name, data=data, curve=[0.1, first[name] if data == "one" else 1 - first[name]])
        for data in ("one", "two") for name in first
    ]
    file = tmp_path / "a.svg"
    plots.write(file, partial(
        plots.learning_curves, panels=learning_curves(cells, "score"), label="score"
    ))
    for name in first:
        colours = re.findall(rf'<!-- {name} -->\s*<g style="fill: (#\w+)"', file.read_text())
        assert len(colours) == 2
        assert len(set(colours)) == 1


@pytest.mark.parametrize(
    "values", [[0.5], [0.5, 0.5, 0.5], [0.1, 0.11, 0.9, 0.91, 0.92], [0.0, 0.3, 0.31, 0.32, 0.6]]
)
def test_labels_keep_apart_in_order_and_move_no_more_than_they_must(values: list[float]) -> None:
    gap = 0.1
    places = plots._apart(values, gap)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(places))
    assert sum(places) == pytest.approx(sum(values))
    assert plots._apart([0.0, 0.5, 1.0], gap) == pytest.approx([0.0, 0.5, 1.0])
