from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, attention
from dgljoint.tasks.targets import evaluation_pairs
from dgljoint_plugins.encoders.transformer import TransformerOptions
from dgljoint_plugins.encoders.transformer.module import Transformer
from fixed import fix_weights, fixed_batch, fixed_rows
from memory import peak_megabytes
from toys import toy_batch, toy_store

WIDTH, HEADS = 8, 2
ENCODINGS = ("depth_time", "tree_distance")
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS)
# Of the posts 0, 3 (pending), 4 and 6.
GOLDEN = {
    "depth_time": [
        [1.4173, 0.0778, 0.4029, 0.6694],
        [-0.2938, -1.312, -0.7067, 0.9123],
        [1.9575, 0.2566, -1.1003, -1.2008],
        [1.8765, -1.0221, -1.8107, -0.412],
    ],
    "tree_distance": [
        [0.7277, 0.0809, 1.0272, 0.1833],
        [-0.2904, -1.5746, 0.0168, 0.5963],
        [1.8055, -0.2087, -0.3808, -1.2354],
        [1.289, -1.0249, -0.8445, -0.9545],
    ],
}


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(12), share=0.3)


def made(**options: object) -> Transformer:
    torch.manual_seed(0)
    encoder = Transformer(TransformerOptions(heads=HEADS, **options), WIDTH).eval()
    if encoder.distance_bias is not None:
        nn.init.normal_(encoder.distance_bias)
    return encoder


def rows(batch: CascadeBatch) -> Tensor:
    return torch.randn(len(batch.kind), WIDTH, generator=torch.Generator().manual_seed(1))


def torch_twin(layer: nn.Module) -> nn.TransformerEncoderLayer:
    """torch's layer with the same weights."""
    twin = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
    )
    attention = layer.attention
    joined = (attention.query, attention.key, attention.value)
    inner, outer = layer.feed[0], layer.feed[3]
    state = {
        "self_attn.in_proj_weight": torch.cat([part.weight for part in joined]),
        "self_attn.in_proj_bias": torch.cat([part.bias for part in joined]),
        "self_attn.out_proj.weight": attention.join.weight,
        "self_attn.out_proj.bias": attention.join.bias,
        "linear1.weight": inner.weight, "linear1.bias": inner.bias,
        "linear2.weight": outer.weight, "linear2.bias": outer.bias,
        "norm1.weight": layer.attention_norm.weight, "norm1.bias": layer.attention_norm.bias,
        "norm2.weight": layer.feed_norm.weight, "norm2.bias": layer.feed_norm.bias,
    }
    twin.load_state_dict(state)
    return twin


def distances(batch: CascadeBatch, posts: Tensor, furthest: int) -> Tensor:
    """By matrix powers of the observed tree."""
    parent, child = batch.graph.edges()
    count = len(batch.kind)
    adjacency = torch.eye(count)
    adjacency[parent, child] = adjacency[child, parent] = 1
    found = torch.full((count, count), furthest + 1)
    reached = torch.eye(count)
    for distance in range(count):
        new = (reached > 0) & (found == furthest + 1)
        found[new] = min(distance, furthest)
        reached = (reached @ adjacency).clamp(max=1)
    return found[posts][:, posts]


def expected(encoder: Transformer, batch: CascadeBatch, x: Tensor, causal: bool = False) -> Tensor:
    """torch's layers run cascade by cascade."""
    result = torch.zeros_like(x)
    if encoder.places is not None:
        x = x + by_hand(batch) @ encoder.places.weight.T
    for cascade in range(len(batch.root)):
        posts = (batch.cascade_of == cascade).nonzero().squeeze(1)
        delay, observed = batch.delay_seconds[posts], batch.observed[posts]
        kept = observed & (delay < delay[:, None])
        if not causal:
            kept |= observed & observed[:, None]
        mask = torch.zeros(HEADS, len(posts), len(posts))
        if encoder.distance_bias is not None:
            near = distances(batch, posts, encoder.furthest)
            mask = encoder.distance_bias[near].permute(2, 0, 1)
        mask = mask.masked_fill(~(kept | torch.eye(len(posts), dtype=torch.bool)), float("-inf"))
        own = x[posts].unsqueeze(0)
        for layer in encoder.layers:
            own = torch_twin(layer)(own, src_mask=mask)
        result[posts] = own[0]
    return result


def by_hand(batch: CascadeBatch) -> Tensor:
    """Sixteen waves of the depth and of log time, the longest of almost 2 pi 100."""
    parent = {
        c: p for p, c in zip(*(end.tolist() for end in batch.graph.edges()), strict=True)
    }
    table = []
    for post in range(len(batch.kind)):
        depth, above = 0, post
        while above in parent:
            above, depth = parent[above], depth + 1
        angles = np.array([100 ** (-k / 16) for k in range(16)])
        time = np.log1p(float(batch.delay_seconds[post]))
        known = above in batch.root.tolist()
        waves = (np.sin(depth * angles), np.cos(depth * angles))
        waves = [wave * known for wave in waves] + [np.sin(time * angles), np.cos(time * angles)]
        table.append(np.concatenate(waves))
    return torch.tensor(np.array(table), dtype=torch.float32)


@every_encoding
@pytest.mark.parametrize("causal", [False, True])
def test_equals_torch_encoder_layers_run_cascade_by_cascade(
    batch: CascadeBatch, encoding: str, causal: bool
) -> None:
    encoder, x = made(encoding=encoding, causal=causal, distances=2), rows(batch)
    found = encoder(batch, x)
    torch.testing.assert_close(found, expected(encoder, batch, x, causal), rtol=1e-5, atol=1e-5)


@every_encoding
def test_golden_value(tmp_path: Path, encoding: str) -> None:
    batch = fixed_batch(tmp_path)
    options = TransformerOptions(heads=2, layers=1, expansion=2, encoding=encoding)
    encoder = Transformer(options, 4).eval()
    fix_weights(encoder)
    found = encoder(batch, fixed_rows(batch, 4))
    torch.testing.assert_close(
        found[[0, 3, 4, 6]], torch.tensor(GOLDEN[encoding]), rtol=1e-4, atol=1e-4
    )


@every_encoding
def test_dropout_leaves_out_what_a_layer_adds(batch: CascadeBatch, encoding: str) -> None:
    """In training, with everything dropped that may be, the input passes."""
    encoder, x = made(encoding=encoding, dropout=0.999999).train(), rows(batch)
    if encoder.places is not None:
        nn.init.zeros_(encoder.places.weight)
    assert torch.equal(encoder(batch, x), x)
    assert not torch.allclose(encoder.eval()(batch, x), x)


def test_distances_that_are_not_told_apart_share_a_bias(batch: CascadeBatch) -> None:
    encoder, x = made(encoding="tree_distance", distances=3), rows(batch)
    before = encoder(batch, x)
    assert encoder.distance_bias.shape == (5, HEADS)
    used = torch.cat([
        distances(batch, (batch.cascade_of == n).nonzero().squeeze(1), 3).flatten()
        for n in range(len(batch.root))
    ])
    assert set(used.tolist()) == {0, 1, 2, 3, 4}
    for distance in range(5):
        changed = made(encoding="tree_distance", distances=3)
        with torch.no_grad():
            changed.distance_bias[distance] += 1
        assert not torch.allclose(changed(batch, x), before)


@every_encoding
def test_what_is_asked_reaches_no_observed_post(batch: CascadeBatch, encoding: str) -> None:
    encoder, x = made(encoding=encoding), rows(batch)
    pending = ~batch.observed
    moved = replace(batch, delay_seconds=batch.delay_seconds + 7 * pending)
    before, after = encoder(batch, x), encoder(moved, x + 3 * pending[:, None])
    assert pending.any()
    torch.testing.assert_close(after[batch.observed], before[batch.observed])


@every_encoding
def test_in_evaluation_a_pending_post_is_told_of_nothing_but_what_was_observed(
    tmp_path: Path, encoding: str
) -> None:
    """Alone after the cut or among others: it is the same."""
    store = toy_store(tmp_path / "a.h5")
    columns = store.read(np.arange(12))
    batch = toy_batch(store, range(12), targets=evaluation_pairs(columns, 0.5))
    encoder, x = made(encoding=encoding), rows(batch)
    before = encoder(batch, x)
    pending = ~batch.observed
    for post in pending.nonzero().squeeze(1).tolist():
        others = pending.clone()
        others[post] = False
        after = encoder(batch, x + 3 * others[:, None])
        torch.testing.assert_close(after[post], before[post])


def test_causal_posts_know_nothing_later(batch: CascadeBatch) -> None:
    encoder, x = made(causal=True), rows(batch)
    before = encoder(batch, x)
    for post in range(0, len(x), 5):
        later = batch.delay_seconds > batch.delay_seconds[post]
        after = encoder(batch, x + 3 * later[:, None])
        torch.testing.assert_close(after[~later], before[~later])


@every_encoding
def test_pieces_of_big_cascades_give_the_same_under_substituted_parameters(
    batch: CascadeBatch, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bias is made again in the backward pass, when the substitutes are gone."""
    encoder, x = made(encoding=encoding), rows(batch)
    other = {name: p.detach() * 1.5 for name, p in encoder.named_parameters()}
    gradients = []
    for most in (1 << 23, HEADS * 40):
        monkeypatch.setattr(attention, "_MOST_SCORES", most)
        inputs = {name: p.clone().requires_grad_() for name, p in other.items()}
        found = torch.func.functional_call(encoder, inputs, (batch, x))
        gradients.append(torch.autograd.grad(found.square().mean(), list(inputs.values())))
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@every_encoding
def test_gradients_reach_every_parameter(batch: CascadeBatch, encoding: str) -> None:
    encoder = made(encoding=encoding)
    encoder(batch, rows(batch)).square().sum().backward()
    silent = {n for n, p in encoder.named_parameters() if not p.grad.abs().sum() > 1e-4}
    # A constant added to every score of a query changes no weight.
    assert silent == {f"layers.{n}.attention.key.bias" for n in range(2)}


@every_encoding
def test_half_precision(batch: CascadeBatch, encoding: str) -> None:
    exact = made(encoding=encoding)(batch, rows(batch))
    found = made(encoding=encoding).bfloat16()(batch, rows(batch).bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=0.1, atol=0.1)


@pytest.mark.slow
def test_a_cascade_of_3000_posts_fits_in_2_gigabytes(tmp_path: Path) -> None:
    """With the distances of all pairs, which are made for some queries at a time."""
    peak = peak_megabytes(
        """
        from dgljoint_plugins.encoders.transformer import TransformerOptions
        from dgljoint_plugins.encoders.transformer.module import Transformer
        batch = one_cascade(3000)
        encoder = Transformer(TransformerOptions(encoding="tree_distance"), 64).train()
        encoder(batch, torch.randn(3000, 64)).square().sum().backward()
        """,
        tmp_path,
    )
    assert peak < 2048
