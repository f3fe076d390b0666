"""Means and deviations over runs, from what their ``scores.json`` says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dgljoint.errors import DivergedError, RunFailedError
from dgljoint.evaluation.scores import (
    Calibration,
    ClassPair,
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
    assert {name: model[name] for name in FIGURES if name in model} == {
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
        (0, rows_of(one)) for one in (part(0.2, 0.5), part(0.4, 0.5), part(0.9, 0.8), NOTHING)
    )
    accuracy = rows["model"]["accuracy"]
    assert accuracy.mean == pytest.approx(0.5)
    assert accuracy.sd == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1))
    assert accuracy.n == 3
    assert rows["model"]["mrr"].mean == pytest.approx(0.6)
    assert rows["parent: source"]["mrr"].sd == 0
    assert spread([0.3]).sd is None


def matched(area: float, pairs: int) -> dict[str, dict[str, float]]:
    pair = ClassPair(area, pairs, 0.9, 9 * pairs)
    mean = area if pairs >= 200 else None
    rumor = part(0.5, 0.5).rumor
    assert rumor is not None
    rumor = replace(rumor, auc_date_matched=mean, class_pairs={"true|false": pair})
    return rows_of(replace(part(0.5, 0.5), rumor=rumor))


def test_date_matched_pairs_are_pooled_over_the_folds_of_a_seed() -> None:
    """No fold has enough pairs of its own, all together have."""
    runs = [(0, matched(0.5, 150)), (0, matched(0.9, 50)), (1, matched(0.8, 150)),
            (1, matched(0.8, 50))]
    assert "auc_date_matched" not in runs[0][1]["model"]
    found = over_runs(runs)["model"]["auc_date_matched"]
    assert found.mean == pytest.approx((0.6 + 0.8) / 2)
    assert found.sd == pytest.approx(np.std([0.6, 0.8], ddof=1))
    assert found.n == 4
    assert "auc_date_matched" not in over_runs(runs[:1])["model"]
    (one,) = [over_runs(runs[:2])["model"]["auc_date_matched"]]
    assert (one.mean, one.sd, one.n) == (pytest.approx(0.6), None, 2)


def test_a_study_with_every_figure_fits_80_columns_and_says_what_is_pooled() -> None:
    rows = matched(0.75, 200) | {"model": matched(0.75, 200)["model"] | {"ece": 0.1}}
    figures = over_runs([(0, rows), (1, rows)])
    runs = (RunRecord(Key("", "", "gcn", 0, 0), "", DONE),) * 2
    text = repr(StudySummary(Protocol("toy", "event", 0, "event"), (0,), (0, 1), runs, figures))
    assert max(map(len, text.splitlines())) <= 80
    assert "0.750 ± 0.000" in text
    assert "date-matched AUC: over the pairs of all test sets of a seed together" in text


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
