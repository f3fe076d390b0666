from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score

from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import ParentRanks, join_ranks, link_scores, rumor_scores
from dgljoint.evaluation.ranking import GUESSES
from dgljoint.evaluation.scores import GROUPS, MODEL, selection_margin, selection_score
from dgljoint.tasks.targets import evaluation_pairs
from toys import toy_batch, toy_cascade, toy_config, toy_features, toy_model, toy_store, write_store


def test_link_scores_by_hand() -> None:
    # First of five, second of three, tied with one other for first of two.
    ranks = ParentRanks(np.array([0, 1, 0]), np.array([0, 0, 1]), np.array([5, 3, 2]),
                        np.array([-1, 1, 0]))
    found = link_scores(ranks)
    assert found.mrr == pytest.approx((1 + 1 / 2 + 1 / 1.5) / 3)
    assert found.hits1 == pytest.approx(1 / 3)
    assert found.hits3 == 1
    assert found.auc == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


def test_ranks_without_the_source_by_hand() -> None:
    # The source is above the parent, ties with it, is below it.
    ranks = ParentRanks(*np.array([[2, 0, 1], [0, 1, 1], [5, 3, 4], [1, 0, -1]]))
    rest = ranks.without_source()
    assert rest.above.tolist() == [1, 0, 1]
    assert rest.tied.tolist() == [0, 0, 1]
    assert rest.candidates.tolist() == [4, 2, 3]


def test_auc_is_the_chance_of_beating_another_candidate() -> None:
    rng = np.random.default_rng(0)
    scores, answer = rng.integers(0, 6, 30), np.arange(30) == 11
    above, tied = (scores > scores[11]).sum(), (scores == scores[11]).sum() - 1
    ranks = ParentRanks(np.array([above]), np.array([tied]), np.array([30]),
                        np.array([np.sign(scores[0] - scores[11])]))
    assert link_scores(ranks).auc == pytest.approx(roc_auc_score(answer, scores))


def test_joining_ranks_equals_ranking_at_once() -> None:
    one = ParentRanks(*np.array([[1], [0], [4], [1]]))
    other = ParentRanks(*np.array([[0, 2], [1, 0], [3, 5], [0, -1]]))
    joined = join_ranks([one, other])
    assert joined.above.tolist() == [1, 0, 2]
    assert joined.candidates.tolist() == [4, 3, 5]
    assert joined.source.tolist() == [1, 0, -1]
    assert len(join_ranks([]).above) == 0


def test_rumor_scores_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    probability = rng.dirichlet(np.ones(3), 40)
    label = rng.integers(0, 3, 40)
    found = rumor_scores(probability, label, ("a", "b", "c"), majority=2)
    guess = probability.argmax(1)
    assert found.accuracy == pytest.approx(accuracy_score(label, guess))
    assert found.macro_f1 == pytest.approx(f1_score(label, guess, average="macro"))
    expected = roc_auc_score(label, probability, multi_class="ovr", average="macro")
    assert found.auroc == pytest.approx(expected)
    assert found.majority == pytest.approx((label == 2).mean())
    assert list(found.f1) == ["a", "b", "c"]
    expected = f1_score(label, guess, average=None)
    assert list(found.f1.values()) == pytest.approx(expected.tolist())
    table = [list(row.values()) for row in found.confusion.values()]
    assert table == confusion_matrix(label, guess).tolist()
    assert {tuple(row) for row in found.confusion.values()} == {("a", "b", "c")}


def test_a_class_neither_true_nor_said_has_an_f1_of_0() -> None:
    found = rumor_scores(np.array([[0.7, 0.2, 0.1]]), np.array([0]), ("a", "b", "c"), majority=0)
    assert found.f1 == {"a": 1, "b": 0, "c": 0}
    assert found.macro_f1 == pytest.approx(1 / 3)


def test_auroc_of_one_class_is_not_made_up() -> None:
    found = rumor_scores(np.array([[0.2, 0.8]]), np.array([1]), ("a", "b"), majority=1)
    assert found.auroc is None


def test_trivial_guesses_by_hand(tmp_path: Path) -> None:
    # Observed: 0, 1 under 0, 2 under 1, 3 under 1. Asked: 4 under 1, 5 under 3, 6 under 0, 7.
    cascade = toy_cascade("a", [-1, 0, 1, 1, 1, 3, 0, 2])
    store = CascadeStore(write_store(tmp_path / "a.h5", [cascade]))
    columns = store.read(np.array([0]))
    batch = toy_batch(store, [0], targets=evaluation_pairs(columns, 0.5))
    # Edges after the cut are not counted: 1 has two observed children, not three.
    assert {name: guess(batch).tolist() for name, guess in GUESSES.items()} == {
        "source": [1, 0, 0, 0, 0, 0, 0, 0],
        "latest": [0, 1, 2, 3, 4, 5, 6, 7],
        "most replied-to": [1, 2, 0, 0, 0, 0, 0, 0],
    }


def test_scores_do_not_depend_on_how_cascades_are_batched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy_store(tmp_path / "a.h5")
    evaluator = Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)
    model = toy_model(store)
    whole = evaluator.scores(model, np.arange(40), "test")
    monkeypatch.setattr("dgljoint.evaluation.evaluator._BATCH_POSTS", 1)
    single = evaluator.scores(model, np.arange(40), "test")
    assert single.rumor.accuracy == whole.rumor.accuracy
    assert set(whole.links) == set(GROUPS)
    for group in GROUPS:
        assert single.links[group].targets == whole.links[group].targets
        for row in (MODEL, *GUESSES):
            one, other = single.links[group].rows[row], whole.links[group].rows[row]
            assert one.mrr == pytest.approx(other.mrr, abs=1e-3)


def test_nothing_to_score_is_said_and_not_made_up(tmp_path: Path) -> None:
    lonely = [toy_cascade(f"c{n}", [-1], label=None) for n in range(4)]
    store = CascadeStore(write_store(tmp_path / "a.h5", lonely))
    evaluator = Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)
    scores = evaluator.scores(toy_model(store), np.arange(4), "test")
    assert scores.rumor is None
    assert scores.links == {}
    assert selection_score(scores) == selection_margin(scores) == 0
