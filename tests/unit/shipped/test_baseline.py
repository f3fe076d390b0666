from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Representations
from dgljoint.nn.model import Branch
from dgljoint.tasks.heads import task_losses
from dgljoint_plugins.interactions.baseline import BaselineOptions
from dgljoint_plugins.interactions.baseline.module import Baseline
from dgljoint_plugins.shared.links import candidate_parents
from fixed import fix_weights, fixed_batch, fixed_rows
from toys import toy_batch, toy_model, toy_store

WIDTH = 6
# Of the posts 0, 3 (pending), 4 and 6.
GOLDEN = [
    [0.2294, 0.6651, 0.8628, 0.2694],
    [-1.1188, -0.9316, -0.086, 0.6503],
    [1.6897, 1.1147, -0.3973, -0.6459],
    [0.6391, 0.2687, -0.4624, 0.5762],
]


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(12), share=0.3)


def made(**options: object) -> Baseline:
    """Make one that has learned something: a new one adds nothing."""
    torch.manual_seed(0)
    of = Baseline(BaselineOptions(**options), WIDTH).eval()
    with torch.no_grad():
        for parameter in of.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.4)
    return of


def views(batch: CascadeBatch) -> Representations:
    generator = torch.Generator().manual_seed(1)
    return Representations(*torch.randn(3, len(batch.kind), WIDTH, generator=generator))


def scored(batch: CascadeBatch, seed: int = 0) -> Callable[[Tensor], Tensor]:
    """Give every pair of posts a score of its own."""
    count = len(batch.kind)
    table = torch.randn(count, count, generator=torch.Generator().manual_seed(seed))
    return lambda pairs: table[pairs[0], pairs[1]]


def ties(batch: CascadeBatch) -> CascadeBatch:
    return replace(batch, delay_seconds=batch.delay_seconds // 180 * 180)


def candidates_by_hand(batch: CascadeBatch, most: int) -> dict[int, set[int]]:
    found = {}
    roots = set(batch.root.tolist())
    delay = batch.delay_seconds.tolist()
    for post in set(batch.observed.nonzero().squeeze(1).tolist()) - roots:
        cascade = batch.cascade_of[post]
        before = [
            other
            for other, delay_of_other in enumerate(delay)
            if batch.observed[other] and batch.cascade_of[other] == cascade
            and delay_of_other < delay[post] and other not in roots
        ]
        moments: dict[float, list[int]] = {}
        for other in before:
            moments.setdefault(delay[other], []).append(other)
        chosen = {int(batch.root[cascade])}
        for moment in sorted(moments, reverse=True):
            if len(chosen) + len(moments[moment]) > most:
                break
            chosen.update(moments[moment])
        found[post] = chosen
    return found


@pytest.mark.parametrize("most", [1, 2, 4, 100])
@pytest.mark.parametrize("tied", [False, True])
def test_candidates_are_the_source_and_the_latest_whole_moments_before(
    batch: CascadeBatch, most: int, tied: bool
) -> None:
    batch = ties(batch) if tied else batch
    pairs = candidate_parents(batch, most)
    found: dict[int, set[int]] = {}
    for post, candidate in pairs.T.tolist():
        found.setdefault(post, set()).add(candidate)
    assert found == candidates_by_hand(batch, most)
    assert sum(map(len, found.values())) == pairs.shape[1]
    starts = torch.cat((torch.tensor([True]), pairs[0, 1:] != pairs[0, :-1]))
    assert starts.sum() == len(found)
    assert torch.equal(pairs[1][starts], batch.root[batch.cascade_of[pairs[0][starts]]])


def test_one_hot_predictions_are_the_graph_layer_on_the_predicted_tree(tmp_path: Path) -> None:
    """Predict the observed tree: the layer is then that of the engine's branches on it."""
    batch = toy_batch(toy_store(tmp_path / "b.h5"), range(12), share=0.0)
    of, reps = made(candidates=100), views(batch)
    source, child = batch.graph.edges()
    parent = torch.zeros_like(batch.kind).index_copy(0, child, source)
    found = of.inform_rumor(reps, lambda pairs: 100.0 * (parent[pairs[0]] == pairs[1]), batch)
    branch = Branch(WIDTH, 0.0)
    branch.from_self, branch.from_parent = of.from_self, of.from_parents
    branch.from_children, branch.norm = of.from_children, nn.Identity()
    torch.testing.assert_close(found, branch(batch, reps.rumor))


def test_soft_predictions_are_the_dense_formula(batch: CascadeBatch) -> None:
    of, reps, score = made(candidates=4), views(batch), scored(batch)
    count, x = len(batch.kind), reps.rumor
    soft = torch.zeros(count, count)
    for post, candidates in candidates_by_hand(batch, 4).items():
        chosen = sorted(candidates)
        pairs = torch.tensor([[post] * len(chosen), chosen])
        soft[post, chosen] = score(pairs).softmax(0)
    share = soft.sum(0).clamp(min=1)[:, None]
    message = of.from_self(x) + of.from_parents(soft @ x) + of.from_children(soft.T @ x / share)
    expected = x + nn.functional.gelu(message)
    torch.testing.assert_close(of.inform_rumor(reps, score, batch), expected)


def test_golden_value(tmp_path: Path) -> None:
    batch = fixed_batch(tmp_path)
    of = Baseline(BaselineOptions(candidates=2), 4).eval()
    fix_weights(of)
    x = fixed_rows(batch, 4)
    found = of.inform_rumor(
        Representations(x, x, x), lambda pairs: (pairs[0] * 2 + pairs[1]).double().sin(), batch
    )
    torch.testing.assert_close(
        found[[0, 3, 4, 6]], torch.tensor(GOLDEN), rtol=1e-4, atol=1e-4
    )


def test_pending_posts_reach_nobody_and_are_no_candidates(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    assert batch.observed[candidate_parents(batch, 16)].all()
    moved = replace(reps, rumor=reps.rumor + 3 * ~batch.observed[:, None])
    later = replace(batch, delay_seconds=batch.delay_seconds + 999 * ~batch.observed)
    before = of.inform_rumor(reps, scored(batch), batch)
    after = of.inform_rumor(moved, scored(batch), later)
    torch.testing.assert_close(after[batch.observed], before[batch.observed])


def test_cascades_do_not_influence_one_another(batch: CascadeBatch) -> None:
    pairs = candidate_parents(batch, 16)
    assert (batch.cascade_of[pairs[0]] == batch.cascade_of[pairs[1]]).all()


def test_the_rumor_loss_reaches_neither_link_head_nor_cascade_view(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    model = toy_model(store, plugins=("baseline",)).train()
    batch = toy_batch(store, range(16))
    _, outputs = model(batch)
    losses = task_losses(outputs, batch, "listwise")
    losses["rumor"].backward(retain_graph=True)
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    assert not any(n.startswith(("link_head", "cascade_branch")) for n in reached)
    assert {n for n in reached if n.startswith("interactions")}
    model.zero_grad()
    losses["cascade"].backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    assert not any(n.startswith(("interactions", "rumor")) for n in reached)
    assert any(n.startswith("link_head") for n in reached)


def test_a_wrong_link_head_changes_the_verdict(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(16))
    for plugins in ((), ("baseline",)):
        model = toy_model(store, plugins=plugins)
        with torch.no_grad():
            for parameter in model.interactions.parameters():
                parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
        _, before = model(batch)
        with torch.no_grad():
            model.link_head.kernels[0] = torch.linspace(3, -3, 32)
        _, after = model(batch)
        assert not torch.allclose(after.link_logits, before.link_logits)
        same = torch.allclose(after.rumor_logits, before.rumor_logits)
        assert same == (not plugins)


def test_cascades_of_one_post_have_no_pairs(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    alone = [n for n in range(len(store)) if len(store.read([n]).parent) == 1][:2]
    batch = toy_batch(store, alone)
    assert candidate_parents(batch, 8).shape == (2, 0)
    model = toy_model(store, plugins=("baseline",))
    reps, outputs = model(batch)
    assert outputs.rumor_logits.shape == (len(alone), 2)
    (outputs.rumor_logits.sum() + reps.rumor.sum()).backward()


def test_half_precision(batch: CascadeBatch) -> None:
    reps = views(batch)
    expected = made().inform_rumor(reps, scored(batch), batch)
    half = Representations(*(view.bfloat16() for view in vars(reps).values()))
    found = made().bfloat16().inform_rumor(
        half, lambda pairs: scored(batch)(pairs).bfloat16(), batch
    )
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.1)


def test_gradients_reach_every_parameter(batch: CascadeBatch) -> None:
    of = made()
    weight = torch.linspace(-1, 1, WIDTH)
    (of.inform_rumor(views(batch), scored(batch), batch) * weight).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in of.parameters())


def test_no_weight_of_a_predicted_link_is_trained(batch: CascadeBatch) -> None:
    scores = torch.randn(len(batch.kind), requires_grad=True)
    reps = views(batch)
    cascade = reps.cascade.requires_grad_()
    found = made().inform_rumor(
        reps, lambda pairs: scores[pairs[1]] + cascade[pairs[0]].sum(1), batch
    )
    found.square().sum().backward()
    assert scores.grad is None
    assert cascade.grad is None
