"""Ranks and best candidates are those of a plain count, however the pairs are cut into tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.evaluation import ranking
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.metrics import ParentRanks
from dgljoint.evaluation.ranking import best_candidates, rank_by_scores, rank_by_values
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.tasks.heads import CascadePredictor, LinkScorer
from dgljoint.tasks.link_numbers import ANSWERS, ARRIVED, LinkNumbers
from dgljoint.tasks.targets import Targets, evaluation_targets
from link_heads import random_head, random_numbers
from memory import peak_megabytes
from threads import columns
from toys import (
    random_cascade,
    shipped,
    toy_config,
    toy_features,
    toy_model,
    toy_store,
    write_store,
)

WIDTH = 6
# Pairs of a table, targets of a table, pairs of a table that small cascades share.
CUTS = [(1, 1, 0), (7, 2, 0), (50, 3, 20), (1 << 20, 5, 300), (1 << 20, 1 << 20, 1 << 20)]

Cut = tuple[int, int, int]


def cut_into(cut: Cut, patch: pytest.MonkeyPatch) -> None:
    for name, value in zip(("_MOST_PAIRS", "_MOST_TARGETS", "_SHARED_PAIRS"), cut, strict=True):
        patch.setattr(ranking, name, value)


def scorer_of(of: CascadeColumns, seed: int) -> LinkScorer:
    """Score views of whole numbers, few of them: many candidates tie."""
    torch.manual_seed(seed)
    head = random_head(WIDTH)
    view = torch.randint(0, 2, (len(of.parent), 1)).float().expand(-1, WIDTH)
    return head.scorer(view, random_numbers(of, seed))


def counted(scores: np.ndarray, targets: Targets, row: int) -> tuple[int, int]:
    """Count the candidates above the parent, and others that tie with it."""
    mine = scores[targets.parent[row] - targets.first[row]]
    return int((scores > mine).sum()), int((scores == mine).sum()) - 1


def check_without_source(
    found: ParentRanks, targets: Targets, scores_of: Callable[[int], np.ndarray]
) -> None:
    """Compare with ranks that are counted anew among all candidates but the source."""
    rest = found.without_source()
    for row in np.flatnonzero(targets.parent != targets.first):
        scores, place = scores_of(row)[1:], targets.parent[row] - targets.first[row] - 1
        assert rest.above[row] == (scores > scores[place]).sum()
        assert rest.tied[row] == (scores == scores[place]).sum() - 1
        assert rest.candidates[row] == len(scores)


def candidates_of(targets: Targets, row: int) -> np.ndarray:
    return np.arange(targets.first[row], targets.end[row])


@given(columns(), st.integers(0, 100), st.sampled_from([1, 2, 3, 40]))
def test_ranks_by_values_are_a_plain_count(of: CascadeColumns, seed: int, kinds: int) -> None:
    values = np.random.default_rng(seed).integers(-1, kinds - 1, len(of.parent))
    targets = evaluation_targets(of, 0.5)
    found = rank_by_values(values, targets)
    for row in range(len(targets)):
        expected = counted(values[candidates_of(targets, row)], targets, row)
        assert (found.above[row], found.tied[row]) == expected
        assert found.candidates[row] == len(candidates_of(targets, row))
    check_without_source(found, targets, lambda row: values[candidates_of(targets, row)])


@settings(max_examples=40)
@given(columns(), st.integers(0, 100), st.sampled_from(CUTS))
def test_ranks_by_scores_are_a_plain_count(of: CascadeColumns, seed: int, cut: Cut) -> None:
    targets, scorer = evaluation_targets(of, 0.5), scorer_of(of, seed)
    with pytest.MonkeyPatch.context() as patch:
        cut_into(cut, patch)
        found = rank_by_scores(scorer, targets)
    for row in range(len(targets)):
        candidates = torch.from_numpy(candidates_of(targets, row))
        post = torch.full_like(candidates, int(targets.post[row]))
        scores = scorer.pairs(post, candidates).numpy()
        assert (found.above[row], found.tied[row]) == counted(scores, targets, row)
        assert found.candidates[row] == len(candidates)

    def scores_of(row: int) -> np.ndarray:
        candidates = torch.from_numpy(candidates_of(targets, row))
        return scorer.pairs(torch.full_like(candidates, int(targets.post[row])), candidates).numpy()

    check_without_source(found, targets, scores_of)


class Rounded(LinkScorer):
    """Sums a table in another way than single pairs."""

    def table(self, post: Tensor, start: int, stop: int) -> Tensor:
        return super().table(post, start, stop) + 1e-3


@settings(max_examples=40)
@given(columns(), st.integers(0, 100), st.sampled_from(CUTS))
def test_a_parent_ties_with_itself_whatever_rounding_does(
    of: CascadeColumns, seed: int, cut: Cut
) -> None:
    targets, scorer = evaluation_targets(of, 0.5), scorer_of(of, seed)
    rounded = Rounded(**vars(scorer))
    with pytest.MonkeyPatch.context() as patch:
        cut_into(cut, patch)
        found = rank_by_scores(rounded, targets)
    assert (found.tied >= 0).all()
    assert (found.above + found.tied < found.candidates).all()


@settings(max_examples=40)
@given(columns(), st.integers(0, 100), st.sampled_from(CUTS), st.sampled_from([None, 1, 3]))
def test_the_best_candidates_are_those_of_a_whole_sort(
    of: CascadeColumns, seed: int, cut: Cut, most: int | None
) -> None:
    targets, scorer = evaluation_targets(of, 0.5), scorer_of(of, seed)
    with pytest.MonkeyPatch.context() as patch:
        cut_into(cut, patch)
        found = list(best_candidates(scorer, targets, most))
    assert [place for place, _, _ in found] == list(range(len(targets)))
    for row, (_, best, logits) in enumerate(found):
        candidates = candidates_of(targets, row)
        post = torch.full((len(candidates),), int(targets.post[row]))
        scores = scorer.pairs(post, torch.from_numpy(candidates)).numpy()
        order = np.argsort(-scores, kind="stable")[:most]
        np.testing.assert_array_equal(best, candidates[order])
        np.testing.assert_array_equal(logits, scores[order])


@given(columns(), st.integers(0, 100))
def test_tables_hold_what_the_head_gives_in_training(of: CascadeColumns, seed: int) -> None:
    torch.manual_seed(seed)
    head = random_head(WIDTH)
    view, numbers = torch.randn(len(of.parent), WIDTH), random_numbers(of, seed)
    targets = evaluation_targets(of, 0.5)
    pairs = torch.from_numpy(targets.paired().pairs)
    expected = head(view, pairs, numbers).detach()
    scorer = head.scorer(view, numbers)
    torch.testing.assert_close(scorer.pairs(*pairs), expected, rtol=1e-4, atol=1e-4)
    rows = [table.scores[table.scores > -np.inf] for table in ranking.tables(scorer, targets)]
    assert sum(map(len, rows)) == pairs.shape[1]
    for post, first, end in zip(targets.post, targets.first, targets.end, strict=True):
        candidates = torch.arange(int(first), int(end))
        torch.testing.assert_close(
            scorer.table(torch.tensor([int(post)]), int(first), int(end))[0],
            scorer.pairs(torch.full_like(candidates, int(post)), candidates), rtol=0, atol=0,
        )


def test_a_head_that_prefers_nothing_gives_the_middle_rank() -> None:
    of = CascadeColumns(
        index=np.arange(1), post_ptr=np.array([0, 4000]), posts=np.arange(4000),
        parent=np.concatenate(([-1], np.arange(3999) // 3)),
        delay_seconds=np.arange(4000) * 1e6, kind=np.zeros(4000, np.uint8),
    )
    head = CascadePredictor(WIDTH)
    view = torch.randn(1, WIDTH, generator=torch.manual_seed(0)).expand(4000, -1)
    targets = evaluation_targets(of, 0.75)
    numbers = LinkNumbers(
        delay_seconds=torch.from_numpy(of.delay_seconds),
        last_child_seconds=torch.full((4000,), -torch.inf, dtype=torch.float64),
        numbers=torch.zeros(4000, len(ARRIVED) + len(ANSWERS)),
        earlier=torch.arange(4000), pending=torch.ones(4000, dtype=torch.bool),
    )
    found = rank_by_scores(head.scorer(view, numbers), targets)
    assert not found.above.any()
    np.testing.assert_array_equal(found.tied, found.candidates - 1)


@pytest.fixture
def evaluator(tmp_path: Path) -> Evaluator:
    rng = np.random.default_rng(0)
    made = [random_cascade(f"c{n}", rng, posts) for n, posts in enumerate((40, 3, 300, 1, 12, 12))]
    store = CascadeStore(write_store(tmp_path / "a.h5", made))
    return Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)


def ranks_of(evaluator: Evaluator, cut: Cut, **model: object) -> ParentRanks:
    with pytest.MonkeyPatch.context() as patch:
        cut_into(cut, patch)
        built = toy_model(evaluator.store, **model)
        return evaluator.predict(built, np.arange(6)).ranks["model"]


@pytest.mark.slow
@pytest.mark.parametrize("component", [*shipped(EncoderSpec), *shipped(InteractionSpec)])
def test_evaluation_in_parts_is_evaluation_at_once(evaluator: Evaluator, component: str) -> None:
    chosen: dict[str, object] = (
        {"encoder": component} if component in shipped(EncoderSpec)
        else {"plugins": (component,)}
    )
    whole, *parts = (ranks_of(evaluator, cut, **chosen) for cut in reversed(CUTS[1:]))
    assert len(whole.above) > 80
    for part in parts:
        for name in ("above", "tied", "candidates", "source"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


def test_what_a_run_does_not_train_is_not_asked(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    evaluator = Evaluator(
        store, toy_features(store), toy_config(store).cascade, majority=0, tasks=("rumor",)
    )
    whole = Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)
    found, both = (one.predict(toy_model(store), np.arange(9)) for one in (evaluator, whole))
    assert (found.targets.sum(), len(found.not_source)) == (0, 0)
    assert both.targets.sum() > 0
    np.testing.assert_array_equal(found.observed, both.observed)
    np.testing.assert_allclose(found.logits, both.logits, atol=1e-5)


SCORED = """
    from dgljoint.evaluation.evaluator import Evaluator
    from toys import toy_config, toy_features, toy_model
    one_cascade({posts})
    store = CascadeStore(Path(sys.argv[1]) / "big.h5")
    evaluator = Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)
    found = evaluator.predict(toy_model(store), np.arange(1))
    assert len(found.not_source) > {posts} / 5
"""


@pytest.mark.slow
def test_a_big_thread_is_scored_in_memory_that_does_not_grow_with_its_pairs(
    tmp_path: Path,
) -> None:
    """22 million pairs, of which one number of eight bytes each is 175 MB."""
    assert peak_megabytes(SCORED.format(posts=10_000), tmp_path) < 100
