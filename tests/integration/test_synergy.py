"""Relative gains of joint training."""

from __future__ import annotations

import pytest

from dgljoint.training.synergy import compare, task_figures


def test_synergy_is_the_mean_of_relative_gains() -> None:
    found = compare({"cascade": 0.6, "rumor": 0.3}, {"cascade": 0.5, "rumor": 0.4}, [0.5, -0.2])
    assert found.tasks["cascade"].gain == pytest.approx(0.2)
    assert found.tasks["rumor"].gain == pytest.approx(-0.25)
    assert found.synergy == pytest.approx(-0.025)
    cosine = found.gradient_cosine
    assert (cosine.first, cosine.last, cosine.mean) == (0.5, -0.2, pytest.approx(0.15))
    assert found.to_dict()["gradient_cosine"]["by_epoch"] == (0.5, -0.2)


def test_a_gain_over_nothing_is_not_made_up() -> None:
    found = compare({"cascade": 0.6, "rumor": 0.3}, {"cascade": 0.5, "rumor": 0.0}, [])
    assert found.tasks["rumor"].gain is None
    assert found.synergy is None
    assert found.gradient_cosine.mean is None


def test_figures_are_those_of_all_targets_and_the_model() -> None:
    other = {"hits1": 0.0, "hits3": 0.0, "hits10": 0.0, "auc": 0.5}
    rows = {"model": {"mrr": 0.25, **other}, "source": {"mrr": 0.75, **other}}
    scores = {
        "rumor": {"macro_f1": 0.5, "accuracy": 0.9, "auroc": None},
        "links": {"all": {"rows": rows}},
    }
    assert task_figures(scores) == {"cascade": 0.25, "rumor": 0.5}
    assert task_figures({"rumor": None, "links": {}}) == {}
