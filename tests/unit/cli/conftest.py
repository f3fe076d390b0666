"""Figures to show."""

from __future__ import annotations

import pytest

from dgljoint.evaluation.scores import (
    Calibration,
    ClassPair,
    Intervals,
    LinkScores,
    LinkTable,
    Reliability,
    RumorScores,
    Scores,
    ViewScores,
)


@pytest.fixture
def scores() -> Scores:
    """Give the figures of a test part: two classes, two groups of link targets."""
    return Scores(
        part="test",
        rumor=RumorScores(
            cascades=80, accuracy=0.61, macro_f1=0.52, f1={"true": 0.7, "false": 0.34},
            auroc=None, majority=0.55, auc_date_matched=0.617,
            class_pairs={"true|false": ClassPair(0.617, 12_345, 0.75, 1_234_567)},
            confusion={"true": {"true": 40, "false": 4}, "false": {"true": 27, "false": 9}},
        ),
        links={
            "all": LinkTable(
                491, {"model": LinkScores(0.465, 0.385, 0.466, 0.662, 0.713),
                      "source": LinkScores(0.432, 0.389, 0.389, 0.527, 0.682)},
            ),
            "parent is not the source": LinkTable(
                300, {"model": LinkScores(0.128, 0.0, 0.127, 0.447, 0.531),
                      "source": LinkScores(0.071, 0.0, 0.0, 0.227, 0.479)},
            ),
        },
        seconds=0.5,
        views=ViewScores(cascades=80, cka=0.43, cosine=-0.12),
        intervals=Intervals(
            level=0.95, resamples=2000, seed=0, events=9,
            figures={
                "accuracy": (0.5, 0.7123), "macro_f1": (0.41, 0.63), "mrr": (0.42, 0.51),
                "hits1": (0.33, 0.43), "mrr_not_source": (0.1, 0.15),
            },
        ),
        calibration=Calibration(
            cascades=80, raw=Reliability(0.21, 1.4, 0.6, ()), temperature=2.345,
            scaled=Reliability(0.05, 0.9, 0.5, ()),
        ),
    )
