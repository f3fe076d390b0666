"""Means and deviations over runs, from what their ``scores.json`` says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dgljoint.training.study_summary import (
    ACCURACY,
    DONE,
    ECE,
    FAILED,
    HITS1,
    MACRO_F1,
    MRR,
    MRR_NOT_SOURCE,
    CellState,
    StudySummary,
    guess_figures,
    model_figures,
    over_cells,
    spread,
)


def links(mrr: float) -> dict[str, Any]:
    return {"mrr": mrr, "hits1": mrr / 2, "hits3": 0.9, "hits10": 0.9, "auc": 0.9}


def part(accuracy: float, mrr: float, **more: object) -> dict[str, Any]:
    return {
        **more,
        "rumor": {"accuracy": accuracy, "macro_f1": accuracy / 2, "majority": 0.25},
        "links": {
            "all": {"targets": 9, "rows": {"model": links(mrr), "source": links(0.4)}},
            "parent is not the source": {"targets": 5, "rows": {"model": links(mrr / 4)}},
        },
    }


def test_figures_are_read_from_a_test_part() -> None:
    assert model_figures(part(0.6, 0.4, calibration={"raw": {"ece": 0.1}})) == {
        ACCURACY: 0.6, MACRO_F1: 0.3, ECE: 0.1, MRR: 0.4, HITS1: 0.2, MRR_NOT_SOURCE: 0.1
    }
    assert guess_figures(part(0.6, 0.4)) == {
        "majority guess": {ACCURACY: 0.25}, "parent: source": {MRR: 0.4, HITS1: 0.2}
    }


def test_what_was_not_scored_has_no_figure() -> None:
    rumor_alone = {"rumor": {"accuracy": 0.5, "macro_f1": 0.5, "majority": 0.5}, "links": {}}
    assert model_figures(rumor_alone) == {ACCURACY: 0.5, MACRO_F1: 0.5}
    nothing: dict[str, Any] = {"rumor": None, "links": {}}
    assert model_figures(nothing) == {}
    assert guess_figures(nothing) == {}


def test_a_spread_is_that_of_a_sample_over_all_runs() -> None:
    tests = [part(0.2, 0.5), part(0.4, 0.5), part(0.9, 0.8), {"rumor": None, "links": {}}]
    found = over_cells(tests)["model"]
    assert found[ACCURACY].mean == pytest.approx(0.5)
    assert found[ACCURACY].sd == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1))
    assert found[ACCURACY].n == 3
    assert found[MRR].mean == pytest.approx(0.6)
    assert over_cells(tests)["parent: source"][MRR].sd == 0
    assert spread([0.3]).sd is None


def test_a_study_ends_as_its_first_failed_run_did() -> None:
    cells = (
        CellState(0, 0, "fold0-seed0", DONE, {}),
        CellState(1, 0, "fold1-seed0", FAILED, {}, "boom is nan", "lower the rate", 5),
        CellState(2, 0, "fold2-seed0", FAILED, {}, "no memory", "lower the rate", 1),
    )
    summary = StudySummary("toy", "event", "event", False, (0, 1, 2), (0,), cells, {})
    error = summary.error()
    assert error is not None
    assert error.exit_code == 5
    assert error.message == (
        "2 of 3 runs failed:\n  fold 1, seed 0: boom is nan\n  fold 2, seed 0: no memory"
    )
    assert error.hint == "lower the rate"
    assert (summary.done, summary.failed) == (1, 2)
    whole = StudySummary("toy", "event", "event", False, (0,), (0,), cells[:1], {})
    assert whole.error() is None
