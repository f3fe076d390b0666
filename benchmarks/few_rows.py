r"""Time an epoch with a dense feature that few posts have, and without it.

    dgljoint preprocess twitter15 RAW -o twitter15.h5 \
        --features bow --features time --features structure --features minilm
    python benchmarks/few_rows.py twitter15.h5 [--feature minilm] [--cascades N] [--rounds 5]

The default model's training loop in one process, in turns. Prints the median of each and the
ratio; exits with 1 where that is above ``--at-most``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import dgljoint
from dgljoint.data.store import CascadeStore
from dgljoint_bench.own_training import own_config, trainer_of
from dgljoint_bench.timing import interleave, report, settle


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="cascade file")
    parser.add_argument("--feature", default="minilm", help="name of the feature")
    parser.add_argument("--cascades", type=int, help="cascades of an epoch; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-most", type=float, default=1.2, help="ratio that is accepted")
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    settle()
    store = CascadeStore(arguments.store)
    dense = store.dense(arguments.feature)
    train = np.arange(min(arguments.cascades or len(store), len(store)))
    others = [name for name in store.features if name != arguments.feature]
    timings = interleave(
        {
            "without": _epoch(store, train, others),
            "with": _epoch(store, train, list(store.features)),
        },
        arguments.rounds,
    )
    size = arguments.store.stat().st_size / 1e6
    title = (
        f"{arguments.feature}: rows of {len(dense.rows):,} of {store.posts:,} posts, "
        f"file of {size:.1f} MB"
    )
    report(
        {title: timings}, as_json=arguments.as_json, torch=torch.__version__,
        dgljoint=dgljoint.__version__,
    )
    return int(timings.ratios["with"] > arguments.at_most)


def _epoch(
    store: CascadeStore, train: NDArray[np.int64], features: list[str]
) -> Callable[[], object]:
    config = own_config(store, (f"features.use={','.join(features)}",))
    trainer = trainer_of(store, config, train)

    def epoch() -> None:
        torch.set_num_threads(1)
        trainer.train_epoch(lambda: False)

    return epoch


if __name__ == "__main__":
    sys.exit(main())
