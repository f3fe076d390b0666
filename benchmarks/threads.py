"""Time an epoch with one and with two threads, on small and on large batches.

    python benchmarks/threads.py twitter16.h5 [--batch 4] [--batch 32] [--rounds 5] [--json]

The same training loop in one process, in turns: what a second thread is worth on this machine as it
is now. On an idle one it shortens large batches and not small ones; on a busy one threads wait for
one another. That is why ``train.threads`` is 1 unless it is asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import dgljoint
from dgljoint.data.store import CascadeStore
from dgljoint.training.trainer import Trainer
from dgljoint_bench.own_training import own_config, trainer_of
from dgljoint_bench.timing import Timings, interleave, report, settle

BATCHES = (4, 32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="cascade file")
    parser.add_argument("--batch", type=int, action="append", help="cascades a step; repeatable")
    parser.add_argument("--cascades", type=int, default=128, help="cascades of an epoch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    settle()
    store = CascadeStore(arguments.store)
    results: dict[str, Timings] = {}
    for batch in arguments.batch or BATCHES:
        train = np.arange(min(arguments.cascades, len(store)))
        trainer = trainer_of(store, own_config(store, (f"train.batch={batch}",)), train)
        posts = int((store.post_ptr[train + 1] - store.post_ptr[train]).sum())
        size = round(posts / trainer.batches.steps(0))
        results[f"batches of {batch} cascades, {size} posts"] = interleave(
            {"1 thread": _epoch(trainer, 1), "2 threads": _epoch(trainer, 2)}, arguments.rounds
        )
    report(
        results, as_json=arguments.as_json, torch=torch.__version__, dgljoint=dgljoint.__version__
    )


def _epoch(trainer: Trainer, threads: int) -> Callable[[], object]:
    def epoch() -> None:
        torch.set_num_threads(threads)
        trainer.train_epoch(lambda: False)

    return epoch


if __name__ == "__main__":
    main()
