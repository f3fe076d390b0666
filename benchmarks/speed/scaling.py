"""How time and memory grow with the posts: synthetic sets, built and trained on.

Each set is built by one process and trained by another, with nothing else in them and the system's
own allocator, as for a user::

    python -m benchmarks.speed.scaling build FILE SEED POSTS
    python -m benchmarks.speed.scaling train FILE SEED
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from dgljoint_data.build import build_store
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader

from .timing import SETTINGS, run_fresh

_MEAN_POSTS = 30
# Events grow with the cascades, so that the vocabulary does.
_CASCADES_PER_EVENT = 5
# A step is bounded in posts and not in cascades: it takes the same time for every set.
_BATCH_POSTS = 8000
_STEPS = 30
_SECONDS_PER_LOOK = 0.02


def over_posts(sizes: Sequence[int], seed: int) -> Iterator[dict[str, Any]]:
    """Yield what each size takes to build and to train."""
    # A set takes 0.4 GB per million posts while it is made, and goes before the next.
    for posts in sizes:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [str(Path(folder) / "set.h5"), str(seed)]
            built = _measured("build", *arguments, str(posts))
            yield {"posts": built["posts"], "build": built, "train": _measured("train", *arguments)}


def _measured(part: str, *arguments: str) -> dict[str, Any]:
    # A user's process has the allocator's own settings.
    environment = {name: text for name, text in os.environ.items() if name not in SETTINGS}
    done = run_fresh(
        [sys.executable, "-m", __name__, part, *arguments],
        environment={**environment, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Memory:
    """The most memory that was the process's own while it was watched, without mapped files."""

    peak_megabytes = 0.0

    def look(self) -> None:
        """Look at it now."""
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := re.search(r"RssAnon:\s+(\d+) kB", status):
            self.peak_megabytes = max(self.peak_megabytes, int(found[1]) / 1000)


@contextmanager
def watched_memory() -> Iterator[Memory]:
    """Watch the memory of this process, from a thread."""
    memory, done = Memory(), threading.Event()

    def watch() -> None:
        while not done.wait(_SECONDS_PER_LOOK):
            memory.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.look()
        done.set()
        thread.join()


def build(file: Path, seed: int, posts: int) -> dict[str, Any]:
    """Build a synthetic set of about so many posts and return what it took."""
    cascades = max(1, posts // _MEAN_POSTS)
    options = SyntheticOptions(
        world="mixed", cascades=cascades, events=max(1, cascades // _CASCADES_PER_EVENT), seed=seed
    )
    with watched_memory() as memory:
        summary = build_store(
            SyntheticReader(options), reader_name="synthetic", source=None, output=file
        )
    return {
        "posts": summary.posts, "seconds": summary.seconds,
        "posts_a_second": summary.posts / summary.seconds,
        "peak_megabytes": memory.peak_megabytes, "feature": summary.features["bow"],
    }


def train(file: Path, seed: int) -> dict[str, Any]:
    """Train some steps of both tasks and return what they took.

    The first step is not timed: it fetches memory and loads code.
    """
    # Not at the top: building is measured without torch.
    from dgljoint.data.store import CascadeStore

    from .own_training import own_config, trainer_of

    moments: list[float] = []

    def stop() -> bool:
        moments.append(time.perf_counter())
        return len(moments) > _STEPS

    with watched_memory() as memory:
        started = time.perf_counter()
        store = CascadeStore(file)
        bounds = (
            f"train.epochs={_STEPS + 1}", f"train.batch_posts={_BATCH_POSTS}",
            f"train.batch={_BATCH_POSTS}",
        )
        trainer = trainer_of(store, own_config(store, bounds, settings={"seed": seed}))
        ready = time.perf_counter() - started
        while trainer.train_epoch(stop) is not None:
            pass

    def posts_of(epoch: int) -> list[int]:
        return [
            int((store.post_ptr[batch + 1] - store.post_ptr[batch]).sum())
            for batch in trainer.batches.of(epoch)
        ]

    of_steps = (posts for epoch in range(_STEPS + 1) for posts in posts_of(epoch))
    seconds, trained = moments[-1] - moments[0], sum(islice(of_steps, 1, len(moments)))
    per_million = seconds / trained * 1e6
    training_posts = sum(posts_of(0))
    return {
        "training_posts": training_posts, "steps": len(moments) - 1, "steps_posts": trained,
        "seconds": seconds, "seconds_a_million_posts": per_million,
        "seconds_an_epoch": per_million * training_posts / 1e6, "seconds_to_be_ready": ready,
        "peak_megabytes": memory.peak_megabytes,
    }


if __name__ == "__main__":
    part, file, seed, *posts = sys.argv[1:]
    measured = build(Path(file), int(seed), *map(int, posts)) if part == "build" else (
        train(Path(file), int(seed))
    )
    sys.stdout.write(json.dumps(measured) + "\n")
