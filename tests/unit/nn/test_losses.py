from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch

from dgljoint.nn import dot_over_pairs, log_softmax_over_groups
from dgljoint.tasks.heads import binary_loss, listwise_loss, rumor_loss, rumor_losses
from toys import toy_batch, toy_store


def test_group_softmax_equals_softmax_group_by_group() -> None:
    group = torch.tensor([0, 0, 1, 2, 2, 2])
    scores = torch.tensor([1e4, 1e4 - 1, 3.0, -1e4, 0.0, 1.0], requires_grad=True)
    expected = torch.cat([scores[group == number].log_softmax(0) for number in range(3)])
    torch.testing.assert_close(log_softmax_over_groups(scores, group, 3), expected)
    assert torch.isfinite(torch.autograd.grad(expected[3], scores)[0]).all()


def test_listwise_loss_equals_cross_entropy_target_by_target(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(12))
    logits = torch.randn(len(batch.pair_target))
    losses = []
    for target in range(batch.targets):
        mine = batch.pair_group == target
        answer = batch.pair_target[mine].nonzero().squeeze(1)
        losses.append(torch.nn.functional.cross_entropy(logits[mine][None], answer))
    torch.testing.assert_close(listwise_loss(logits, batch), torch.stack(losses).mean())


def test_binary_loss_weighs_the_parent_like_all_rivals(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(12))
    undecided = binary_loss(torch.zeros(len(batch.pair_target)), batch)
    assert math.isclose(undecided, 2 * math.log(2), rel_tol=1e-6)
    right = torch.where(batch.pair_target, 20.0, -20.0)
    assert float(binary_loss(right, batch)) < 1e-6


def test_nothing_to_learn_costs_nothing_and_keeps_the_graph(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(3), share=0.0)
    assert batch.targets == 0
    logits = torch.zeros(0, requires_grad=True)
    for loss in (listwise_loss(logits, batch), binary_loss(logits, batch)):
        assert loss.item() == 0
        loss.backward()
    unlabelled = replace(batch, label=torch.full_like(batch.label, -1))
    rumor = torch.randn(3, 2, requires_grad=True)
    assert rumor_loss(rumor, unlabelled).item() == 0


def test_rumor_loss_ignores_unlabelled_cascades(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(3))
    batch = replace(batch, label=torch.tensor([1, -1, 0]))
    logits = torch.randn(3, 2)
    expected = torch.nn.functional.cross_entropy(logits[[0, 2]], torch.tensor([1, 0]))
    torch.testing.assert_close(rumor_loss(logits, batch), expected)


def test_dot_over_pairs_forward_and_backward() -> None:
    torch.manual_seed(0)
    pairs = torch.randint(0, 7, (2, 40))
    left, right = (torch.randn(7, 5, requires_grad=True) for _ in range(2))
    plain = (left[pairs[0]] * right[pairs[1]]).sum(1)
    ours = dot_over_pairs(pairs, left, right)
    torch.testing.assert_close(ours, plain)
    weight = torch.randn(40)
    for found, expected in zip(
        torch.autograd.grad((ours * weight).sum(), (left, right)),
        torch.autograd.grad((plain * weight).sum(), (left, right)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected)


def test_the_rumor_loss_is_the_mean_of_those_of_the_labelled_cascades(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(12))
    batch = replace(batch, label=torch.tensor([0, -1, 2, 1] * 3))
    logits = torch.randn(12, 4)
    found = rumor_losses(logits, batch, 0.1)
    torch.testing.assert_close(found.values.mean(), rumor_loss(logits, batch, 0.1))
    assert found.event.tolist() == batch.event[batch.label >= 0].tolist()
    none = replace(batch, label=torch.full((12,), -1))
    assert len(rumor_losses(logits, none).values) == 0
