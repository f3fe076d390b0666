from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from dgljoint.nn import CascadeBatch, Outputs, Representations
from dgljoint_plugins.interactions.contrastive import ContrastiveOptions
from dgljoint_plugins.interactions.contrastive.module import Contrastive
from golden import filled, filled_views
from toys import toy_batch, toy_store

WIDTH = 6


@pytest.fixture
def batch(tmp_path: Path) -> CascadeBatch:
    """Eight cascades, of which 0 and 1, 2 and 3 and so on tell of one event."""
    return toy_batch(toy_store(tmp_path / "a.h5"), range(8))


def views(batch: CascadeBatch, seed: int = 0) -> Representations:
    generator = torch.Generator().manual_seed(seed)
    cascade, rumor = torch.randn(2, len(batch.kind), WIDTH, generator=generator)
    return Representations(cascade, cascade.requires_grad_(), rumor.requires_grad_())


def loss_of(module: Contrastive, reps: Representations, batch: CascadeBatch) -> torch.Tensor:
    nothing = Outputs(torch.empty(0), torch.empty(0))
    return module.losses(reps, nothing, batch)["contrastive"]


def module(**options: object) -> Contrastive:
    torch.manual_seed(0)
    return Contrastive(ContrastiveOptions(**options), WIDTH)


def similarity(of: Contrastive, reps: Representations, batch: CascadeBatch) -> torch.Tensor:
    one = functional.normalize(of.project_cascade(batch.pool(reps.cascade)), dim=1)
    other = functional.normalize(of.project_rumor(batch.pool(reps.rumor)), dim=1)
    return one @ other.T


def test_equals_the_closed_form_for_two_cascades(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), [0, 2])
    of, reps = module(temperature=0.5, agreement=0.1), views(batch)
    s = similarity(of, reps, batch)
    (a, b), (c, d) = (s / 0.5).tolist()
    terms = torch.tensor([b - a, c - d, c - a, b - d]).exp().log1p()
    expected = terms.mean() + 0.1 * (1 - s.diagonal().mean())
    torch.testing.assert_close(loss_of(of, reps, batch), expected)


def test_equals_cross_entropy_when_every_cascade_is_an_event(batch: CascadeBatch) -> None:
    batch = replace(batch, event=torch.arange(8))
    of, reps = module(agreement=0), views(batch)
    s = similarity(of, reps, batch) / 0.1
    answer = torch.arange(8)
    expected = (functional.cross_entropy(s, answer) + functional.cross_entropy(s.T, answer)) / 2
    torch.testing.assert_close(loss_of(of, reps, batch), expected)


def test_cascades_of_the_same_event_are_no_negatives(batch: CascadeBatch) -> None:
    of, reps = module(agreement=0), views(batch)
    s = similarity(of, reps, batch) / 0.1
    kept = (batch.event[:, None] != batch.event) | torch.eye(8, dtype=torch.bool)
    assert (~kept).sum() == 8
    one_way = [
        -(row.exp() * keep / (row.exp() * keep).sum())[i].log()
        for matrix in (s, s.T)
        for i, (row, keep) in enumerate(zip(matrix, kept, strict=True))
    ]
    torch.testing.assert_close(loss_of(of, reps, batch), torch.stack(one_way).mean())


def test_supervised_draws_labels_together_and_ignores_unlabelled_cascades(
    batch: CascadeBatch,
) -> None:
    of = module(supervised=True)
    batch = replace(batch, label=torch.tensor([0, 0, 1, 1, 0, 0, 1, -1]))
    reps = views(batch)
    expected = loss_of(of, reps, batch)
    unlabelled = (batch.cascade_of == 7)[:, None]
    changed = Representations(
        reps.shared, *(view.detach() + 5 * unlabelled for view in (reps.cascade, reps.rumor))
    )
    torch.testing.assert_close(loss_of(of, changed, batch), expected)
    # A cascade's positives are itself and those of its label and another event.
    s = similarity(of, reps, batch)[:7, :7] / 0.1
    label, event = batch.label[:7], batch.event[:7]
    other_event = event[:, None] != event
    positive = torch.eye(7, dtype=torch.bool) | ((label[:, None] == label) & other_event)
    terms = []
    for matrix in (s, s.T):
        for i in range(7):
            kept = positive[i] | other_event[i]
            log_probability = matrix[i] - matrix[i][kept].logsumexp(0)
            terms.append(-log_probability[positive[i]].mean())
    agreement = 0.1 * (1 - (s.diagonal() * 0.1).mean())
    torch.testing.assert_close(expected, torch.stack(terms).mean() + agreement)


def test_fewer_negatives_cost_less_and_all_of_them_cost_the_same(batch: CascadeBatch) -> None:
    reps = views(batch)
    full = loss_of(module(), reps, batch)
    assert loss_of(module(negatives=2), reps, batch) < full
    torch.testing.assert_close(loss_of(module(negatives=100), reps, batch), full)


@pytest.mark.parametrize("supervised", [False, True])
def test_a_batch_of_one_costs_nothing(tmp_path: Path, supervised: bool) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), [3])
    reps = views(batch)
    loss = loss_of(module(supervised=supervised), reps, batch)
    assert loss.item() == 0
    (gradient,) = torch.autograd.grad(loss, reps.cascade)
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_only_one_event_costs_agreement_alone(batch: CascadeBatch) -> None:
    batch = replace(batch, event=torch.zeros(8, dtype=torch.int64))
    of, reps = module(agreement=0), views(batch)
    assert loss_of(of, reps, batch).item() == pytest.approx(0)


def test_finite_at_the_lowest_temperature_in_half_precision(batch: CascadeBatch) -> None:
    of, reps = module(temperature=0.05), views(batch)
    half = Representations(
        reps.shared, *(view.detach().half().requires_grad_() for view in (reps.cascade, reps.rumor))
    )
    loss = loss_of(of.half(), half, batch)
    assert loss.dtype == torch.float32
    gradients = torch.autograd.grad(loss, (half.cascade, half.rumor))
    assert all(torch.isfinite(gradient).all() for gradient in (loss, *gradients))


def test_learned_temperature_stays_within_its_bounds(batch: CascadeBatch) -> None:
    of = module(learn_temperature=True)
    assert of.temperature.item() == pytest.approx(0.1)
    for value, clipped in ((-9.0, 0.05), (9.0, 1.0)):
        with torch.no_grad():
            of.log_temperature.fill_(value)
        assert of.temperature.item() == pytest.approx(clipped)
    assert not module().log_temperature.requires_grad


def test_a_learned_temperature_comes_back_from_beyond_its_bounds(batch: CascadeBatch) -> None:
    of, reps = module(learn_temperature=True), views(batch)
    for value in (-9.0, 9.0):
        with torch.no_grad():
            of.log_temperature.fill_(value)
        (gradient,) = torch.autograd.grad(loss_of(of, reps, batch), of.log_temperature)
        assert gradient.abs() > 1e-3
    of.eval()
    with torch.no_grad():
        of.log_temperature.fill_(-9.0)
    loss_of(of, reps, batch)
    assert of.log_temperature.item() == -9.0


def test_exponentials_in_half_precision_overflow_where_ours_do_not(batch: CascadeBatch) -> None:
    """The fault of a softmax spelled out: exp(1 / 0.05) is beyond half precision."""
    batch = replace(batch, event=torch.arange(8))
    of = module(temperature=0.05, agreement=0)
    of.project_rumor.load_state_dict(of.project_cascade.state_dict())
    reps = views(batch)
    same = Representations(reps.shared, reps.cascade, reps.cascade)
    alike = (similarity(of, same, batch) / 0.05).half().exp()
    spelled_out = -(alike.diagonal() / alike.sum(1)).log().mean()
    assert spelled_out.isnan()
    loss = loss_of(of.half(), Representations(*(x.half() for x in vars(same).values())), batch)
    expected = functional.cross_entropy(similarity(of.float(), same, batch) / 0.05, torch.arange(8))
    torch.testing.assert_close(loss, expected, rtol=0.1, atol=1e-3)


def test_training_draws_the_views_of_one_cascade_together(batch: CascadeBatch) -> None:
    of = module()
    optimizer = torch.optim.Adam(of.parameters(), lr=1e-2)
    reps = views(batch)
    fixed = Representations(reps.shared, reps.cascade.detach(), reps.rumor.detach())
    for _ in range(60):
        optimizer.zero_grad()
        loss_of(of, fixed, batch).backward()
        optimizer.step()
    s = similarity(of, fixed, batch)
    others = s[~torch.eye(8, dtype=torch.bool)]
    assert s.diagonal().mean() > others.mean() + 0.5


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 2.992553),
        ({"supervised": True}, 3.052412),
        ({"temperature": 0.5, "agreement": 0}, 1.968294),
    ],
)
def test_golden_value(batch: CascadeBatch, options: dict[str, object], expected: float) -> None:
    of, reps = filled(module(width=5, **options)), filled_views(batch, WIDTH)
    assert loss_of(of, reps, batch).item() == pytest.approx(expected, rel=1e-4)
