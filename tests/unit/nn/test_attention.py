"""Attention within cascades, against torch's own run cascade by cascade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError
from dgljoint.nn import CascadeAttention, CascadeBatch, attend
from dgljoint.nn import attention as module
from memory import peak_megabytes
from toys import random_cascade, toy_batch, write_store

WIDTH, HEADS = 12, 3
SIZES = [1, 2, 5, 40, 14, 9, 33, 1]


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    """Cascades of three octaves of sizes, two posts a moment, a third of the posts asked for."""
    rng = np.random.default_rng(0)
    cascades = [random_cascade(f"c{n}", rng, size) for n, size in enumerate(SIZES)]
    store = CascadeStore(write_store(tmp_path / "a.h5", cascades))
    made = toy_batch(store, range(len(SIZES)), share=0.35)
    assert len(made.buckets) == 2
    return replace(made, delay_seconds=made.delay_seconds // 120 * 120)


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SCORES", HEADS * 130)


def rows(batch: CascadeBatch, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(batch.kind), WIDTH, generator=generator).requires_grad_()


def made(seed: int = 0) -> CascadeAttention:
    torch.manual_seed(seed)
    attention = CascadeAttention(WIDTH, HEADS)
    for layer in (attention.query, attention.key, attention.value, attention.join):
        nn.init.normal_(layer.bias)
    return attention


def torch_twin(ours: CascadeAttention) -> nn.MultiheadAttention:
    twin = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    layers = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        twin.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        twin.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
        twin.out_proj.load_state_dict(ours.join.state_dict())
    return twin


def allowed(batch: CascadeBatch, posts: Tensor, causal: bool) -> Tensor:
    """Whom each of some posts (row) may attend to (column), said one pair at a time."""
    found = torch.zeros(len(posts), len(posts), dtype=torch.bool)
    for row, query in enumerate(posts.tolist()):
        for column, key in enumerate(posts.tolist()):
            earlier = batch.delay_seconds[key] < batch.delay_seconds[query]
            past_only = causal or not batch.observed[query]
            seen = batch.observed[key] and (earlier or not past_only)
            found[row, column] = bool(seen) or query == key
    return found


def by_cascade(
    ours: CascadeAttention, batch: CascadeBatch, x: Tensor, y: Tensor, causal: bool,
    bias: Tensor | None = None,
) -> Tensor:
    twin = torch_twin(ours)
    found = torch.zeros_like(x)
    for cascade in range(len(batch.root)):
        posts = (batch.cascade_of == cascade).nonzero().squeeze(1)
        mask = torch.zeros(HEADS, len(posts), len(posts))
        if bias is not None:
            mask = mask + bias[:, posts][:, :, posts]
        mask = mask.masked_fill(~allowed(batch, posts, causal), float("-inf"))
        mine = twin(x[posts][None], y[posts][None], y[posts][None], attn_mask=mask)[0]
        found = found.index_copy(0, posts, mine[0])
    return found


def pair_bias(matrix: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Look an (H, N, N) matrix up."""
    return lambda query, key: matrix[:, query.unsqueeze(2), key.unsqueeze(1)].transpose(0, 1)


def check_equal_with_gradients(ours: Tensor, theirs: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    weight = torch.linspace(-1, 1, ours.numel()).view_as(ours)
    left = torch.autograd.grad((ours * weight).sum(), inputs)
    right = torch.autograd.grad((theirs * weight).sum(), inputs)
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_equals_plain_multihead_attention_run_cascade_by_cascade(
    batch: CascadeBatch, causal: bool
) -> None:
    ours, x, y = made(), rows(batch), rows(batch, 1)
    expected = by_cascade(ours, batch, x, y, causal)
    check_equal_with_gradients(ours(x, y, batch, causal=causal), expected, [x, y])


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize("causal", [False, True])
def test_pieces_of_big_cascades_with_a_bias_give_the_same(
    batch: CascadeBatch, causal: bool
) -> None:
    assert sum(len(list(table.pieces(130))) for table in batch.buckets) > 20
    ours, x, y = made(), rows(batch), rows(batch, 1)
    matrix = torch.randn(HEADS, len(x), len(x)).requires_grad_()
    found = ours(x, y, batch, causal=causal, bias=pair_bias(matrix))
    expected = by_cascade(ours, batch, x, y, causal, matrix)
    check_equal_with_gradients(found, expected, [x, y, matrix])


@pytest.mark.usefixtures("in_pieces")
def test_what_is_made_again_backward_rests_on_the_weights_of_the_forward_pass(
    batch: CascadeBatch,
) -> None:
    """As when a loss weighter asks for the losses under substituted parameters."""
    ours, x = made(), rows(batch)
    other = {name: p.detach() * 2 for name, p in ours.named_parameters()}
    other["value.weight"].requires_grad_()
    found = torch.func.functional_call(ours, other, (x, x, batch))
    ours.load_state_dict(other)
    expected = by_cascade(ours, batch, x, x, False)
    check_equal_with_gradients(found, expected, [x])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_weights_sum_to_one_inside_a_cascade_and_make_the_result(
    batch: CascadeBatch, causal: bool, biased: bool
) -> None:
    x, y = rows(batch), rows(batch, 1)
    bias = pair_bias(torch.randn(HEADS, len(x), len(x))) if biased else None
    weights = module.attention_weights(x, y, batch, heads=HEADS, causal=causal, bias=bias)
    assert (batch.cascade_of[weights.query] == batch.cascade_of[weights.key]).all()
    pairs = sum(
        int(allowed(batch, (batch.cascade_of == cascade).nonzero().squeeze(1), causal).sum())
        for cascade in range(len(SIZES))
    )
    assert len(weights.query) == pairs
    total = torch.zeros(len(x), HEADS).index_add(0, weights.query, weights.weight)
    torch.testing.assert_close(total, torch.ones_like(total))
    value = rows(batch, 2)
    by_head = value.view(-1, HEADS, WIDTH // HEADS)[weights.key] * weights.weight.unsqueeze(2)
    summed = torch.zeros(len(x), WIDTH).index_add(0, weights.query, by_head.flatten(1))
    found = attend(x, y, value, batch, heads=HEADS, causal=causal, bias=bias)
    torch.testing.assert_close(found, summed, rtol=1e-5, atol=1e-5)


def mixes_cascades(attention: Callable[[Tensor], Tensor], batch: CascadeBatch) -> bool:
    """Say whether what the posts of one cascade are changes what those of others get."""
    x = rows(batch).detach()
    other = batch.cascade_of != 3
    changed = x + 3 * (~other).unsqueeze(1)
    return not torch.allclose(attention(x)[other], attention(changed)[other], atol=1e-6)


def test_plain_attention_over_the_batch_mixes_cascades_and_ours_does_not(
    batch: CascadeBatch,
) -> None:
    """The fault of the design note: the posts of a batch are no sequence."""
    ours = made()
    plain = torch_twin(ours)
    assert mixes_cascades(lambda x: plain(x[None], x[None], x[None])[0][0], batch)
    assert not mixes_cascades(lambda x: ours(x, x, batch), batch)


def test_a_pending_post_reaches_nobody_but_itself(batch: CascadeBatch) -> None:
    ours, x = made(), rows(batch).detach()
    pending = ~batch.observed
    changed = x + 3 * pending.unsqueeze(1)
    before, after = ours(x, x, batch), ours(changed, changed, batch)
    torch.testing.assert_close(after[batch.observed], before[batch.observed])
    for post in pending.nonzero().squeeze(1).tolist():
        others = x + 3 * (pending & (torch.arange(len(x)) != post)).unsqueeze(1)
        torch.testing.assert_close(ours(others, others, batch)[post], before[post])
        assert not torch.allclose(after[post], before[post])


@pytest.mark.parametrize("causal", [False, True])
def test_whoever_looks_at_the_past_alone_knows_nothing_of_the_moment_and_the_future(
    batch: CascadeBatch, causal: bool
) -> None:
    """Order in the batch means nothing: of two posts of a moment neither sees the other."""
    ours, x = made(), rows(batch).detach()
    before = ours(x, x, batch, causal=causal)
    blind = torch.ones_like(batch.observed) if causal else ~batch.observed
    posts = (batch.cascade_of == 3) & blind
    assert posts.sum() > 5
    for post in posts.nonzero().squeeze(1).tolist():
        late = batch.delay_seconds >= batch.delay_seconds[post]
        late[post] = False
        changed = x + 3 * late.unsqueeze(1)
        torch.testing.assert_close(
            ours(changed, changed, batch, causal=causal)[post], before[post]
        )


def test_an_observed_post_looks_ahead_unless_told_not_to(batch: CascadeBatch) -> None:
    ours, x = made(), rows(batch).detach()
    root, last = batch.root[3], (batch.observed & (batch.cascade_of == 3)).nonzero().max()
    changed = x.clone()
    changed[last] += 3
    for causal in (False, True):
        before = ours(x, x, batch, causal=causal)[root]
        after = ours(changed, changed, batch, causal=causal)[root]
        assert torch.equal(before, after) == causal


def test_a_query_whose_keys_are_all_hidden_gets_zeros_and_finite_gradients(
    batch: CascadeBatch,
) -> None:
    x = rows(batch)
    matrix = torch.zeros(1, len(x), len(x))
    matrix[:, ::2] = float("-inf")
    found = attend(x, x, x, batch, heads=HEADS, bias=pair_bias(matrix))
    assert (found[::2] == 0).all()
    assert (found[1::2] != 0).any(1).all()
    (gradient,) = torch.autograd.grad(found.square().sum(), x)
    assert gradient.isfinite().all()
    weights = module.attention_weights(x, x, batch, heads=HEADS, bias=pair_bias(matrix))
    (gradient,) = torch.autograd.grad(weights.weight.square().sum(), x, retain_graph=True)
    assert gradient.isfinite().all()
    total = torch.zeros(len(x)).index_add(0, weights.query, weights.weight.sum(1))
    torch.testing.assert_close(total[::2], torch.zeros(len(x))[::2])
    torch.testing.assert_close(total[1::2], torch.full((len(x),), float(HEADS))[1::2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("biased", [False, True])
def test_other_precisions(batch: CascadeBatch, dtype: torch.dtype, biased: bool) -> None:
    ours, x = made(), rows(batch)
    bias = pair_bias(torch.randn(HEADS, len(x), len(x))) if biased else None
    expected = ours(x, x, batch, bias=bias)
    half = x.detach().to(dtype).requires_grad_()
    found = made().to(dtype)(half, half, batch, bias=bias)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    (gradient,) = torch.autograd.grad(found.float().square().sum(), half)
    (exact,) = torch.autograd.grad(expected.square().sum(), x)
    assert torch.cosine_similarity(gradient.float().flatten(), exact.flatten(), dim=0) > 0.999


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(UsageError, match="5 attention heads do not divide the width 12"):
        CascadeAttention(12, 5)


@pytest.mark.slow
def test_memory_grows_with_the_posts_and_not_with_their_pairs(tmp_path: Path) -> None:
    """4,000 posts are 16 million pairs; a learned bias of 8 heads for each would be 512 MB."""
    peak = peak_megabytes(
        """
        from dgljoint.nn import attend
        batch = one_cascade(4000)
        x = torch.randn(4000, 32, requires_grad=True)
        table = torch.zeros(4, 8, requires_grad=True)

        def bias(query, key):
            index = (query.unsqueeze(2) + key.unsqueeze(1)) % 4
            return torch.nn.functional.embedding(index, table).permute(0, 3, 1, 2)

        attend(x, x, x, batch, heads=8, bias=bias).square().sum().backward()
        assert x.grad.isfinite().all() and (table.grad != 0).all()
        """,
        tmp_path,
    )
    assert peak < 1536
