"""How alike two sets of representations are, against formulas written another way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.batch.assemble import assemble
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import linear_cka, mean_cosine, view_scores
from dgljoint.evaluation.scores import validation_figures
from dgljoint.tasks.targets import evaluation_pairs
from toys import toy_config, toy_features, toy_model, toy_store


def views(seed: int, rows: int = 30, width: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(rows, width))
    other = shared @ rng.normal(size=(width, width)) + rng.normal(size=(rows, width))
    return shared + 3, other - 1


def hsic(left: np.ndarray, right: np.ndarray) -> float:
    """Gretton et al. (2005): the trace of K H L H over (n - 1) squared."""
    rows = len(left)
    centring = np.eye(rows) - np.ones((rows, rows)) / rows
    product = (left @ left.T) @ centring @ (right @ right.T) @ centring
    return float(np.trace(product)) / (rows - 1) ** 2


@given(st.integers(0, 2**32 - 1))
def test_cka_is_normalised_hsic(seed: int) -> None:
    x, y = views(seed)
    expected = hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-9)
    assert 0 <= expected <= 1


def test_identical_views_are_alike_in_both_measures() -> None:
    x, _ = views(0)
    assert linear_cka(x, x) == pytest.approx(1)
    assert mean_cosine(x, x) == pytest.approx(1)


def test_turning_and_scaling_leave_cka_and_not_the_cosine() -> None:
    x, y = views(1)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(7, 7)))[0]
    for changed in (y @ turn, -y, y + 5):
        assert linear_cka(x, changed) == pytest.approx(linear_cka(x, y))
        assert abs(mean_cosine(x, changed) - mean_cosine(x, y)) > 0.05
    assert linear_cka(x, 1e-4 * y) == pytest.approx(linear_cka(x, y))
    assert mean_cosine(x, 1e-4 * y) == pytest.approx(mean_cosine(x, y))
    # Any linear map would leave a measure that says nothing at these sizes (Kornblith et al.).
    assert linear_cka(x, y * np.arange(1, 8)) != pytest.approx(linear_cka(x, y), abs=1e-3)


def test_cosine_is_that_of_each_row() -> None:
    x, y = views(3)
    each = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x, y, strict=True)]
    assert mean_cosine(x, y) == pytest.approx(np.mean(each))
    assert mean_cosine(np.array([[0.0, 0.0], [2.0, 0.0]]), np.ones((2, 2))) == pytest.approx(
        2**-1.5
    )


def test_a_view_that_does_not_vary_has_no_cka() -> None:
    x, y = views(4)
    flat = np.full_like(x, np.float32(0.1)) + 1e-10 * x
    assert linear_cka(x, flat) is None
    alone = view_scores(x[:1], y[:1])
    assert alone is not None
    assert (alone.cascades, alone.cka) == (1, None)
    assert view_scores(x[:0], y[:0]) is None


def test_views_are_pooled_over_observed_posts_and_all_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy_store(tmp_path / "a.h5")
    features, options = toy_features(store), toy_config(store).cascade
    model = toy_model(store)
    evaluator = Evaluator(store, features, options, majority=0)
    chosen = np.arange(5, 30)
    columns = store.read(chosen)
    batch = assemble(store, columns, evaluation_pairs(columns, options.observed_share), features)
    reps, _ = model(batch)
    posts = batch.observed.numpy()
    mine = [
        np.stack([
            view.detach().numpy()[posts & (batch.cascade_of.numpy() == place)].mean(axis=0)
            for place in range(len(chosen))
        ])
        for view in (reps.cascade, reps.rumor)
    ]
    expected = view_scores(*mine)
    monkeypatch.setattr("dgljoint.evaluation.evaluator._BATCH_POSTS", 1)
    scores = evaluator.scores(model, chosen, "test")
    assert expected is not None
    assert scores.views is not None
    assert scores.views.cascades == 25
    assert scores.views.cka == pytest.approx(expected.cka, abs=1e-5)
    assert scores.views.cosine == pytest.approx(expected.cosine, abs=1e-5)
    written = json.loads(json.dumps(scores.to_dict()))["views"]
    assert written == {"cascades": 25, "cka": scores.views.cka, "cosine": scores.views.cosine}
    figures = validation_figures(scores)
    assert (figures["view_cka"], figures["view_cosine"]) == (written["cka"], written["cosine"])
