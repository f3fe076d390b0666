"""Any subset of the interactions, in any order, with any loss weighter: composes and trains.

Every subset with every weighter would be hundreds of trainers. A combination that fails does so
because of one plugin or of two that do not fit together, as a rule: so every two meet once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgljoint.data.store import CascadeStore
from dgljoint.nn import LossTable, Step
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, WeighterSpec
from dgljoint.tasks.heads import TASKS, task_losses
from dgljoint.testing import Material, model_checks, toy_store, verify
from dgljoint.training.checkpoint import load_tree, save_tree
from dgljoint.training.setup import trainable_parameters
from dgljoint.training.trainer import Trainer
from toys import shipped, toy_trainer

ENCODERS, WEIGHTERS = shipped(EncoderSpec), shipped(WeighterSpec)
INTERACTIONS = tuple(shipped(InteractionSpec))
ORDERS = [INTERACTIONS[::-1], *(INTERACTIONS[n:] + INTERACTIONS[:n] for n in (1, 2))]


def covering_array(factors: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Return rows in which every two values of two factors meet: a greedy array of strength 2."""
    def pairs(row: Mapping[str, str]) -> set[frozenset[tuple[str, str]]]:
        return {frozenset(pair) for pair in combinations(row.items(), 2)}

    left = {
        frozenset(((one, value), (other, another)))
        for one, other in combinations(factors, 2)
        for value in factors[one] for another in factors[other]
    }
    rows = []
    while left:
        row = dict(min(left, key=sorted))
        for factor, values in factors.items():
            if factor not in row:
                row[factor] = max(values, key=lambda v: len(pairs(row | {factor: v}) & left))
        left -= pairs(row)
        rows.append({factor: row[factor] for factor in factors})
    return rows


PRESENT, ABSENT = "present", "absent"
ARRAY = covering_array(
    {"weighter": WEIGHTERS} | dict.fromkeys(INTERACTIONS, (PRESENT, ABSENT))
)
COMBINATIONS = [
    (
        ENCODERS[number % len(ENCODERS)],
        *(name for name in INTERACTIONS if row[name] == PRESENT),
        row["weighter"],
    )
    for number, row in enumerate(ARRAY)
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return toy_store(tmp_path_factory.mktemp("subsets") / "toy.h5", cascades=24)


def trainer_of(store: CascadeStore, *plugins: str, encoder: str = "gcn") -> Trainer:
    return toy_trainer(store, "train.batch=4", plugins=plugins, encoder=encoder)


def take(trainer: Trainer, steps: int) -> None:
    """Train so many steps and stop in the middle of an epoch."""
    target = trainer.position.step + steps
    assert target < trainer.batches.steps(0)
    assert trainer.train_epoch(lambda: trainer.position.step >= target) is None


def losses_of(trainer: Trainer) -> list[str]:
    return [n.removeprefix("loss ") for n in trainer.position.sums if n.startswith("loss ")]


def check_trains(trainer: Trainer) -> None:
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    take(trainer, 1)
    assert losses_of(trainer) == [*TASKS, *trainer.model.loss_coefficients]
    assert all(torch.isfinite(torch.tensor(x)) for x in trainer.position.sums.values())
    moved = {
        name for name, p in trainer.model.named_parameters() if not torch.equal(p, before[name])
    }
    assert moved >= {"encoder_scale", "link_head.kernels", "rumor_head.layers.3.weight"}
    assert all(bool(torch.isfinite(p).all()) for p in trainer.model.parameters())


def test_every_two_plugins_meet_and_each_is_left_out_with_every_other() -> None:
    met = {pair for combination in COMBINATIONS for pair in combinations(combination[1:], 2)}
    assert met >= {*combinations(INTERACTIONS, 2)}
    assert met >= {(one, weighter) for one in INTERACTIONS for weighter in WEIGHTERS}
    for one in INTERACTIONS:
        without = [names for names in COMBINATIONS if one not in names]
        assert {name for names in without for name in names[1:]} >= {
            *WEIGHTERS, *(name for name in INTERACTIONS if name != one)
        }
    assert {names[0] for names in COMBINATIONS} == {*ENCODERS}
    assert len(COMBINATIONS) < 40


@pytest.mark.parametrize("combination", COMBINATIONS, ids="+".join)
def test_any_two_plugins_train_together(
    store: CascadeStore, combination: tuple[str, ...]
) -> None:
    encoder, *plugins = combination
    check_trains(trainer_of(store, *plugins, encoder=encoder))


@pytest.mark.parametrize("order", ORDERS, ids="+".join)
def test_any_order_trains_and_is_that_of_the_losses(
    store: CascadeStore, order: tuple[str, ...]
) -> None:
    trainer = trainer_of(store, *order)
    check_trains(trainer)
    assert [hosted.entry.name for hosted in trainer.model.hosted_interactions] == list(order)


def state_file(trainer: Trainer, path: Path) -> bytes:
    trainer.position.seconds = 0
    save_tree(path, trainer.state())
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "plugins",
    [*((*INTERACTIONS, weighter) for weighter in WEIGHTERS), *((i,) for i in INTERACTIONS)],
    ids="+".join,
)
def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(
    store: CascadeStore, tmp_path: Path, plugins: tuple[str, ...]
) -> None:
    whole = trainer_of(store, *plugins)
    take(whole, 3)
    stopped = trainer_of(store, *plugins)
    take(stopped, 1)
    state_file(stopped, tmp_path / "stopped")
    resumed = trainer_of(store, *plugins)
    resumed.restore(load_tree(tmp_path / "stopped"))
    take(resumed, 2)
    assert state_file(whole, tmp_path / "a") == state_file(resumed, tmp_path / "b")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "weighter"),
    [
        (ENCODERS[n % len(ENCODERS)], WEIGHTERS[n % len(WEIGHTERS)])
        for n in range(max(len(ENCODERS), len(WEIGHTERS)))
    ],
)
def test_nothing_leaks_after_training(store: CascadeStore, encoder: str, weighter: str) -> None:
    trainer = trainer_of(store, *INTERACTIONS, weighter, encoder=encoder)
    take(trainer, 2)
    verify(model_checks(lambda: trainer.model, material_of(trainer)))


def material_of(trainer: Trainer) -> Material:
    """Give the cascades of a run, with the features that its model knows."""
    return Material(trainer._pass._store, trainer._pass._features)


def gradients(trainer: Trainer, order: list[int], seed: int) -> dict[str, Tensor]:
    """Fill the gradients for some cascades in an order, without dropout."""
    model = trainer.model.eval()
    batch = material_of(trainer).evaluation(order)

    def losses_under(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
        _, outputs = torch.func.functional_call(model, dict(parameters), (batch,))
        return task_losses(outputs, batch, "listwise")

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        reps, outputs = model(batch)
        raw = task_losses(outputs, batch, "listwise")
        raw |= model.auxiliary_losses(reps, outputs, batch)
        parameters = trainable_parameters(model)
        step = Step(
            number=0, total=10, epoch=0, learning_rate=0.01, parameters=parameters,
            step_size=lambda name: 0.01, shared=reps.shared, probe=losses_under,
            pooled=torch.stack(
                [batch.pool(v.detach()).mean(0) for v in (reps.cascade, reps.rumor)]
            ),
        )
        weights = trainer.weighter.module.backward(LossTable(raw, model.loss_coefficients), step)
    found = {name: p.grad for name, p in parameters.items() if p.grad is not None}
    return {"the weights": weights, **found}


@pytest.mark.slow
@pytest.mark.parametrize("weighter", WEIGHTERS)
def test_a_step_does_not_ask_which_cascade_comes_first(store: CascadeStore, weighter: str) -> None:
    order = [3, 0, 5, 4, 1, 2]
    plugins = [i for i in INTERACTIONS if is_drawn_from_nothing(store, i)]
    one, other = (
        gradients(trainer_of(store, *plugins, weighter), cascades, seed=0)
        for cascades in (sorted(order), order)
    )
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-5, msg=name)


def is_drawn_from_nothing(store: CascadeStore, interaction: str) -> bool:
    """Say whether an interaction's losses are the same under any seed, without dropout."""
    one, other = (
        gradients(trainer_of(store, interaction, "fixed"), [0, 1, 2], seed) for seed in (0, 1)
    )
    return all(torch.equal(one[name], other[name]) for name in one)
