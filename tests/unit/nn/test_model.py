from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgljoint.data.store import CascadeStore
from dgljoint.errors import PluginError
from dgljoint.nn import CascadeBatch, Interaction, Representations, SomeRows, SparseRows
from dgljoint.nn.hosted import Hosted
from dgljoint.nn.model import InputProjection, JointModel
from dgljoint.plugins.registry import PluginEntry
from dgljoint.tasks.heads import listwise_loss, task_losses
from dgljoint.tasks.link_numbers import link_numbers
from toys import toy_batch, toy_cascade, toy_model, toy_store, write_store


@pytest.mark.parametrize("loss", ["listwise", "bce"])
@pytest.mark.parametrize("encoder", ["gcn", "bigcn"])
def test_both_tasks_train_every_shared_parameter(
    tmp_path: Path, encoder: str, loss: str
) -> None:
    store = toy_store(tmp_path / "a.h5")
    model = toy_model(store, encoder=encoder)
    batch = toy_batch(store, range(20))
    reached = {}
    for task in ("cascade", "rumor"):
        model.zero_grad()
        task_losses(model(batch)[1], batch, loss)[task].backward()
        reached[task] = {n for n, p in model.named_parameters() if p.grad is not None}
    names = {n for n, _ in model.named_parameters()}
    shared = {n for n in names if n.startswith(("encoder", "projection"))}
    assert shared <= reached["cascade"] & reached["rumor"]
    assert reached["cascade"] | reached["rumor"] == names
    assert not any(n.startswith("link_head") for n in reached["rumor"])
    assert not any(n.startswith("rumor_head") for n in reached["cascade"])


@pytest.mark.parametrize("name", ["keys", "forward", "of.kind", "training"])
def test_features_may_be_called_what_they_like(tmp_path: Path, name: str) -> None:
    projection = InputProjection(4, {name: 3}, {name + "s": 5}, 0.0)
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(3))
    rows = SparseRows(
        columns=torch.tensor([0]), values=torch.ones(1), width=5,
        offsets=torch.tensor([0] + [1] * len(batch.kind)),
    )
    features = {name: torch.ones(len(batch.kind), 3), name + "s": rows}
    assert projection(replace(batch, features=features)).shape == (len(batch.kind), 4)


def test_rows_that_exist_are_mapped_as_in_a_table_with_zeros(tmp_path: Path) -> None:
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(4))
    posts = len(batch.kind)
    index = torch.arange(0, posts, 3)
    rows = SomeRows(index, torch.randn(len(index), 5))
    whole = torch.zeros(posts, 5)
    whole[index] = rows.rows
    projection = InputProjection(4, {"all": 3, "some": 5}, {}, 0.0)
    of_all = torch.randn(posts, 3)
    made = []
    for some in (rows, whole):
        projection.zero_grad()
        x = projection(replace(batch, features={"all": of_all, "some": some}))
        x.square().sum().backward()
        made.append((x, *(parameter.grad.clone() for parameter in projection.parameters())))
    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other)
    nobody = SomeRows(index[:0], rows.rows[:0])
    nothing = projection(replace(batch, features={"all": of_all, "some": nobody}))
    zeros = projection(replace(batch, features={"all": of_all, "some": torch.zeros(posts, 5)}))
    torch.testing.assert_close(nothing, zeros)


def test_link_head_learns_the_time_kernel_and_who_is_popular(tmp_path: Path) -> None:
    """Everybody replies to the source: a few steps find it."""

    stars = [toy_cascade(f"s{n}", [-1, *([0] * 9)]) for n in range(16)]
    store = CascadeStore(write_store(tmp_path / "a.h5", stars))
    model = toy_model(store).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = last = None
    for step in range(40):
        batch = toy_batch(store, range(16), seed=step)
        optimizer.zero_grad()
        last = listwise_loss(model(batch)[1].link_logits, batch)
        first = last.item() if first is None else first
        last.backward()
        optimizer.step()
    assert first > 1
    assert last.item() < 0.1


class Informed(Interaction):
    """Adds to each view what the other task's head says: of the cascade, of post and source."""

    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        return replace(reps, cascade=reps.cascade * 2)

    def inform_rumor(self, reps, score_links, batch):
        self.cascade = reps.cascade
        posts = torch.arange(len(batch.kind))
        self.scores = score_links(torch.stack((posts, batch.root[batch.cascade_of])))
        return reps.rumor + self.scores[:, None]

    def inform_cascade(self, reps, classify, batch):
        self.verdict = classify()
        return reps.cascade + self.verdict.sum(1)[batch.cascade_of, None]

    def diagnostics(self, reps, outputs, batch):
        return {"largest": self.scores.max()}


def informed_model(
    store: CascadeStore, interaction: Interaction
) -> tuple[JointModel, JointModel]:
    """Return a plain model, and one that differs in the interaction alone."""
    plain = toy_model(store)
    entry = PluginEntry("informed", "theirs", "1", "informed")
    model = JointModel(
        plain.projection, plain.hosted_encoder, [Hosted(entry, interaction)],
        width=8, classes=2, dropout=0.0,
    ).eval()
    model.load_state_dict(plain.state_dict(), strict=False)
    return plain, model


def test_each_head_reads_what_it_is_told_of_the_other(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(9))
    interaction = Informed()
    plain, model = informed_model(store, interaction)
    before, _ = plain(batch)
    reps, outputs = model(batch)
    verdict = model.rumor_head(before.rumor, batch)
    torch.testing.assert_close(interaction.verdict, verdict)
    expected = before.cascade * 2 + verdict.sum(1)[batch.cascade_of, None]
    torch.testing.assert_close(interaction.cascade, expected)
    posts = torch.arange(len(batch.kind))
    alone = model.cascade_branch(replace(batch, edges=batch.edges[:, :0]), before.shared)
    pairs = torch.stack((posts, batch.root[batch.cascade_of]))
    expected = model.link_head(alone, pairs, link_numbers(batch))
    torch.testing.assert_close(interaction.scores, expected)
    torch.testing.assert_close(reps.rumor, before.rumor + interaction.scores[:, None])
    torch.testing.assert_close(outputs.rumor_logits, model.rumor_head(reps.rumor, batch))
    linked = model.link_head(reps.cascade, batch.pairs, link_numbers(batch))
    torch.testing.assert_close(outputs.link_logits, linked)
    logged = model.diagnostics(reps, outputs, batch)
    assert logged == {"informed.largest": interaction.scores.max().item()}


@pytest.mark.parametrize("method", ["inform_cascade", "inform_rumor", "diagnostics"])
def test_what_an_interaction_answers_is_checked(tmp_path: Path, method: str) -> None:
    interaction = Informed()
    setattr(
        interaction, method,
        lambda *_: torch.zeros(3) if method != "diagnostics" else {"x": torch.zeros(3)},
    )
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(9))
    _, model = informed_model(store, interaction)
    with pytest.raises(PluginError, match=r"'informed' \(theirs 1\) (returned|failed)"):
        model.diagnostics(*model(batch), batch)


@pytest.mark.parametrize("task", ["cascade", "rumor"])
def test_a_task_alone_is_computed_as_beside_the_other(tmp_path: Path, task: str) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(9))
    reps, outputs = toy_model(store)(batch)
    alone, found = toy_model(store, f"train.tasks={task}")(batch)
    assert torch.equal(getattr(alone, task), getattr(reps, task))
    other = "rumor" if task == "cascade" else "cascade"
    assert getattr(alone, other) is alone.shared, "nobody reads it"
    logits = {"cascade": "link_logits", "rumor": "rumor_logits"}
    assert torch.equal(getattr(found, logits[task]), getattr(outputs, logits[task]))
    unread = getattr(found, logits[other])
    assert unread.shape == getattr(outputs, logits[other]).shape
    assert not unread.any()


def test_an_interaction_reads_both_views_of_a_single_task(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "a.h5")
    batch = toy_batch(store, range(9))
    plugins = ("contrastive",)
    reps, outputs = toy_model(store, plugins=plugins)(batch)
    alone, found = toy_model(store, "train.tasks=rumor", plugins=plugins)(batch)
    assert torch.equal(alone.cascade, reps.cascade)
    assert torch.equal(found.link_logits, outputs.link_logits)


def test_a_feature_without_columns_says_nothing_and_learns_nothing(tmp_path: Path) -> None:
    projection = InputProjection(4, {}, {"none": 0}, 0.0)
    batch = toy_batch(toy_store(tmp_path / "a.h5"), range(3))
    none = SparseRows(
        torch.zeros(0).long(), torch.zeros(0), torch.zeros(len(batch.kind) + 1).long(), 0
    )
    found = projection(replace(batch, features={"none": none}))
    torch.testing.assert_close(found, projection.norm(projection.kind(batch.kind)))
    found.square().sum().backward()
    assert projection.sparse["of_none"].weight.grad is None
