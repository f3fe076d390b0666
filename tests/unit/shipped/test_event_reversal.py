from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Outputs, Representations
from dgljoint_plugins.interactions.event_reversal import EventReversalOptions
from dgljoint_plugins.interactions.event_reversal.module import EventReversal
from toys import toy_batch, toy_store

WIDTH = 6
NOTHING = Outputs(torch.empty(0), torch.empty(0))


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    """Eight cascades of four events."""
    return toy_batch(toy_store(tmp_path / "a.h5"), range(8))


def module(**options: object) -> EventReversal:
    torch.manual_seed(0)
    return EventReversal(EventReversalOptions(**options), WIDTH)


def views(batch: CascadeBatch) -> Representations:
    generator = torch.Generator().manual_seed(0)
    cascade, rumor = torch.randn(2, len(batch.kind), WIDTH, generator=generator)
    return Representations(cascade, cascade, rumor.requires_grad_())


def gradients(of: EventReversal, batch: CascadeBatch) -> tuple[Tensor, Tensor]:
    """Return the loss's gradient by the rumor view, and by the classifier's last bias."""
    reps = views(batch)
    loss = of.losses(reps, NOTHING, batch)["event_reversal"]
    found: tuple[Tensor, Tensor] = torch.autograd.grad(loss, (reps.rumor, of.classifier[2].bias))
    return found


def test_the_gradient_by_the_view_is_reversed_and_the_classifier_s_own_is_not(
    batch: CascadeBatch,
) -> None:
    of = module(warmup=10)
    of.steps.fill_(4)
    by_view, by_bias = gradients(of, batch)
    reps = views(batch)
    plain = nn.functional.cross_entropy(of.classifier(batch.pool(reps.rumor)), batch.event % 512)
    expected, own = torch.autograd.grad(plain, (reps.rumor, of.classifier[2].bias))
    torch.testing.assert_close(by_view, -(2 / (1 + math.exp(-4)) - 1) * expected)
    torch.testing.assert_close(by_bias, own)


def test_the_view_is_trained_as_without_it_at_first_and_fully_after_the_warm_up(
    batch: CascadeBatch,
) -> None:
    of = module(warmup=3)
    strengths = []
    for _ in range(5):
        strengths.append(of.strength)
        gradients(of, batch)
    assert strengths[0] == 0
    assert strengths == sorted(strengths)
    assert strengths[3:] == [pytest.approx(1, abs=1e-4)] * 2
    by_view, _ = gradients(module(), batch)
    assert not by_view.any()


def test_views_are_left_as_they_are(batch: CascadeBatch) -> None:
    reps = views(batch)
    assert module().couple(reps, batch) is reps


def test_evaluation_counts_no_step(batch: CascadeBatch) -> None:
    of = module().eval()
    gradients(of, batch)
    assert of.steps == 0


def test_events_beyond_the_number_share_a_class(batch: CascadeBatch) -> None:
    few = replace(batch, event=torch.arange(8) % 2)
    many = replace(batch, event=torch.arange(8) % 2 + 4 * torch.arange(8))
    for one, other in zip(gradients(module(events=2), few), gradients(module(events=2), many),
                          strict=True):
        assert torch.equal(one, other)


def test_a_view_trained_against_it_loses_what_tells_the_event() -> None:
    """A map of two numbers, the event and noise, which count alike at first."""
    torch.manual_seed(0)
    event = torch.arange(64) % 2
    x = torch.stack((2.0 * event - 1, torch.randn(64)), dim=1)
    of, shape = module(warmup=50, events=2, hidden=8), nn.Linear(2, WIDTH, bias=False)
    nn.init.constant_(shape.weight, 0.5)
    optimizer = torch.optim.Adam([*shape.parameters(), *of.parameters()], lr=0.02)
    batch = cast(CascadeBatch, _Pooled(event))
    for _ in range(300):
        view = shape(x) / shape.weight.norm()
        loss = of.losses(Representations(view, view, view), NOTHING, batch)["event_reversal"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    of_event, of_noise = shape.weight.norm(dim=0)
    assert of_event < 0.6 * of_noise


class _Pooled:
    """A batch whose posts are its cascades."""

    def __init__(self, event: Tensor) -> None:
        self.event = event

    def pool(self, x: Tensor) -> Tensor:
        return x
