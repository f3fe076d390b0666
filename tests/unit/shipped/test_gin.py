from __future__ import annotations

from pathlib import Path

import dgl
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dgljoint.data.store import CascadeStore
from dgljoint.tasks.targets import evaluation_pairs
from dgljoint_plugins.encoders.gin import GINOptions
from dgljoint_plugins.encoders.gin.module import GIN
from encoding import (
    WIDTH,
    check_equal,
    check_gradients_reach,
    known_batch,
    known_rows,
    mixed_batch,
    undirected,
    with_known_weights,
)
from toys import toy_batch, toy_cascade, write_store


def test_it_equals_dgl_gin_conv(tmp_path: Path) -> None:
    batch = mixed_batch(tmp_path)
    torch.manual_seed(0)
    ours = GIN(GINOptions(layers=3, dropout=0), WIDTH)
    for layer in ours.layers:
        torch.nn.init.normal_(layer.epsilon)
    graph = undirected(batch)

    def theirs(x: Tensor) -> Tensor:
        rows = [x]
        for layer in ours.layers:
            epsilon = layer.epsilon.item()
            conv = dgl.nn.GINConv(layer.mlp, "sum", init_eps=epsilon, learn_eps=True)
            rows.append(conv(graph, rows[-1]))
        return ours.join(torch.cat(rows, dim=1))

    check_equal(lambda x: ours(batch, x), theirs, torch.randn(len(batch.kind), WIDTH))


def test_in_training_too_a_post_of_one_cascade_reaches_no_other(tmp_path: Path) -> None:
    """What normalising over the batch, as the paper does, would break."""
    batch = mixed_batch(tmp_path)
    torch.manual_seed(0)
    encoder = GIN(GINOptions(dropout=0), WIDTH).train()
    x = torch.randn(len(batch.kind), WIDTH)
    changed = torch.where((batch.cascade_of == 0).unsqueeze(1), x + 1, x)
    others = batch.cascade_of != 0
    torch.testing.assert_close(encoder(batch, x)[others], encoder(batch, changed)[others])


def test_it_learns_how_many_equal_answers_a_post_has(tmp_path: Path) -> None:
    """What the mean or the maximum of equal rows cannot tell."""
    answers = range(1, 9)
    stars = [toy_cascade(f"of {count}", [-1, *[0] * count]) for count in answers]
    store = CascadeStore(write_store(tmp_path / "stars.h5", stars))
    targets = evaluation_pairs(store.read(np.arange(len(stars))), 1.0)
    batch = toy_batch(store, range(len(stars)), targets=targets)
    x = torch.tensor([1.0, -1.0] * (WIDTH // 2)).expand(len(batch.kind), WIDTH)
    wanted = torch.tensor(answers).float().log()
    torch.manual_seed(0)
    encoder = GIN(GINOptions(dropout=0), WIDTH)
    optimizer = torch.optim.Adam(encoder.parameters(), 0.02)
    for _ in range(100):
        # the engine normalises what an encoder gives: only its direction counts
        encoded = functional.layer_norm(encoder(batch, x), (WIDTH,))[batch.root, 0]
        loss = (encoded - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02


def test_epsilon_is_fixed_when_it_is_not_to_be_learned() -> None:
    assert all(layer.epsilon.requires_grad for layer in GIN(GINOptions(), WIDTH).layers)
    fixed = GIN(GINOptions(learn_epsilon=False), WIDTH)
    assert not any(layer.epsilon.requires_grad for layer in fixed.layers)


def test_golden_value(tmp_path: Path) -> None:
    encoder = with_known_weights(GIN(GINOptions(layers=2), 3))
    expected = torch.tensor(
        [
            [0.963231, 0.527469, -0.067943],
            [0.398358, -0.648600, -1.026304],
            [-0.133546, -0.160691, 0.137535],
            [1.042622, 0.556566, -0.109647],
            [0.345715, -0.714975, -1.059629],
            [-0.131864, -0.150823, 0.148633],
        ]
    )
    found = encoder(known_batch(tmp_path), known_rows(6, 3))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_gradients_reach_every_parameter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    check_gradients_reach(GIN(GINOptions(dropout=0), WIDTH), mixed_batch(tmp_path))
