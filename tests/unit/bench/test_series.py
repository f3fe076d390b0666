"""What pictures show is what the cells say."""

from __future__ import annotations

import pytest

from compared_results import cell, failed
from dgljoint_bench.reporting.series import (
    blocks,
    early_detection,
    every_cell,
    gains,
    learning_curves,
)


def test_a_learning_curve_is_the_mean_of_the_cells_and_says_where_some_have_stopped() -> None:
    cells = [
        cell(fold=0, curve=[0.1, 0.3, 0.5]), cell(fold=1, curve=[0.3, 0.5]),
        cell(fold=2, curve=[0.2, 0.4, 0.7]), cell(fold=3, curve=[0.2, 0.4, 0.6, 0.9]),
        failed(fold=4), cell(""),
    ]
    (panel,) = learning_curves(cells, "score")
    (line,) = panel.lines
    assert (panel.table, line.name) == ("one", "joint")
    assert line.at == (1, 2, 3)  # one cell of four has a fourth epoch
    assert line.mean == pytest.approx((0.2, 0.4, 0.6))
    assert line.sd == pytest.approx((0.0816497, 0.0816497, 0.1))
    assert line.whole == 2
    (panel,) = learning_curves(cells, "mrr")
    assert panel.lines[0].mean == pytest.approx((0.1, 0.2, 0.3))
    assert learning_curves(cells, "macro_f1") == []


def test_a_figure_by_deadline_stands_at_the_place_of_the_deadline() -> None:
    def told(first: float, last: float) -> dict[str, float]:
        return {"accuracy@10m": last, "accuracy@0": first, "mrr@0": 0.9, "accuracy": 0.8}

    cells = [cell(fold=0, figures=told(0.2, 0.4)), cell(fold=1, figures=told(0.4, 0.4)),
             cell("alone", data="two", figures={"accuracy@10m": 0.5})]
    one, two = early_detection(cells, "accuracy", ["0", "1m", "10m"])
    assert (one.lines[0].at, one.lines[0].whole) == ((0, 2), 2)
    assert one.lines[0].mean == pytest.approx((0.3, 0.4))
    assert (two.table, two.lines[0].name, two.lines[0].at) == ("two", "alone", (2,))
    assert two.lines[0].sd == (0.0,)


def test_every_cell_is_a_value_and_a_guess_has_one_a_fold() -> None:
    guessed = {"model": {"accuracy": 0.5}, "majority guess": {"accuracy": 0.3}}
    cells = [
        cell("joint", 0, 0, rows=guessed), cell("joint", 0, 1, rows=guessed),
        cell("alone", 0, rows=guessed), cell("alone", 1, rows={**guessed, "model": {"mrr": 0.1}}),
        cell("", 0, rows={"text": {"accuracy": 0.8}}), failed("joint", 2),
    ]
    (panel,) = every_cell(cells, "accuracy")
    assert [(row.name, row.values, row.model) for row in panel.points] == [
        ("joint", (0.5, 0.5), True), ("alone", (0.5,), True),
        ("majority guess", (0.3, 0.3), False), ("text", (0.8,), False),
    ]


def test_blocks_are_folds_of_tables_that_all_configurations_have_with_a_seed() -> None:
    def scored(name: str, fold: int, seed: int, value: float, data: str = "one"):
        return cell(name, fold, seed, data=data, figures={"accuracy": value})

    found, partial = blocks(
        [
            scored("joint", 0, 0, 0.4), scored("joint", 0, 1, 0.6), scored("alone", 0, 0, 0.3),
            scored("joint", 0, 0, 0.7, "two"), scored("alone", 0, 0, 0.8, "two"),
            scored("joint", 1, 0, 0.9), failed("alone", 1),
            cell("links", 0, figures={"mrr": 0.5}),
            cell("", 0, rows={"text": {"accuracy": 0.9}}),
        ],
        "accuracy",
    )
    assert found == {"joint": [0.4, 0.7], "alone": [0.3, 0.8]}
    assert partial == ["one, fold 1"]


def test_a_gain_is_over_the_reference_on_the_same_fold_with_the_same_seed() -> None:
    def scored(name: str, data: str, seed: int, value: float, best: float = 0.9):
        rows = {"model": {"mrr": value}, "best possible": {"mrr": best}, "source": {"mrr": 0.1}}
        return cell(name, 0, seed, data=data, rows=rows)

    planted = {"strong": ("both", 1.0), "half": ("both", 0.5)}
    cells = [
        scored("joint", "strong", 0, 0.5), scored("joint", "strong", 1, 0.6),
        scored("new", "strong", 0, 0.7), scored("new", "strong", 1, 0.7),
        scored("joint", "half", 0, 0.4), scored("new", "half", 0, 0.3),
        scored("new", "half", 1, 0.9), scored("new", "elsewhere", 0, 0.9), failed("joint", 2),
        cell("", 0, rows={"text": {"mrr": 0.8}}, data="strong"),
    ]
    (panel,), strengths = gains(cells, "mrr", "joint", planted)
    assert strengths == [0.5, 1.0]
    assert panel.table == "both"
    by_name = {line.name: line for line in panel.lines}
    assert by_name.keys() == {"new", "best possible"}
    assert by_name["new"].at == (0, 1)
    assert by_name["new"].mean == pytest.approx((-0.1, 0.15))
    assert by_name["best possible"].mean == pytest.approx((0.5, 0.35))
    assert not by_name["best possible"].model
