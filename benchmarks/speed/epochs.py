"""Time an epoch of the default model with one and two threads, or with and without a feature.

    python -m benchmarks.speed.epochs twitter16.h5 --batch 4 --batch 32
    python -m benchmarks.speed.epochs twitter15.h5 --without minilm

The loop of ``dgljoint train`` in one process, in turns. A second thread shortens large batches on
an idle machine; on a busy one threads wait for one another, so ``train.threads`` is 1 by default.
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

from .own_training import own_config, trainer_of
from .timing import Timings, interleave, report, settle


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="cascade file")
    parser.add_argument("--batch", type=int, action="append", help="cascades per step; repeatable")
    parser.add_argument("--without", metavar="FEATURE", help="compare with and without it")
    parser.add_argument("--cascades", type=int, default=128, help="cascades of an epoch")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    settle()
    store = CascadeStore(arguments.store)
    train = np.arange(min(arguments.cascades, len(store)))
    posts = int((store.post_ptr[train + 1] - store.post_ptr[train]).sum())

    def trainer_with(*settings: str) -> Trainer:
        return trainer_of(store, own_config(store, settings), train)

    results: dict[str, Timings] = {}
    for batch in arguments.batch or (32,):
        size = f"train.batch={batch}"
        trainer = trainer_with(size)
        if arguments.without:
            others = ",".join(name for name in store.features if name != arguments.without)
            rows = {
                f"without {arguments.without}": _epoch(
                    trainer_with(size, f"features.use={others}")
                ),
                "with it": _epoch(trainer),
            }
        else:
            rows = {"1 thread": _epoch(trainer), "2 threads": _epoch(trainer, 2)}
        mean = round(posts / trainer.batches.steps(0))
        results[f"batches of {batch} cascades, {mean} posts"] = interleave(rows, arguments.rounds)
    report(results, torch=torch.__version__, dgljoint=dgljoint.__version__)


def _epoch(trainer: Trainer, threads: int = 1) -> Callable[[], object]:
    def epoch() -> None:
        torch.set_num_threads(threads)
        trainer.train_epoch(lambda: False)

    return epoch


if __name__ == "__main__":
    main()
