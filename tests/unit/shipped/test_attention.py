"""The interaction; attention itself is tested in ``tests/unit/nn/test_attention.py``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dgljoint.errors import UsageError
from dgljoint.nn import CascadeBatch, Representations
from dgljoint.tasks.heads import CascadePredictor
from dgljoint_plugins.interactions.attention import AttentionOptions
from dgljoint_plugins.interactions.attention.module import CrossAttention
from fixed import fix_weights, fixed_batch, fixed_rows
from memory import peak_megabytes
from toys import toy_batch, toy_store

WIDTH, HEADS = 8, 2
# Of the posts 0, 3 (pending), 4 and 6.
GOLDEN_CASCADE = [
    [0.2719, 0.4117, 1.0958, 0.5047],
    [-0.6295, -1.0192, 0.2396, 0.9648],
    [1.1042, 0.2448, -0.2729, -0.8056],
    [0.6041, -0.6197, -0.777, -0.5356],
]
GOLDEN_RUMOR = [
    [1.0372, 0.9083, 0.2454, -0.1541],
    [-0.7636, 0.0514, 0.456, 1.1284],
    [0.7044, -0.6011, -0.964, -0.3922],
    [0.0519, -1.0856, -0.5297, 0.34],
]


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(12), share=0.4)


def made(**options: object) -> CrossAttention:
    torch.manual_seed(0)
    return CrossAttention(AttentionOptions(heads=HEADS, **options), WIDTH).eval()


def views(batch: CascadeBatch, seed: int = 0) -> Representations:
    generator = torch.Generator().manual_seed(seed)
    return Representations(*torch.randn(3, len(batch.kind), WIDTH, generator=generator))


def plain(taking: nn.Module, own: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """One task's side for one cascade, with torch's attention."""
    layers = taking.attention
    attention = nn.MultiheadAttention(WIDTH, HEADS)
    with torch.no_grad():
        weights = (layers.query.weight, layers.key.weight, layers.value.weight)
        attention.in_proj_weight.copy_(torch.cat(weights))
        attention.out_proj.weight.copy_(layers.join.weight)
    attended, _ = attention(own, other, other, attn_mask=mask)
    informed = nn.functional.layer_norm(own + attended, (WIDTH,))
    gate = torch.cat((own, informed), 1) @ taking.gate.weight.T + taking.gate.bias
    return own + gate.sigmoid() * informed


def test_equals_plain_attention_residual_norm_and_gate_cascade_by_cascade(
    batch: CascadeBatch,
) -> None:
    of, reps = made(), views(batch)
    coupled = of.couple(reps, batch)
    assert coupled.shared is reps.shared
    for cascade in range(len(batch.root)):
        posts = (batch.cascade_of == cascade).nonzero().squeeze(1)
        delay, observed = batch.delay_seconds[posts], batch.observed[posts]
        itself = torch.eye(len(posts), dtype=torch.bool)
        past = observed & (delay < delay[:, None])
        ever = past | (observed & observed[:, None])
        own, other = reps.cascade[posts], reps.rumor[posts]
        expected = plain(of.for_cascade, own, other, ~(past | itself))
        torch.testing.assert_close(coupled.cascade[posts], expected, rtol=1e-5, atol=1e-5)
        expected = plain(of.for_rumor, other, own, ~(ever | itself))
        torch.testing.assert_close(coupled.rumor[posts], expected, rtol=1e-5, atol=1e-5)


def test_golden_value(tmp_path: Path) -> None:
    batch = fixed_batch(tmp_path)
    of = CrossAttention(AttentionOptions(heads=2), 4).eval()
    fix_weights(of)
    cascade, rumor = fixed_rows(batch, 4), fixed_rows(batch, 4, 1.0)
    coupled = of.couple(Representations(cascade, cascade, rumor), batch)
    torch.testing.assert_close(
        coupled.cascade[[0, 3, 4, 6]], torch.tensor(GOLDEN_CASCADE), rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(
        coupled.rumor[[0, 3, 4, 6]], torch.tensor(GOLDEN_RUMOR), rtol=1e-4, atol=1e-4
    )


def link_logits(of: CrossAttention, reps: Representations, batch: CascadeBatch) -> Tensor:
    torch.manual_seed(1)
    head = CascadePredictor(WIDTH)
    return head(of.couple(reps, batch).cascade, batch.pairs, batch.delay_seconds)


@pytest.mark.parametrize("causal", [True, False])
def test_a_link_score_rests_on_nothing_later_than_the_post(
    batch: CascadeBatch, causal: bool
) -> None:
    """Even without ``causal``: what is observed is earlier."""
    of, reps = made(causal=causal), views(batch)
    before = link_logits(of, reps, batch)
    child = batch.pairs[0]
    changes = 0
    for target in child.unique().tolist():
        later = batch.delay_seconds > batch.delay_seconds[target]
        moved = replace(
            reps, cascade=reps.cascade + later[:, None], rumor=reps.rumor - 2 * later[:, None]
        )
        at_other_times = batch.delay_seconds + 30 * later
        after = link_logits(of, moved, replace(batch, delay_seconds=at_other_times))
        mine = child == target
        torch.testing.assert_close(after[mine], before[mine])
        changes += int(not torch.allclose(after, before))
    assert changes > 5


def test_what_is_asked_reaches_no_observed_post(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    pending = ~batch.observed[:, None]
    moved = replace(reps, cascade=reps.cascade + pending, rumor=reps.rumor - 2 * pending)
    before, after = of.couple(reps, batch), of.couple(moved, batch)
    seen = batch.observed
    assert not seen.all()
    torch.testing.assert_close(after.cascade[seen], before.cascade[seen])
    torch.testing.assert_close(after.rumor[seen], before.rumor[seen])


def test_each_view_takes_from_the_other(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    before = of.couple(reps, batch)
    after = of.couple(replace(reps, rumor=views(batch, 1).rumor), batch)
    assert not torch.allclose(after.cascade, before.cascade)
    after = of.couple(replace(reps, cascade=views(batch, 1).cascade), batch)
    assert not torch.allclose(after.rumor, before.rumor)


def test_weights_sum_to_one_and_follow_the_rule(batch: CascadeBatch) -> None:
    of, reps = made(), views(batch)
    cascade = of.for_cascade.attention.weights(reps.cascade, reps.rumor, batch, causal=of.causal)
    rumor = of.for_rumor.attention.weights(reps.rumor, reps.cascade, batch)
    for weights in (cascade, rumor):
        assert (batch.cascade_of[weights.query] == batch.cascade_of[weights.key]).all()
        total = torch.zeros(len(batch.kind), HEADS).index_add(0, weights.query, weights.weight)
        torch.testing.assert_close(total, torch.ones_like(total))
    delay = batch.delay_seconds
    assert (delay[cascade.key] <= delay[cascade.query]).all()
    assert (delay[rumor.key] > delay[rumor.query]).any()


def test_a_post_alone_attends_to_itself(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    alone = next(n for n in range(len(store)) if len(store.read([n]).parent) == 1)
    batch = toy_batch(store, [alone])
    of, reps = made(), views(batch)
    itself = torch.zeros(1, 1, dtype=torch.bool)
    expected = plain(of.for_rumor, reps.rumor, reps.cascade, itself)
    torch.testing.assert_close(of.couple(reps, batch).rumor, expected)


def test_half_precision_is_near_the_full_one(batch: CascadeBatch) -> None:
    reps = views(batch)
    expected = made().couple(reps, batch)
    half = Representations(*(view.bfloat16().requires_grad_() for view in vars(reps).values()))
    found = made().bfloat16().couple(half, batch)
    assert found.rumor.dtype == found.cascade.dtype == torch.bfloat16
    torch.testing.assert_close(found.cascade.float(), expected.cascade, rtol=0.05, atol=0.05)
    (found.rumor.sum() + found.cascade.sum()).backward()
    assert all(view.grad.isfinite().all() for view in (half.cascade, half.rumor))


def test_gradients_reach_every_parameter(batch: CascadeBatch) -> None:
    of = made()
    coupled = of.couple(views(batch), batch)
    (coupled.cascade.square().sum() + coupled.rumor.square().sum()).backward()
    # A constant added to every score of a query changes no weight.
    names = {n for n, p in of.named_parameters() if not p.grad.abs().sum() > 1e-4}
    assert names == {"for_cascade.attention.key.bias", "for_rumor.attention.key.bias"}


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(UsageError, match="3 attention heads do not divide the width 8"):
        CrossAttention(AttentionOptions(heads=3), WIDTH)


@pytest.mark.slow
def test_a_cascade_of_3000_posts_fits_in_2_gigabytes(tmp_path: Path) -> None:
    peak = peak_megabytes(
        """
        from dgljoint.nn import Representations
        from dgljoint_plugins.interactions.attention import AttentionOptions
        from dgljoint_plugins.interactions.attention.module import CrossAttention
        batch = one_cascade(3000)
        of = CrossAttention(AttentionOptions(), 64).train()
        reps = Representations(*torch.randn(3, 3000, 64).requires_grad_())
        coupled = of.couple(reps, batch)
        (coupled.cascade.square().sum() + coupled.rumor.square().sum()).backward()
        """,
        tmp_path,
    )
    assert peak < 2048
