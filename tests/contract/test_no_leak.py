"""What must hold whatever encoder and interaction a model is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgljoint.nn import CascadeBatch
from dgljoint.nn.assemble import assemble
from dgljoint.nn.derived import DERIVED
from dgljoint.nn.model import JointModel
from dgljoint.nn.questions import Question, evaluation_question, training_question
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.store import CascadeColumns, CascadeStore
from toys import random_cascade, toy_batch, toy_features, toy_model, write_store


def names_of(kind: type) -> list[str]:
    registry = installed_registry()
    shipped = [entry.name for entry in registry.entries if entry.distribution == "dgljoint"]
    return [name for name in shipped if any(isinstance(s, kind) for s in registry.load(name).specs)]


COMBINATIONS = [
    (encoder, interaction)
    for encoder in names_of(EncoderSpec)
    for interaction in [(), *((name,) for name in names_of(InteractionSpec))]
]
every_combination = pytest.mark.parametrize(("encoder", "interactions"), COMBINATIONS)
Built = tuple[CascadeStore, JointModel]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    rng = np.random.default_rng(3)
    cascades = [
        random_cascade(f"c{n}", rng, int(size), event=f"e{n}", label=("false", "true")[n % 2])
        for n, size in enumerate([1, 2, 5, 9, 14, 30, 12, 7])
    ]
    return CascadeStore(write_store(tmp_path_factory.mktemp("leak") / "a.h5", cascades))


def model_of(store: CascadeStore, encoder: str, interactions: tuple[str, ...]) -> JointModel:
    return toy_model(store, encoder=encoder, plugins=interactions)


def outputs(model: JointModel, batch: CascadeBatch) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        reps, out = model(batch)
    return reps.shared, reps.cascade, reps.rumor, out.rumor_logits, out.link_logits


def check_same(one: tuple[torch.Tensor, ...], other: tuple[torch.Tensor, ...]) -> None:
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_there_is_something_to_test() -> None:
    assert len(COMBINATIONS) >= 4


@every_combination
@given(st.integers(0, 2**32 - 1))
def test_the_answer_to_a_question_reaches_nothing(
    store: CascadeStore, encoder: str, interactions: tuple[str, ...], seed: int
) -> None:
    """Give every pending post another parent: no feature, message or output changes."""
    rng = np.random.default_rng(seed)
    columns = store.read(np.arange(len(store)))
    batch = toy_batch(store, range(len(store)), seed=seed)
    pending = ~batch.observed.numpy()
    parent = columns.parent.copy()
    for post in np.flatnonzero(pending):
        parent[post] = rng.integers(columns.post_ptr[columns.cascade_of[post]], post)
    changed = replace(columns, parent=parent)
    question = Question(
        pending=pending,
        pairs=batch.pairs.numpy(),
        answer=parent[batch.pairs[0].numpy()] == batch.pairs[1].numpy(),
    )
    other = assemble(store, changed, question, toy_features(store))
    assert pending.any()
    assert (changed.parent != columns.parent).any()
    model = model_of(store, encoder, interactions)
    check_same(outputs(model, batch), outputs(model, other))


@every_combination
@given(st.integers(0, 2**32 - 1))
def test_cascades_of_a_batch_do_not_influence_one_another(
    store: CascadeStore, encoder: str, interactions: tuple[str, ...], seed: int
) -> None:
    """A cascade's outputs are the same alone, among others, and in any place among them."""
    model = model_of(store, encoder, interactions)
    order = np.random.default_rng(seed).permutation(len(store))
    together = evaluate(model, store, order)
    for place, index in enumerate(order):
        alone = evaluate(model, store, np.array([index]))
        check_same(cut(together, place), cut(alone, 0))


@every_combination
def test_in_evaluation_later_posts_reach_nothing_observed(
    store: CascadeStore, encoder: str, interactions: tuple[str, ...]
) -> None:
    """Give the posts after the cut other times and kinds: observed posts and verdicts stand."""
    model = model_of(store, encoder, interactions)
    columns = store.read(np.arange(len(store)))
    question = evaluation_question(columns, 0.5)
    late = question.pending
    changed = replace(
        columns,
        delay_seconds=np.where(late, columns.delay_seconds * 3 + 7, columns.delay_seconds),
        kind=np.where(late, 2, columns.kind).astype(np.uint8),
    )
    features = toy_features(store)
    before = outputs(model, assemble(store, columns, question, features))
    after = outputs(model, assemble(store, changed, question, features))
    seen = torch.from_numpy(~late)
    check_same(tuple(x[seen] for x in before[:3]), tuple(x[seen] for x in after[:3]))
    check_same(before[3:4], after[3:4])
    assert not torch.equal(before[4], after[4])


def derived(columns: CascadeColumns, question: Question) -> np.ndarray:
    return np.concatenate([made.compute(columns, question) for made in DERIVED.values()], axis=1)


@given(st.integers(0, 2**32 - 1))
def test_a_hidden_edge_is_in_no_derived_feature(store: CascadeStore, seed: int) -> None:
    """Whatever the parent of a pending post is, depths, degrees and subtrees are the same."""
    rng = np.random.default_rng(seed)
    columns = store.read(np.arange(len(store)))
    question = training_question(columns, 0.5, 8, rng)
    parent = columns.parent.copy()
    for post in np.flatnonzero(question.pending):
        parent[post] = rng.integers(columns.post_ptr[columns.cascade_of[post]], post)
    changed = derived(replace(columns, parent=parent), question)
    np.testing.assert_array_equal(derived(columns, question), changed)


@given(st.integers(0, 2**32 - 1))
def test_what_hangs_below_a_pending_post_counts_for_nobody_above(
    store: CascadeStore, seed: int
) -> None:
    """Cut the part of a pending post out of the batch: all others have the same structure."""
    rng = np.random.default_rng(seed)
    columns = store.read(np.array([5]))
    question = training_question(columns, 0.3, 8, rng)
    pending = np.flatnonzero(question.pending)
    if not len(pending):
        return
    gone = np.arange(len(columns.parent)) == pending[0]
    for post in range(pending[0] + 1, len(gone)):
        gone[post] = gone[columns.parent[post]] and not question.pending[post]
    number = np.cumsum(~gone) - 1
    # A pending post below one that is gone may have any parent.
    parent = np.where(question.pending, 0, columns.parent)[~gone]
    rest = replace(
        columns, post_ptr=np.array([0, int((~gone).sum())]), posts=columns.posts[~gone],
        parent=np.where(parent < 0, -1, number[parent]), kind=columns.kind[~gone],
        delay_seconds=columns.delay_seconds[~gone],
    )
    asked = Question(question.pending[~gone], np.empty((2, 0), np.int64), np.empty(0, bool))
    whole = DERIVED["structure"].compute(columns, question)
    np.testing.assert_array_equal(whole[~gone], DERIVED["structure"].compute(rest, asked))


def test_in_evaluation_derived_features_are_those_of_a_cascade_that_ends_at_the_cut(
    store: CascadeStore,
) -> None:
    columns = store.read(np.array([5]))
    question = evaluation_question(columns, 0.5)
    seen = int((~question.pending).sum())
    short = replace(
        columns, post_ptr=np.array([0, seen]), posts=columns.posts[:seen],
        parent=columns.parent[:seen], delay_seconds=columns.delay_seconds[:seen],
        kind=columns.kind[:seen],
    )
    whole = derived(columns, question)
    np.testing.assert_array_equal(whole[:seen], derived(short, evaluation_question(short, 1.0)))
    later = DERIVED["structure"].compute(columns, question)[seen:]
    assert (later == [0, 0, 0, 0, 1]).all(), "nothing is known of where later posts stand"


@every_combination
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_posts_is_only_their_name(
    store: CascadeStore, encoder: str, interactions: tuple[str, ...], seed: int
) -> None:
    """Renumber the posts of one cascade, edges and pairs with them: outputs are renumbered."""
    model = model_of(store, encoder, interactions)
    columns = store.read(np.array([5]))
    question = evaluation_question(columns, 0.5)
    count = len(columns.parent)
    new = np.concatenate(([0], 1 + np.random.default_rng(seed).permutation(count - 1)))
    old = np.argsort(new)
    parent = columns.parent[old]
    features = toy_features(store)
    batch = assemble(store, columns, question, features)
    renumbered = CascadeColumns(
        index=columns.index,
        post_ptr=columns.post_ptr,
        posts=columns.posts[old],
        parent=np.where(parent < 0, -1, new[parent]),
        delay_seconds=columns.delay_seconds,
        kind=columns.kind[old],
    )
    asked = Question(question.pending[old], new[question.pairs], question.answer)
    other = assemble(store, renumbered, asked, features)
    # Times are laid over: a batch is made of posts in time order, a model must not rely on it.
    time = {"time": batch.features["time"][old]}
    other = replace(
        other, delay_seconds=batch.delay_seconds[old], features={**other.features, **time}
    )
    before, after = outputs(model, batch), outputs(model, other)
    check_same((*(x[old] for x in before[:3]), *before[3:]), after)


def evaluate(
    model: JointModel, store: CascadeStore, indices: np.ndarray
) -> tuple[CascadeBatch, tuple[torch.Tensor, ...]]:
    columns = store.read(indices)
    batch = assemble(store, columns, evaluation_question(columns, 0.6), toy_features(store))
    return batch, outputs(model, batch)


def cut(
    scored: tuple[CascadeBatch, tuple[torch.Tensor, ...]], place: int
) -> tuple[torch.Tensor, ...]:
    batch, (*views, rumor, link) = scored
    posts = batch.cascade_of == place
    pairs = posts[batch.pairs[0]]
    return (*(view[posts] for view in views), rumor[place], link[pairs])
