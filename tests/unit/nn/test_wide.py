"""The linear path next to the graph: what it reads, how it starts, and what its penalty does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgljoint.batch.shape import SHAPE_COLUMNS
from dgljoint.config.run_config import TrainOptions
from dgljoint.nn import SomeRows
from dgljoint.nn.wide import WidePath
from dgljoint.tasks.heads import rumor_loss
from dgljoint.training.optimizers import ModelOptimizer
from toys import toy_batch, toy_model, toy_store, toy_trainer

LINEAR = "wide.weight"


def test_some_rows_at_posts_are_zero_where_there_is_none() -> None:
    some = SomeRows(torch.tensor([0, 3, 7]), torch.arange(1.0, 7).view(3, 2))
    assert some.at(torch.tensor([3, 4, 0, 9])).tolist() == [[3, 4], [0, 0], [1, 2], [0, 0]]
    none = SomeRows(torch.empty(0, dtype=torch.int64), torch.empty(0, 2))
    assert none.at(torch.tensor([1, 2])).tolist() == [[0, 0], [0, 0]]


def test_it_starts_at_nothing_and_then_adds_what_the_cascades_are(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(12))
    model, plain = toy_model(store), toy_model(store, "model.wide=false")
    assert plain.wide is None
    assert isinstance(model.wide, WidePath)
    before = model(batch)[1]
    assert torch.equal(before.rumor_logits, plain(batch)[1].rumor_logits)
    with torch.no_grad():
        model.wide.weight.normal_()
        model.wide.bias.normal_()
    after = model(batch)[1]
    source = batch.features["extra"]
    assert isinstance(source, torch.Tensor)
    # A vector of two columns, scaled to a length of 4.
    known = torch.cat(
        (batch.cascade_features["shape"], source[batch.root] * (4 / 2**0.5)), dim=1
    )
    expected = torch.nn.functional.linear(known, model.wide.weight, model.wide.bias)
    torch.testing.assert_close(after.rumor_logits - before.rumor_logits, expected)
    assert torch.equal(after.link_logits, before.link_logits)


def test_dense_features_may_be_left_to_it(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(12))
    other = replace(batch, features={**batch.features, "extra": torch.randn(len(batch.kind), 2)})
    for settings, same in ((("model.deep_dense=false",), True), ((), False)):
        model = toy_model(store, *settings)
        assert torch.equal(model(batch)[1].rumor_logits, model(other)[1].rumor_logits) == same
    model = toy_model(store, "model.deep_dense=false", "model.wide=false")
    assert not torch.equal(model(batch)[1].rumor_logits, model(other)[1].rumor_logits)


def test_the_graph_may_have_a_small_part_in_the_logits(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(12))
    whole = toy_model(store)(batch)[1].rumor_logits
    tenth = toy_model(store, "model.deep_scale=0.1")(batch)[1].rumor_logits
    torch.testing.assert_close(tenth, whole * 0.1)
    alone = toy_model(store, "model.deep_scale=0.1", "model.wide=false")(batch)[1].rumor_logits
    assert torch.equal(alone, whole), "there is no path that it could be next to"


@pytest.mark.parametrize(
    ("use", "columns"), [("bow,time", 0), ("bow,extra", 2), ("time,shape", len(SHAPE_COLUMNS))]
)
def test_it_has_the_columns_that_the_features_in_use_have(
    tmp_path: Path, use: str, columns: int
) -> None:
    trainer = toy_trainer(toy_store(tmp_path / "a.h5"), f"features.use={use}", "train.epochs=1")
    wide = trainer.model.wide
    assert (0 if wide is None else wide.weight.shape[1]) == columns
    assert trainer.train_epoch(lambda: False) is not None
    if wide is not None:
        assert bool(wide.weight.any()), "it is trained"


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_its_penalty_is_in_its_gradient_and_in_no_other(tmp_path: Path, decay: float) -> None:
    """The stationary point is that of ridge regression: the loss's gradient is -decay x weight."""
    model = toy_model(toy_store(tmp_path / "a.h5"))
    options = TrainOptions(wide_decay=decay, weight_decay=0.0, warmup=0.0)
    optimizer = ModelOptimizer(model, options, total_steps=100)
    with torch.no_grad():
        optimizer.parameters[LINEAR].fill_(0.5)
    before = {name: x.detach().clone() for name, x in optimizer.parameters.items()}
    for name, parameter in optimizer.parameters.items():
        parameter.grad = torch.zeros_like(parameter)
        if name == LINEAR:
            parameter.grad[0] = -decay * 0.5
    optimizer.step(0)
    moved = {name for name, x in optimizer.parameters.items() if not torch.equal(x, before[name])}
    assert moved == ({LINEAR} if decay else set())
    weight = optimizer.parameters[LINEAR].detach()
    assert torch.equal(weight[0], before[LINEAR][0])
    assert not decay or bool((weight[1:] < 0.5).all())


def test_it_has_a_learning_rate_of_its_own(tmp_path: Path) -> None:
    model = toy_model(toy_store(tmp_path / "a.h5"))
    optimizer = ModelOptimizer(model, TrainOptions(wide_rate=0.5, warmup=0.0), total_steps=10)
    head = optimizer.step_size("rumor_head.layers.0.weight", 0)
    assert optimizer.step_size(LINEAR, 0) == head / 2


def test_a_smoothed_label_is_shared_among_all_classes(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(8))
    logits = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    log = torch.log_softmax(logits, 1)
    own = log[torch.arange(8), batch.label]
    expected = -(0.8 * own + 0.2 * log.mean(1)).mean()
    torch.testing.assert_close(rumor_loss(logits, batch, 0.2), expected)
    torch.testing.assert_close(rumor_loss(logits, batch), -own.mean())
