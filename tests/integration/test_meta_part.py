"""The cascades on which a weighter tries a step out: held out of training, and not validated on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dgljoint.data.store import CascadeStore
from dgljoint.training.trainer import Trainer
from toys import toy_trainer


def reads_while_weighing(trainer: Trainer, store: CascadeStore) -> list[list[int]]:
    """Train an epoch; return the cascades that each of the weighter's backward passes read."""
    weighter = trainer.weighter.module
    backward: Callable[..., Any] = weighter.backward
    found: list[list[int]] = []

    def watched(*given: Any) -> Any:
        found.append([])
        store.on_read = lambda index: found[-1].extend(index.tolist())
        try:
            return backward(*given)
        finally:
            store.on_read = None

    weighter.backward = watched  # type: ignore[method-assign]  # the real one, watched
    assert trainer.train_epoch(lambda: False) is not None
    return found


def test_the_look_ahead_reads_the_meta_part_alone(store: CascadeStore) -> None:
    trainer = toy_trainer(
        store, "meta_weight.every=1", "train.batch=8", "train.epochs=1", plugins=("meta_weight",)
    )
    parts = trainer._parts
    assert min(len(parts.train), len(parts.meta), len(parts.validation)) >= 8
    found = reads_while_weighing(trainer, store)
    assert len(found) == trainer.batches.total > 3
    for read in found:
        assert len(set(read)) == len(read) == 8
        assert set(read) <= set(parts.meta.tolist())
    # Another draw in every step, which in time sees the whole part.
    assert len({tuple(read) for read in found}) > 1


@pytest.mark.parametrize("batch", [32, 96])
def test_a_meta_part_smaller_than_a_batch_is_read_whole(store: CascadeStore, batch: int) -> None:
    trainer = toy_trainer(
        store, "meta_weight.every=1", f"train.batch={batch}", "train.epochs=1",
        plugins=("meta_weight",),
    )
    meta = trainer._parts.meta
    assert len(meta) < 32
    for read in reads_while_weighing(trainer, store):
        np.testing.assert_array_equal(np.sort(read), meta)


def test_weighing_reads_nothing_in_steps_without_a_look_ahead(store: CascadeStore) -> None:
    trainer = toy_trainer(
        store, "meta_weight.every=3", "train.batch=8", "train.epochs=1", plugins=("meta_weight",)
    )
    found = reads_while_weighing(trainer, store)
    assert [bool(read) for read in found] == [number % 3 == 0 for number in range(len(found))]
