from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dgljoint.nn import CascadeBatch
from dgljoint.tasks.heads import CascadePredictor, RumorDetector
from dgljoint.tasks.link_numbers import link_numbers
from link_heads import random_head
from toys import toy_batch, toy_store

WIDTH = 6


def batch_of(tmp_path: Path) -> CascadeBatch:
    return toy_batch(toy_store(tmp_path / "a.h5"), range(10))


def test_link_score_is_that_of_the_equation(tmp_path: Path) -> None:
    batch = batch_of(tmp_path)
    torch.manual_seed(0)
    head = random_head(WIDTH)
    view, delay = torch.randn(len(batch.kind), WIDTH), batch.delay_seconds.numpy()
    kernels, slopes = head.kernels.detach().numpy() * 10, head.slopes.detach().numpy()
    parent, answer = batch.edges.numpy()

    def kernel(row: int, number: float) -> float:
        return float(np.interp(np.log2(1 + number) / 0.75, np.arange(32), kernels[row]))

    with torch.no_grad():
        found = head(view, batch.pairs, link_numbers(batch))
        for place, (child, candidate) in enumerate(batch.pairs.T.tolist()):
            affinity = head.query(view[child]) @ head.key(view[candidate]) / WIDTH**0.5
            reach = 2 * head.reach(view[child]).sigmoid()
            expected = head.attraction(view[candidate]) + head.level(view[child])
            expected += reach[0] * affinity
            expected += reach[1] * kernel(0, delay[child] - delay[candidate])
            mine = delay[(batch.cascade_of == batch.cascade_of[child]).numpy()]
            passed = ((mine >= delay[candidate]) & (mine < delay[child])).sum() - 1
            expected += reach[3] * kernel(2, passed)
            if len(answers := answer[parent == candidate]):
                expected += reach[2] * kernel(1, delay[child] - delay[answers].max())
            before = mine[mine < delay[candidate]]
            numbers = [
                float(candidate in batch.root), float(batch.observed[candidate]),
                delay[candidate] - before.max() if len(before) else 0.0,
                float(len(answers)), float(batch.descendants[candidate]),
            ]
            expected += sum(kernel(3 + row, number) for row, number in enumerate(numbers))
            expected += float(slopes @ np.log2(1 + np.array(numbers)))
            assert abs(found[place] - expected) < 1e-4


def test_of_an_observed_post_no_answer_to_its_candidates_counts(tmp_path: Path) -> None:
    """They may be later than the post, or the post itself."""
    batch = batch_of(tmp_path)
    torch.manual_seed(0)
    head, numbers = random_head(WIDTH), link_numbers(batch)
    view = torch.randn(len(batch.kind), WIDTH)
    unanswered = replace(
        numbers, last_child_seconds=torch.full_like(numbers.last_child_seconds, -torch.inf),
        numbers=numbers.numbers * torch.tensor([1.0, 1, 1, 0, 0]),
    )
    observed = batch.edges.flip(0)
    before, after = (head(view, observed, of) for of in (numbers, unanswered))
    assert torch.equal(before, after)
    before, after = (head(view, batch.pairs, of) for of in (numbers, unanswered))
    assert not torch.allclose(before, after)


def test_the_time_kernel_ends_in_its_last_knot(tmp_path: Path) -> None:
    head = CascadePredictor(WIDTH)
    with torch.no_grad():
        head.kernels[0, -1] = 1
        far = head._pair_kernels()[0].at(torch.tensor([1e12, 0.0], dtype=torch.float64))
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
