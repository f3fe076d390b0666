"""What comes later does not decide whom a post answers, whatever a model is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dgljoint.nn import CascadeBatch
from dgljoint.nn.model import JointModel
from dgljoint.nn.questions import evaluation_question
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.store import CascadeStore
from toys import random_cascade, toy_batch, toy_model, write_store


def names_of(kind: type) -> list[str]:
    registry = installed_registry()
    shipped = [entry.name for entry in registry.entries if entry.distribution == "dgljoint"]
    return [name for name in shipped if any(isinstance(s, kind) for s in registry.load(name).specs)]


INTERACTIONS = names_of(InteractionSpec)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    rng = np.random.default_rng(5)
    cascades = [random_cascade(f"c{n}", rng, size) for n, size in enumerate([9, 16, 12])]
    return CascadeStore(write_store(tmp_path_factory.mktemp("later") / "a.h5", cascades))


def with_other_text_and_time(batch: CascadeBatch, posts: torch.Tensor) -> CascadeBatch:
    """Let some posts say something else, an hour later."""
    words, time = batch.features["bow"], batch.features["time"]
    row = torch.arange(len(batch.kind)).repeat_interleave(words.offsets.diff())
    columns = torch.where(posts[row], (words.columns + 5) % words.width, words.columns)
    return replace(
        batch,
        delay_seconds=batch.delay_seconds + 3600 * posts,
        features={
            **batch.features,
            "bow": replace(words, columns=columns),
            "time": time + 2 * posts.unsqueeze(1),
        },
    )


def link_logits(model: JointModel, batch: CascadeBatch) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(batch)[1].link_logits
    return logits


@pytest.mark.parametrize("encoder", names_of(EncoderSpec))
@pytest.mark.parametrize("interactions", [(), *((n,) for n in INTERACTIONS), tuple(INTERACTIONS)])
def test_what_a_later_post_says_and_when_changes_no_score_of_an_earlier_one(
    store: CascadeStore, encoder: str, interactions: tuple[str, ...]
) -> None:
    model = toy_model(store, encoder=encoder, plugins=interactions)
    columns = store.read(np.arange(len(store)))
    batch = toy_batch(store, range(len(store)), question=evaluation_question(columns, 0.5))
    before = link_logits(model, batch)
    child = batch.pairs[0]
    targets = child.unique()[::4]
    assert len(targets) >= 4
    for target in targets.tolist():
        later = batch.delay_seconds > batch.delay_seconds[target]
        later &= (batch.cascade_of == batch.cascade_of[target]) & ~batch.observed
        after = link_logits(model, with_other_text_and_time(batch, later))
        earlier = ~later[child]
        torch.testing.assert_close(after[earlier], before[earlier], rtol=1e-4, atol=1e-5)
        if later.any():
            assert not torch.allclose(after[~earlier], before[~earlier])
