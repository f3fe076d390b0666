"""The interaction: what a post takes from the other view, and from what the other head says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dgljoint.errors import UsageError
from dgljoint.nn import CascadeBatch, Representations
from dgljoint_plugins.interactions.attention import AttentionOptions
from dgljoint_plugins.interactions.attention.module import CrossAttention
from dgljoint_plugins.shared.links import gain_of_links
from fixed import fix_weights, fixed_batch, fixed_rows
from memory import peak_megabytes
from toys import toy_batch, toy_model, toy_store

WIDTH, HEADS, CLASSES = 8, 2, 3
# Of the posts 0 and 3 (pending).
GOLDEN_CASCADE = [[0.1795, 0.6513, -0.0023, 0.4256], [-0.6638, -0.8844, -0.6676, 0.7749]]
GOLDEN_RUMOR = [[0.9606, 0.9882, -0.0986, -0.9404], [-0.3158, 0.2646, 0.4208, 0.6215]]


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(12), share=0.4)


def made(**options: object) -> CrossAttention:
    """Make one that has learned something: a new one takes nothing."""
    torch.manual_seed(0)
    of = CrossAttention(AttentionOptions(heads=HEADS, **options), WIDTH, CLASSES).eval()
    with torch.no_grad():
        for parameter in of.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return of


def views(batch: CascadeBatch, seed: int = 0) -> Representations:
    generator = torch.Generator().manual_seed(seed)
    return Representations(*torch.randn(3, len(batch.kind), WIDTH, generator=generator))


def informed(of: CrossAttention, reps: Representations, batch: CascadeBatch) -> Representations:
    """Run both directions, by heads without parameters."""
    rumor = reps.rumor
    reps = replace(reps, cascade=of.inform_cascade(
        reps, lambda: batch.pool(rumor)[:, :CLASSES], batch
    ))
    cascade = reps.cascade

    def score(pairs: Tensor) -> Tensor:
        return (cascade[pairs[0]] * cascade[pairs[1]]).sum(1)

    return replace(reps, rumor=of.inform_rumor(reps, score, batch))


def key_posts(batch: CascadeBatch, cascade: int, most: int) -> list[int]:
    """The source, then the observed posts with the most replies, of equal ones the latest."""
    root = int(batch.root[cascade])
    others = [
        post for post in (batch.cascade_of == cascade).nonzero().flatten().tolist()
        if batch.observed[post] and post != root
    ]
    others.sort(key=lambda post: (-int(batch.children[post]), -float(batch.delay_seconds[post])))
    return [root, *others][:most]


@pytest.mark.parametrize("most", [2, 100])
def test_equals_plain_attention_token_and_gate_cascade_by_cascade(
    batch: CascadeBatch, most: int
) -> None:
    of, reps = made(posts=most).for_cascade, views(batch)
    token = torch.randn(len(batch.root), WIDTH + CLASSES)
    found = of(reps.cascade, reps.rumor, token, batch)
    attention = nn.MultiheadAttention(WIDTH, HEADS)
    layers = (of.query, of.key, of.value)
    with torch.no_grad():
        attention.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        attention.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
    attention.out_proj = of.join
    for cascade in range(len(batch.root)):
        posts = (batch.cascade_of == cascade).nonzero().squeeze(1)
        keys = reps.rumor[key_posts(batch, cascade, most)]
        own = reps.cascade[posts]
        taken = attention(own, keys, keys)[0] + of.token(token[cascade])
        gate = of.gate(torch.cat((own, taken), 1)).sigmoid()
        torch.testing.assert_close(found[posts], own + gate * taken, rtol=1e-5, atol=1e-5)


def test_golden_value(tmp_path: Path) -> None:
    batch = fixed_batch(tmp_path)
    of = CrossAttention(AttentionOptions(heads=2), 4, 2).eval()
    fix_weights(of)
    cascade, rumor = fixed_rows(batch, 4), fixed_rows(batch, 4, 1.0)
    reps = Representations(cascade, cascade, rumor)
    found = of.inform_cascade(reps, lambda: batch.pool(rumor)[:, :2], batch)
    torch.testing.assert_close(found[[0, 3]], torch.tensor(GOLDEN_CASCADE), rtol=1e-4, atol=1e-4)
    found = of.inform_rumor(reps, lambda pairs: (pairs[0] * 2 + pairs[1]).double().sin(), batch)
    torch.testing.assert_close(found[[0, 3]], torch.tensor(GOLDEN_RUMOR), rtol=1e-4, atol=1e-4)


def test_a_new_one_takes_nothing_and_learns_at_once(batch: CascadeBatch) -> None:
    torch.manual_seed(0)
    of = CrossAttention(AttentionOptions(heads=HEADS), WIDTH, CLASSES)
    reps = views(batch)
    found = informed(of, reps, batch)
    assert torch.equal(found.cascade, reps.cascade)
    assert torch.equal(found.rumor, reps.rumor)
    (found.cascade.square().sum() + found.rumor.square().sum()).backward()
    for taking in (of.for_cascade, of.for_rumor):
        assert taking.join.weight.grad.any()
        assert taking.token.weight.grad.any()


def test_what_is_asked_reaches_no_observed_post(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    pending = ~batch.observed[:, None]
    moved = replace(reps, cascade=reps.cascade + pending, rumor=reps.rumor - 2 * pending)
    before, after = informed(of, reps, batch), informed(of, moved, batch)
    seen = batch.observed
    assert not seen.all()
    torch.testing.assert_close(after.cascade[seen], before.cascade[seen])
    torch.testing.assert_close(after.rumor[seen], before.rumor[seen])


def test_each_view_takes_from_the_other(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    before = informed(of, reps, batch)
    after = informed(of, replace(reps, rumor=views(batch, 1).rumor), batch)
    assert not torch.allclose(after.cascade, before.cascade)
    after = informed(of, replace(reps, cascade=views(batch, 1).cascade), batch)
    assert not torch.allclose(after.rumor, before.rumor)


def test_the_class_reaches_the_cascade_view_of_every_post(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    verdicts = 9.0 * torch.eye(CLASSES)[:2].unsqueeze(1).expand(2, len(batch.root), CLASSES)
    found = [of.inform_cascade(reps, verdict.clone, batch) for verdict in verdicts]
    assert (found[0] != found[1]).any(1).all()


def test_heads_are_constants_to_the_other_tasks_loss(tmp_path: Path) -> None:
    """The class is not learned from the links' loss through the head, nor links from the class."""
    store = toy_store(tmp_path / "a.h5")
    model = toy_model(store, plugins=("attention",)).train()
    with torch.no_grad():
        for parameter in model.interactions.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    _, outputs = model(toy_batch(store, range(16)))
    for total, other in (
        (outputs.link_logits.sum(), "rumor_head"), (outputs.rumor_logits.sum(), "link_head")
    ):
        model.zero_grad()
        total.backward(retain_graph=True)
        reached = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
        assert not any(name.startswith(other) for name in reached)
        assert any(name.startswith("interactions") for name in reached)


def test_gain_of_links_is_the_log_probability_above_a_guess(batch: CascadeBatch) -> None:
    count = len(batch.kind)
    table = torch.randn(count, count)
    found = gain_of_links(lambda pairs: table[pairs[0], pairs[1]], batch, 100)
    parent, child = batch.edges
    for post, own in zip(child.tolist(), parent.tolist(), strict=True):
        earlier = (batch.cascade_of == batch.cascade_of[post]) & batch.observed
        earlier &= batch.delay_seconds < batch.delay_seconds[post]
        root = int(batch.root[batch.cascade_of[post]])
        rivals = {*earlier.nonzero().flatten().tolist(), own, root}
        scores = table[post, sorted(rivals)]
        expected = table[post, own] - scores.logsumexp(0) + torch.tensor(len(rivals)).log()
        assert found[post].item() == pytest.approx(expected.item(), abs=1e-5)
    alone = torch.ones(count, dtype=torch.bool).index_fill(0, child, False)
    assert not found[alone].any()
    level = gain_of_links(lambda pairs: torch.zeros(pairs.shape[1]), batch, 5)
    torch.testing.assert_close(level, torch.zeros(count), rtol=0, atol=1e-6)


def test_weights_sum_to_one_over_observed_posts_of_the_cascade(batch: CascadeBatch) -> None:
    of, reps = made(posts=3).for_cascade, views(batch)
    weights = of.weights(reps.cascade, reps.rumor, batch)
    assert (batch.cascade_of[weights.query] == batch.cascade_of[weights.key]).all()
    assert batch.observed[weights.key].all()
    total = torch.zeros(len(batch.kind), HEADS).index_add(0, weights.query, weights.weight)
    torch.testing.assert_close(total, torch.ones_like(total))
    assert weights.query.bincount().max() == 3
    attended = torch.zeros(len(batch.kind), HEADS, WIDTH // HEADS)
    values = of.value(reps.rumor).unflatten(1, (HEADS, -1))[weights.key]
    attended.index_add_(0, weights.query, weights.weight.unsqueeze(2) * values)
    torch.testing.assert_close(
        attended.flatten(1), of._attend(reps.cascade, reps.rumor, batch), rtol=1e-5, atol=1e-5
    )


def test_half_precision_is_near_the_full_one(batch: CascadeBatch) -> None:
    reps = views(batch)
    expected = informed(made(), reps, batch)
    half = Representations(*(view.bfloat16().requires_grad_() for view in vars(reps).values()))
    found = informed(made().bfloat16(), half, batch)
    assert found.rumor.dtype == found.cascade.dtype == torch.bfloat16
    torch.testing.assert_close(found.cascade.float(), expected.cascade, rtol=0.1, atol=0.1)
    (found.rumor.sum() + found.cascade.sum()).backward()
    assert all(view.grad.isfinite().all() for view in (half.cascade, half.rumor))


def test_gradients_reach_every_parameter(batch: CascadeBatch) -> None:
    of = made()
    found = informed(of, views(batch), batch)
    (found.cascade.square().sum() + found.rumor.square().sum()).backward()
    # A constant added to every score of a query changes no weight.
    names = {n for n, p in of.named_parameters() if not p.grad.abs().sum() > 1e-2}
    assert names == {"for_cascade.key.bias", "for_rumor.key.bias"}


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(UsageError, match="3 attention heads do not divide the width 8"):
        CrossAttention(AttentionOptions(heads=3), WIDTH, CLASSES)


@pytest.mark.slow
def test_a_cascade_of_3000_posts_fits_in_2_gigabytes(tmp_path: Path) -> None:
    peak = peak_megabytes(
        """
        from dgljoint_plugins.interactions.attention import AttentionOptions
        from dgljoint_plugins.interactions.attention.module import Taking
        batch = one_cascade(3000)
        of = Taking(AttentionOptions(posts=3000), 64, of_posts=64, of_token=64).train()
        own, other = torch.randn(2, 3000, 64).requires_grad_()
        of(own, other, batch.pool(other), batch).square().sum().backward()
        """,
        tmp_path,
    )
    assert peak < 2048
