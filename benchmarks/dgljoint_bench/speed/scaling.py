"""How time and memory of training grow with the posts: some steps are trained on a set."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore
from dgljoint_bench.own_training import own_config, trainer_of
from dgljoint_bench.speed.memory import watched_memory

# A step is bounded in posts and not in cascades: it takes the same time whatever the set.
_BATCH_POSTS = 8000
_STEPS = 30


def train(file: Path, seed: int) -> dict[str, Any]:
    """Train some steps of both tasks, and say what they took.

    The first step is not timed: memory is fetched and code is loaded in it.
    """
    moments: list[float] = []

    def stop() -> bool:
        moments.append(time.perf_counter())
        return len(moments) > _STEPS

    with watched_memory() as memory:
        started = time.perf_counter()
        store = CascadeStore(file)
        config = own_config(
            store, (
                f"train.epochs={_STEPS + 1}", f"train.batch_posts={_BATCH_POSTS}",
                f"train.batch={_BATCH_POSTS}",
            ),
            settings={"seed": seed},
        )
        trainer = trainer_of(store, config)
        ready = time.perf_counter() - started
        while trainer.train_epoch(stop) is not None:
            pass
    of_steps = (
        _posts(store, part) for epoch in range(_STEPS + 1) for part in trainer.batches.of(epoch)
    )
    posts = sum(_posts(store, part) for part in trainer.batches.of(0))
    seconds, trained = moments[-1] - moments[0], sum(islice(of_steps, 1, len(moments)))
    a_million = seconds / trained * 1e6
    return {
        "training_posts": posts, "steps": len(moments) - 1, "steps_posts": trained,
        "seconds": seconds, "seconds_a_million_posts": a_million,
        "seconds_an_epoch": a_million * posts / 1e6, "seconds_to_be_ready": ready,
        "peak_megabytes": memory.peak_megabytes,
    }


def _posts(store: CascadeStore, part: NDArray[np.int64]) -> int:
    return int((store.post_ptr[part + 1] - store.post_ptr[part]).sum())
