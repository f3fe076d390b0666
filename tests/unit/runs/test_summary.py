"""Means and deviations over runs, from what their ``scores.json`` says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dgljoint.errors import DivergedError, RunFailedError
from dgljoint.evaluation.scores import (
    Calibration,
    LinkScores,
    LinkTable,
    Reliability,
    RumorScores,
    Scores,
)
from dgljoint.runs.records import DONE, Key, RunRecord, failed
from dgljoint.runs.stored import Protocol
from dgljoint.runs.summary import (
    FIGURES,
    StudySummary,
    over_runs,
    rows_of,
    spread,
)

NOTHING = Scores("test", None, {}, 0.1)
CALIBRATION = Calibration(9, Reliability(0.1, 0.2, 0.3, ()), None, None)


def links(mrr: float) -> LinkScores:
    return LinkScores(mrr=mrr, hits1=mrr / 2, hits3=0.9, hits10=0.9, auc=0.9)


def part(accuracy: float, mrr: float) -> Scores:
    rumor = RumorScores(
        cascades=9, accuracy=accuracy, macro_f1=accuracy / 2, f1={}, auroc=None, majority=0.25,
        confusion={},
    )
    groups = {
        "all": LinkTable(9, {"model": links(mrr), "source": links(0.4)}),
        "parent is not the source": LinkTable(5, {"model": links(mrr / 4), "latest": links(0.8)}),
        "source left out of the candidates": LinkTable(
            5, {"model": links(mrr / 2), "latest": links(0.9)}
        ),
    }
    return Scores("test", rumor, groups, 0.1)


def test_figures_are_read_from_a_test_part() -> None:
    found = rows_of(replace(part(0.6, 0.4), calibration=CALIBRATION))
    model = found.pop("model")
    assert {name: model[name] for name in FIGURES} == {
        "accuracy": 0.6, "macro_f1": 0.3, "ece": 0.1, "mrr": 0.4, "hits1": 0.2,
        "mrr_not_source": 0.1, "mrr_without_source": 0.2,
    }
    assert found == {
        "majority guess": {"accuracy": 0.25, "macro_f1": 0.4},
        "parent: source": {"mrr": 0.4, "hits1": 0.2},
        "parent: latest": {"mrr_not_source": 0.8, "mrr_without_source": 0.9},
    }


def test_what_was_not_scored_has_no_figure() -> None:
    rumor_alone = replace(part(0.5, 0.5), links={})
    assert rows_of(rumor_alone)["model"] == {"accuracy": 0.5, "macro_f1": 0.25}
    assert rows_of(NOTHING) == {"model": {}}


def test_a_spread_is_that_of_a_sample_over_all_runs() -> None:
    rows = over_runs(
        map(rows_of, [part(0.2, 0.5), part(0.4, 0.5), part(0.9, 0.8), NOTHING])
    )
    accuracy = rows["model"]["accuracy"]
    assert accuracy.mean == pytest.approx(0.5)
    assert accuracy.sd == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1))
    assert accuracy.n == 3
    assert rows["model"]["mrr"].mean == pytest.approx(0.6)
    assert rows["parent: source"]["mrr"].sd == 0
    assert spread([0.3]).sd is None


def test_a_study_ends_as_its_first_failed_run_did() -> None:
    def key(fold: int) -> Key:
        return Key("", "", "gcn", fold, 0)

    protocol = Protocol("toy", "event", 0, "event")
    runs = (
        RunRecord(key(0), "", DONE),
        failed(key(1), "", DivergedError("boom is nan", hint="lower the rate")),
        failed(key(2), "", RunFailedError("no memory", hint="lower the rate")),
    )
    summary = StudySummary(protocol, (0, 1, 2), (0,), runs, {})
    error = summary.error()
    assert error is not None
    assert error.exit_code == 5
    assert error.message == (
        "2 of 3 runs failed:\n  fold 1, seed 0: boom is nan\n  fold 2, seed 0: no memory"
    )
    assert error.hint == "lower the rate"
    assert (summary.done, summary.failed) == (1, 2)
    whole = StudySummary(protocol, (0,), (0,), runs[:1], {})
    assert whole.error() is None
