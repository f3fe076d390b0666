"""PooledPredictions are the same however the cascades are shared out."""

from __future__ import annotations

import pickle
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import join_predictions
from dgljoint.tasks.targets import evaluation_pairs
from toys import toy_config, toy_features, toy_model, toy_store


@pytest.fixture
def evaluator(tmp_path: Path) -> Evaluator:
    store = toy_store(tmp_path / "a.h5")
    return Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)


def test_joined_shares_give_the_figures_of_the_whole(evaluator: Evaluator) -> None:
    model, indices = toy_model(evaluator.store), np.arange(3, 43)
    shares = [evaluator.predict(model, share) for share in np.split(indices, [13, 13, 29])]
    assert len(shares[1]) == 0
    carried = [pickle.loads(pickle.dumps(share)) for share in (shares[1], *shares)]  # noqa: S301
    joined, whole = join_predictions(carried), evaluator.predict(model, indices)
    np.testing.assert_array_equal(joined.index, indices)
    np.testing.assert_array_equal(joined.targets, whole.targets)
    np.testing.assert_allclose(joined.logits, whole.logits, atol=1e-5)
    np.testing.assert_allclose(joined.rumor_view, whole.rumor_view, atol=1e-5)
    one, other = evaluator.figures(joined, "test"), evaluator.figures(whole, "test")
    assert one.rumor == other.rumor
    assert one.links["all"].targets == other.links["all"].targets
    assert one.links["all"].rows["source"] == other.links["all"].rows["source"]
    assert one.links["all"].rows["model"].mrr == pytest.approx(
        other.links["all"].rows["model"].mrr, abs=1e-3
    )


def test_predictions_say_what_was_asked_of_each_cascade(evaluator: Evaluator) -> None:
    indices = np.array([40, 2, 17, 33, 8])
    found = evaluator.predict(toy_model(evaluator.store), indices)
    np.testing.assert_array_equal(found.label, evaluator.store.label[indices])
    np.testing.assert_allclose(found.probability.sum(axis=1), 1)
    for place, index in enumerate(indices):
        columns = evaluator.store.read(np.array([index]))
        targets = evaluation_pairs(columns, evaluator.options.observed_share)
        assert found.observed[place] == (~targets.hidden).sum()
        assert found.targets[place] == targets.is_parent.sum()
        mine = found.cascade_of_target == place
        parent = targets.pairs[1][targets.is_parent]
        np.testing.assert_array_equal(found.not_source[mine], parent != 0)


def test_no_cascade_is_no_prediction(evaluator: Evaluator) -> None:
    none = evaluator.predict(toy_model(evaluator.store), np.arange(0))
    assert (len(none), none.logits.shape, len(none.not_source)) == (0, (0, 2), 0)
    scores = evaluator.figures(none, "test")
    assert (scores.rumor, scores.links, scores.views) == (None, {}, None)


class Share:
    """One of two processes: first it stops at what it would hand over, then it is given both."""

    size = 2

    def __init__(self, rank: int, found: list[object] | None = None) -> None:
        self.rank = rank
        self.found = found
        self.mine: object = None

    def gather(self, mine: object) -> list[object]:
        self.mine = mine
        return [mine, mine] if self.found is None else self.found


def test_the_shares_of_two_processes_make_the_whole(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgljoint.evaluation.evaluator._BATCH_POSTS", 20)
    model, indices = toy_model(evaluator.store), np.arange(23)
    whole = evaluator.predict(model, indices)
    shares = [Share(rank) for rank in range(2)]
    for share in shares:
        with suppress(IndexError):  # of one that has not what the other has
            replace(evaluator, processes=share).predict(model, indices)
    own = [share.mine for share in shares]
    assert min(map(len, own)) > 2
    for rank in range(2):
        found = replace(evaluator, processes=Share(rank, own)).predict(model, indices)
        assert found.index.tolist() == whole.index.tolist() == indices.tolist()
        assert np.array_equal(found.logits, whole.logits)
        assert np.array_equal(found.ranks["model"].above, whole.ranks["model"].above)
