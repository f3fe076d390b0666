from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch, Outputs, Representations, log_softmax_over_groups
from dgljoint.tasks.heads import task_losses
from dgljoint.training.setup import trainable_parameters
from dgljoint_plugins.interactions.adversarial import AdversarialOptions
from dgljoint_plugins.interactions.adversarial.module import (
    Adversarial,
    Discriminator,
    tree_distances,
)
from dgljoint_plugins.shared.links import candidate_parents
from golden import filled, filled_views
from toys import toy_batch, toy_cascade, toy_model, toy_store, write_store

WIDTH = 6


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return toy_store(tmp_path_factory.mktemp("adversarial") / "a.h5")


@pytest.fixture(scope="module")
def batch(store: CascadeStore) -> CascadeBatch:
    """Ten cascades, some of a single post, some without a target."""
    made = toy_batch(store, range(10))
    asked = made.cascade_of[made.pairs[0]].unique()
    assert 3 < len(asked) < 10
    return made


def module(**options: object) -> Adversarial:
    torch.manual_seed(0)
    return Adversarial(AdversarialOptions(**{"warmup": 0, "hidden": 8, **options}), WIDTH)


def scored(batch: CascadeBatch, seed: int = 0) -> tuple[Representations, Outputs]:
    """Views and logits, all of them leaves that want gradients."""
    generator = torch.Generator().manual_seed(seed)
    views = torch.randn(3, len(batch.kind), WIDTH, generator=generator)
    logits = torch.randn(batch.pairs.shape[1], generator=generator)
    reps = Representations(*(view.clone().requires_grad_() for view in views))
    return reps, Outputs(torch.empty(0), logits.requires_grad_())


def loss_of(of: Adversarial, batch: CascadeBatch, seed: int = 0) -> tuple[Tensor, Outputs]:
    reps, outputs = scored(batch, seed)
    torch.manual_seed(seed)
    return of.losses(reps, outputs, batch)["adversarial"], outputs


def state_of(of: nn.Module) -> dict[str, Tensor]:
    return {name: held.clone() for name, held in of.state_dict().items()}


def judged(
    judge: Discriminator, batch: CascadeBatch, x: Tensor, places: Tensor, weight: Tensor
) -> Tensor:
    """The logits of the cascades with targets, of trees of some pairs and their weights."""
    logits = judge(batch, x, batch.pairs[:, places], weight, batch.pairs)[1]
    return logits[batch.cascade_of[batch.pairs[0]].unique()]


def assert_same_state(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert list(one) == list(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_models_step_moves_the_link_head_and_leaves_no_trace_in_the_discriminator(
    batch: CascadeBatch,
) -> None:
    of, (reps, outputs) = module(), scored(batch)
    before = state_of(of.discriminator)
    of.losses(reps, outputs, batch)["adversarial"].backward()
    assert outputs.link_logits.grad.abs().sum() > 0
    assert all(view.grad is None for view in vars(reps).values())
    assert all(p.grad is None for p in of.discriminator.parameters())
    assert all(p.requires_grad for p in of.discriminator.parameters())
    assert_same_state(before, state_of(of.discriminator))


def test_the_opponents_step_moves_the_discriminator_and_nothing_else(batch: CascadeBatch) -> None:
    of, (reps, outputs) = module(r1=1.0), scored(batch)
    losses = of.opponent_losses(reps, outputs, batch)
    assert set(losses) == {"discriminator", "r1"}
    sum(losses.values()).backward()
    assert set(of.opponent_parameters()) == set(of.discriminator.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in of.opponent_parameters())
    assert outputs.link_logits.grad is None
    assert all(view.grad is None for view in vars(reps).values())


def test_in_a_whole_model_the_gradient_reaches_the_link_head(store: CascadeStore) -> None:
    model, batch = toy_model(store, plugins=("adversarial",)).train(), toy_batch(store, range(9))
    assert not any("discriminator" in name for name in trainable_parameters(model))
    reps, outputs = model(batch)
    # In the first steps of the warm-up there is none.
    model.interactions["of_adversarial"].steps.fill_(100)
    model.auxiliary_losses(reps, outputs, batch)["adversarial"].backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert "link_head.query.weight" in reached
    assert not any("discriminator" in name or "rumor" in name for name in reached)


def test_a_draw_takes_one_candidate_a_target_as_often_as_the_softmax_says(
    batch: CascadeBatch,
) -> None:
    of, (_, outputs) = module(temperature=0.3), scored(batch)
    torch.manual_seed(0)
    draws = torch.stack([of.draw(outputs.link_logits.detach(), batch) for _ in range(1000)])
    assert ((draws == 0) | ((draws - 1).abs() < 1e-6)).all()
    taken = torch.zeros(len(draws), batch.targets).index_add(1, batch.pair_group, draws)
    torch.testing.assert_close(taken, torch.ones_like(taken))
    share = log_softmax_over_groups(outputs.link_logits, batch.pair_group, batch.targets).exp()
    torch.testing.assert_close(draws.mean(0), share.detach(), rtol=0, atol=0.07)


def test_a_draws_gradient_is_that_of_the_gumbel_softmax(batch: CascadeBatch) -> None:
    of, (_, outputs) = module(temperature=0.7), scored(batch)
    logits, slope = outputs.link_logits, torch.randn(batch.pairs.shape[1])
    torch.manual_seed(3)
    (found,) = torch.autograd.grad(of.draw(logits, batch) @ slope, logits)
    torch.manual_seed(3)
    gumbel = -torch.empty_like(logits).exponential_().log()
    rows = [batch.pair_group == target for target in range(batch.targets)]
    soft = torch.cat([((logits + gumbel) / 0.7)[row].softmax(0) for row in rows])
    (expected,) = torch.autograd.grad(soft @ slope, logits)
    torch.testing.assert_close(found, expected)


def test_equal_scores_still_give_one_parent(batch: CascadeBatch, monkeypatch) -> None:
    monkeypatch.setattr(Tensor, "exponential_", lambda x, generator=None: x.fill_(1))
    drawn = module().draw(torch.zeros(batch.pairs.shape[1]), batch)
    taken = torch.zeros(batch.targets).index_add(0, batch.pair_group, drawn)
    torch.testing.assert_close(taken, torch.ones(batch.targets))


Graphs = Callable[[], Tensor]


def accuracy_after_training(batch: CascadeBatch, real: Graphs, other: Graphs) -> float:
    """Train a discriminator to tell the graphs, each an edge weight a pair; judge new ones."""
    torch.manual_seed(1)
    judge, x = Discriminator(WIDTH, 16, 2), torch.randn(len(batch.kind), WIDTH)
    every = torch.arange(batch.pairs.shape[1])

    def logit(weight: Tensor) -> Tensor:
        return judged(judge, batch, x, every, weight)

    optimizer = torch.optim.AdamW(judge.parameters(), lr=3e-3)
    for _ in range(120):
        one, two = logit(real()), logit(other())
        optimizer.zero_grad()
        (functional.softplus(-one) + functional.softplus(two)).mean().backward()
        optimizer.step()
    with torch.no_grad():
        right = [
            torch.cat((logit(real()) > 0, logit(other()) <= 0))
            for _ in range(40)
        ]
    return torch.cat(right).float().mean().item()


def test_probabilities_are_told_from_a_graph_by_softness_alone_and_draws_are_not(
    store: CascadeStore,
) -> None:
    """The fault: even the true probabilities do not pass for graphs that were drawn by them."""
    batch = toy_batch(store, range(16))
    of, logits = module(), torch.randn(batch.pairs.shape[1]) * 0.5
    law = log_softmax_over_groups(logits, batch.pair_group, batch.targets).exp()

    def drawn() -> Tensor:
        return of.draw(logits, batch)

    assert accuracy_after_training(batch, drawn, lambda: law) > 0.9
    assert accuracy_after_training(batch, drawn, drawn) < 0.6


def test_a_sure_discriminator_still_teaches_where_a_sigmoid_would_not(batch: CascadeBatch) -> None:
    """The fault: the cross-entropy of a sigmoid is flat where the discriminator is sure."""
    of, (reps, outputs) = module(), scored(batch)
    with torch.no_grad():
        of.discriminator.head.bias.fill_(-200)

    def gradient(loss_from: Callable[[Tensor], Tensor]) -> Tensor:
        every = torch.arange(len(outputs.link_logits))
        opinion = of._judge(reps, batch, every, of.draw(outputs.link_logits, batch))
        (found,) = torch.autograd.grad(loss_from(opinion), outputs.link_logits)
        return found.abs().sum()

    def by_sigmoid(logit: Tensor) -> Tensor:
        return functional.binary_cross_entropy(logit.sigmoid(), torch.ones_like(logit))

    assert gradient(by_sigmoid) == 0
    assert gradient(lambda logit: (1 - logit.sigmoid()).log().mean()) == 0
    ours = torch.autograd.grad(of.losses(reps, outputs, batch)["adversarial"], outputs.link_logits)
    assert ours[0].abs().sum() > 1e-3


def test_a_batch_without_targets_costs_nothing(store: CascadeStore) -> None:
    for indices in ([0], [0, 1, 2]):
        batch = toy_batch(store, indices, share=0.0)
        of, (reps, outputs) = module(r1=1.0), scored(batch)
        loss = of.losses(reps, outputs, batch)["adversarial"]
        loss.backward()
        assert loss.item() == 0
        (opponent,) = of.opponent_losses(reps, outputs, batch).values()
        opponent.backward()
        assert opponent.item() == 0
        found = of.diagnostics(reps, outputs, batch)
        assert found.pop("accuracy") == 0.5
        assert not any(found.values())


def test_half_precision_is_judged_in_float32(batch: CascadeBatch) -> None:
    of, (reps, outputs) = module(), scored(batch)
    half = Representations(*(view.detach().half() for view in vars(reps).values()))
    logits = outputs.link_logits.detach().half().requires_grad_()
    loss = of.losses(half, Outputs(torch.empty(0), logits), batch)["adversarial"]
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.dtype == torch.float32
    assert gradient.isfinite().all()
    assert gradient.any()


def test_the_warm_up_grows_the_gradient_and_not_the_value(batch: CascadeBatch) -> None:
    full, outputs = loss_of(module(), batch)
    (whole,) = torch.autograd.grad(full, outputs.link_logits)
    of = module(warmup=4)
    for step in range(7):
        loss, outputs = loss_of(of, batch)
        (gradient,) = torch.autograd.grad(loss, outputs.link_logits)
        torch.testing.assert_close(loss, full)
        torch.testing.assert_close(gradient, whole * min(step / 4, 1))
    assert of.loss_coefficients == {"adversarial": 0.1}


def test_the_warm_up_counts_training_steps_and_is_part_of_the_state(batch: CascadeBatch) -> None:
    of = module(warmup=4)
    for _ in range(2):
        loss_of(of, batch)
    of.eval()
    loss_of(of, batch)
    assert of.steps == 2
    other = module(warmup=4)
    other.load_state_dict(deepcopy(of.state_dict()))
    for going_on in (of.train(), other.train()):
        reps, outputs = scored(batch)
        torch.manual_seed(5)
        loss = going_on.losses(reps, outputs, batch)["adversarial"]
        (loss + sum(going_on.opponent_losses(reps, outputs, batch).values())).backward()
    assert_same_state(of.state_dict(), other.state_dict())
    for one, two in zip(of.opponent_parameters(), other.opponent_parameters(), strict=True):
        assert torch.equal(one.grad, two.grad)


def test_the_penalty_is_taken_every_eighth_step(batch: CascadeBatch) -> None:
    of, (reps, outputs) = module(r1=1.0), scored(batch)
    taken = []
    for _ in range(17):
        taken.append("r1" in of.opponent_losses(reps, outputs, batch))
        of.losses(reps, outputs, batch)
    assert [step for step, was in enumerate(taken) if was] == [0, 8, 16]


def test_the_maps_of_the_discriminator_have_spectral_norm_one(batch: CascadeBatch) -> None:
    of, (reps, outputs) = module(), scored(batch)
    for _ in range(30):
        of.opponent_losses(reps, outputs, batch)
    judge = of.discriminator.eval()
    for layer in (judge.project, *judge.layers, judge.head):
        norm = torch.linalg.matrix_norm(layer.weight, 2)
        assert norm.item() == pytest.approx(1, abs=0.02)


def real_edges(batch: CascadeBatch) -> tuple[Tensor, Tensor]:
    """The places of the real edges among the pairs, and their weights."""
    places = batch.pair_target.nonzero().squeeze(1)
    return places, torch.ones(len(places))


def test_pairs_left_out_are_edges_of_weight_0(batch: CascadeBatch) -> None:
    judge, (reps, _) = module().discriminator.eval(), scored(batch)
    x = reps.shared.detach()
    every = torch.arange(batch.pairs.shape[1])
    torch.testing.assert_close(
        judged(judge, batch, x, *real_edges(batch)),
        judged(judge, batch, x, every, batch.pair_target.float()),
    )


def test_the_gradient_penalty_is_that_of_every_real_edge(batch: CascadeBatch) -> None:
    of, (reps, outputs) = module(r1=3.0).double().eval(), scored(batch)
    reps = Representations(*(view.detach().double() for view in vars(reps).values()))
    found = of.opponent_losses(reps, outputs, batch)["r1"]
    places, real = real_edges(batch)
    width, total = 1e-5, 0.0
    with torch.no_grad():
        for pair in range(len(real)):
            shift = torch.zeros_like(real, dtype=torch.float64)
            shift[pair] = width
            ends = (
                judged(of.discriminator, batch, reps.shared, places, real + sign * shift)
                for sign in (1, -1)
            )
            above, below = ends
            total += (((above - below) / (2 * width)).sum() ** 2).item()
    asked = len(batch.cascade_of[batch.pairs[0]].unique())
    assert found.item() == pytest.approx(8 * 3.0 / 2 * total / asked, rel=1e-5)


def test_a_logit_rests_on_its_own_cascade(store: CascadeStore) -> None:
    together = toy_batch(store, range(10))
    judge, (reps, _) = module().discriminator.eval(), scored(together)
    changed = together.cascade_of == together.cascade_of[together.pairs[0, 0]]
    x = reps.shared.detach()
    one = judged(judge, together, x, *real_edges(together))
    two = judged(judge, together, x + 3 * changed[:, None], *real_edges(together))
    assert len(one) == len(together.cascade_of[together.pairs[0]].unique())
    assert one[0] != two[0]
    assert torch.equal(one[1:], two[1:])


def test_the_gradient_is_as_large_as_that_of_the_listwise_loss(batch: CascadeBatch) -> None:
    """Whatever the discriminator's own size is: a share of it is the weight."""
    of, (reps, outputs) = module(), scored(batch)
    logits = outputs.link_logits
    task = task_losses(outputs, batch, "listwise", ["cascade"])
    (expected,) = torch.autograd.grad(task["cascade"], logits)
    for size in (1.0, 1e-3):
        with torch.no_grad():
            of.discriminator.head.bias.fill_(5 * (1 - size))
        (found,) = torch.autograd.grad(of.losses(reps, outputs, batch)["adversarial"], logits)
        assert found.norm().item() == pytest.approx(expected.norm().item(), rel=1e-4)
    with torch.no_grad():
        assert of.losses(reps, outputs, batch)["adversarial"] > 0


def test_a_post_on_no_edge_of_the_target_part_is_not_seen(batch: CascadeBatch) -> None:
    judge, (reps, _) = module().discriminator.eval(), scored(batch)
    seen = torch.zeros_like(batch.observed).index_fill(0, batch.pairs.flatten(), True)
    assert not seen.all()
    x, real = reps.shared.detach(), real_edges(batch)
    other = torch.where(seen[:, None], x, x + 5)
    assert torch.equal(judged(judge, batch, x, *real), judged(judge, batch, other, *real))


def test_distances_of_a_star_from_a_chain(tmp_path: Path) -> None:
    """Posts 1 to 4 hang in a chain and are all asked for; a star puts them below the source."""
    chain = CascadeStore(write_store(tmp_path / "a.h5", [toy_cascade("c", [-1, 0, 1, 2, 3])]))
    batch = toy_batch(chain, [0], share=1.0)
    target = sorted(set(batch.pairs[0].tolist()))
    assert target == [2, 3, 4]  # post 1 has no choice, and no known parent
    star = batch.pairs[1] == 0
    depth, degree = tree_distances(batch, star)
    assert depth.item() == pytest.approx(((1 - 1) + (2 - 1) + (3 - 1)) / 3)
    # Candidates 0 to 3 got 0, 1, 1, 1 targets, and 3, 0, 0, 0 in the star.
    assert degree.item() == pytest.approx((0 + 1 + 1 + 2) / 4)
    assert [d.item() for d in tree_distances(batch, batch.pair_target)] == [0, 0]


def test_diagnostics_compare_trees_and_draw_nothing_from_the_runs_noise(
    batch: CascadeBatch,
) -> None:
    of, (reps, outputs) = module(), scored(batch)
    before, noise = state_of(of), torch.get_rng_state()
    found = of.diagnostics(reps, outputs, batch)
    assert set(found) == {"loss", "accuracy", "real", "drawn", "depth_distance", "degree_distance"}
    real = of.judge(reps, batch, batch.pair_target)
    assert found["real"].item() == pytest.approx(real.mean().item(), rel=1e-5)
    assert 0 <= found["accuracy"] <= 1
    assert found["depth_distance"] > 0
    assert torch.equal(noise, torch.get_rng_state())
    assert_same_state(before, state_of(of))
    right = replace(outputs, link_logits=batch.pair_target * 100.0)
    found = of.diagnostics(reps, right, batch)
    assert (found["depth_distance"], found["degree_distance"]) == (0, 0)
    assert found["accuracy"] == 0.5, "the same graph twice, taken for one thing both times"


def test_golden_value(batch: CascadeBatch) -> None:
    of, reps = filled(module(r1=0.1)), filled_views(batch, WIDTH)
    outputs = Outputs(torch.empty(0), reps.cascade.flatten()[: batch.pairs.shape[1]])
    real = real_edges(batch)
    for _ in range(100):  # the power iteration, to its end
        judged(of.discriminator, batch, reps.shared, *real)
    of.eval()
    logits = [0.001555, 0.002233, 0.005714, 0.004508, -0.007854, 0.005986, 0.010074]
    found = judged(of.discriminator, batch, reps.shared, *real)
    assert found.tolist() == pytest.approx(logits, rel=1e-3, abs=1e-5)
    torch.manual_seed(0)
    loss = of.losses(reps, outputs, batch)["adversarial"]
    assert loss.item() == pytest.approx(0.690881, rel=1e-5)
    torch.manual_seed(0)
    losses = of.opponent_losses(reps, outputs, batch)
    assert losses["discriminator"].item() == pytest.approx(1.386987, rel=1e-5)
    assert losses["r1"].item() == pytest.approx(1.40809e-05, rel=1e-3)


def test_task_losses_do_not_reach_the_discriminator(store: CascadeStore) -> None:
    model = toy_model(store, plugins=("adversarial",)).train()
    of = model.interactions["of_adversarial"]
    nn.init.normal_(of.inform.weight)
    before = state_of(of.discriminator)
    batch = toy_batch(store, range(4))
    _, outputs = model(batch)
    sum(task_losses(outputs, batch, "listwise").values()).backward()
    assert of.inform.weight.grad.any()
    assert all(p.grad is None for p in of.discriminator.parameters())
    assert_same_state(before, state_of(of.discriminator))


def test_the_rumor_view_is_informed_by_observed_minus_predicted_links(
    store: CascadeStore,
) -> None:
    batch = toy_batch(store, range(6))
    of, (reps, _) = module().eval(), scored(batch)
    given = {"score_links": lambda pairs: torch.zeros(pairs.shape[1]), "batch": batch}
    assert torch.equal(of.inform_rumor(reps, **given), reps.rumor), "nothing at the start"
    nn.init.normal_(of.inform.weight)
    added = of.inform_rumor(reps, **given) - reps.rumor
    links = batch.edges.flip(0)
    pairs = candidate_parents(batch, of.options.candidates)
    even = 1 / pairs[0].bincount()[pairs[0]]
    one, other = (
        of.discriminator(batch, reps.shared, edges, weight, links)[0]
        for edges, weight in ((links, torch.ones(links.shape[1])), (pairs, even))
    )
    torch.testing.assert_close(added, of.inform(one - other)[batch.cascade_of])
    # A prediction that is right leaves nothing to tell.
    parent = torch.full_like(batch.kind, -1).index_copy(0, links[0], links[1])
    given["score_links"] = lambda pairs: torch.where(parent[pairs[0]] == pairs[1], 1e4, 0.0)
    among = torch.zeros_like(batch.observed)
    among[pairs[0][parent[pairs[0]] == pairs[1]]] = True
    right = [c for c in range(6) if among[links[0]][batch.cascade_of[links[0]] == c].all()]
    assert right
    found = of.inform_rumor(reps, **given) - reps.rumor
    for cascade in right:
        assert found[batch.cascade_of == cascade].abs().max() < 1e-5
