from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dgljoint.nn import CascadeBatch
from dgljoint.tasks.heads import CascadePredictor, RumorDetector
from toys import toy_batch, toy_store

WIDTH = 6


def batch_of(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(10))


def test_link_score_is_affinity_attraction_level_and_time_kernel(tmp_path: Path) -> None:
    batch = batch_of(tmp_path)
    torch.manual_seed(0)
    head = CascadePredictor(WIDTH)
    torch.nn.init.normal_(head.kernel)
    view = torch.randn(len(batch.kind), WIDTH)
    with torch.no_grad():
        found = head(view, batch.pairs, batch.delay_seconds)
        kernel = head.kernel.numpy() * 10
        for place, (child, candidate) in enumerate(batch.pairs.T.tolist()):
            gap = float(batch.delay_seconds[child] - batch.delay_seconds[candidate])
            knots = np.interp(np.log2(1 + gap) / 0.75, np.arange(32), kernel)
            affinity = head.query(view[child]) @ head.key(view[candidate]) / WIDTH**0.5
            expected = affinity + head.attraction(view[candidate]) + head.level(view[child])
            assert abs(found[place] - (expected + knots)) < 1e-4


def test_the_time_kernel_ends_in_its_last_knot(tmp_path: Path) -> None:
    head = CascadePredictor(WIDTH)
    with torch.no_grad():
        head.kernel[-1] = 1
        far = head._knots().at(torch.tensor([1e12, 0.0], dtype=torch.float64))
    assert abs(far[0] - 10) < 0.02
    assert far[1] == 0


def test_affinity_starts_as_similarity() -> None:
    head = CascadePredictor(WIDTH)
    assert torch.equal(head.query.weight, head.key.weight)
    assert head.query.weight is not head.key.weight


def test_rumor_head_reads_mean_maximum_and_source(tmp_path: Path) -> None:
    batch = batch_of(tmp_path)
    torch.manual_seed(0)
    head = RumorDetector(WIDTH, classes=3, dropout=0.0)
    view = torch.randn(len(batch.kind), WIDTH)
    found = head(view, batch)
    assert found.shape == (10, 3)
    for cascade in range(10):
        mine = view[(batch.cascade_of == cascade) & batch.observed]
        pooled = torch.cat((mine.mean(0), mine.amax(0), view[batch.root[cascade]]))
        torch.testing.assert_close(found[cascade], head.layers(pooled))
