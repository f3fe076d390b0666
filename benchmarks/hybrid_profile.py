"""Say where the time of a training step goes, and what it cannot do without.

    python benchmarks/hybrid_profile.py twitter16.h5 [--preset hybrid] [--batch 32] [--steps 24]

Runs the loop of ``dgljoint train`` on the training part of fold 0. Processor time, so that a busy
machine counts little, as a mean over the steps; what one part calls of another is the other's.
``backward`` is the gradients' own time, ``other`` what nothing named takes.

Then the floor: the operations of the step's matrix products and the bytes that its operations read
and write, each at the rate the machine reaches on a product of a batch's size and on an addition of
more than fits the caches. DGL's own kernels are counted in neither.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from dgljoint.config.presets import find_preset
from dgljoint.data.store import CascadeStore
from dgljoint.training.trainer import Trainer
from dgljoint_bench.own_training import own_config, trainer_of
from dgljoint_bench.step_profile import Stopwatch, machine_rates, watch_model, work_of
from dgljoint_bench.timing import settle

_COUNTED = 2
_WARM_UP = 2
_LEAST = 1e-5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="cascade file")
    parser.add_argument("--preset", default="hybrid")
    parser.add_argument("--batch", type=int, default=32, help="cascades a step")
    parser.add_argument("--steps", type=int, default=24, help="steps that are timed")
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    settle()
    store = CascadeStore(arguments.store)
    config = own_config(
        store, (f"train.batch={arguments.batch}",), preset=find_preset(arguments.preset)
    )
    trainer = trainer_of(store, config)
    _steps(trainer, _WARM_UP)
    work = work_of(lambda: _steps(trainer, _COUNTED))
    watch = Stopwatch()
    _watch(watch, trainer)
    _steps(trainer, arguments.steps, watch)
    parts = {name: sum(took) / arguments.steps for name, took in watch.seconds.items()}
    rows, width = store.posts * arguments.batch // len(store), config.model.width
    flops, moved = machine_rates(rows, width)
    found: dict[str, Any] = {
        "preset": arguments.preset, "batch": arguments.batch, "steps": arguments.steps,
        "torch": torch.__version__, "posts_a_batch": rows,
        "seconds": dict(sorted(parts.items(), key=lambda part: -part[1])),
        "step_seconds": sum(parts.values()),
        "floor": {
            "product_flops": work.flops / _COUNTED, "bytes_moved": work.moved / _COUNTED,
            "flops_a_second": flops, "bytes_a_second": moved,
            "product_seconds": work.flops / _COUNTED / flops,
            "bytes_seconds": work.moved / _COUNTED / moved,
        },
    }
    sys.stdout.write((json.dumps(found, indent=2) if arguments.as_json else _table(found)) + "\n")


def _steps(trainer: Trainer, count: int, watch: Stopwatch | None = None) -> None:
    left = count

    def stop() -> bool:
        nonlocal left
        left -= 1
        if watch is not None:
            watch.close_step()
        return left == 0

    while left:
        trainer.train_epoch(stop)


def _watch(watch: Stopwatch, trainer: Trainer) -> None:
    """Name the parts of a step."""
    watch_model(watch, trainer.model)
    for method in ("represent", "decide"):
        watch.watch(trainer.model, method, "model, rest")
    watch.watch(trainer.weighter.module, "backward", "weighter")
    watch.watch(torch.autograd, "backward", "backward")
    watch.watch(torch.autograd, "grad", "gradients a loss")
    watch.watch(trainer, "_step", "other")
    watch.watch(trainer, "_look", "look")
    for method in ("ask", "batch"):
        watch.watch(trainer._pass, method, "batch")
    for method in ("step", "clip", "zero_grad"):
        watch.watch(trainer._optimizer, method, "optimizer")


def _table(found: dict[str, Any]) -> str:
    total, floor = found["step_seconds"], found["floor"]
    lines = [
        f"{found['preset']}, batches of {found['batch']} cascades, {found['posts_a_batch']} posts, "
        f"torch {found['torch']}", "", f"{'part of a step':<32} {'ms':>9} {'share':>7}",
    ]
    lines += [
        f"{name:<32} {1000 * seconds:9.2f} {seconds / total:7.1%}"
        for name, seconds in found["seconds"].items()
        if seconds >= _LEAST
    ]
    lines += [
        f"{'step':<32} {1000 * total:9.2f}", "",
        f"{'floor':<32} {'a step':>12} {'a second':>12} {'ms':>9}",
        f"{'matrix products, GFLOP':<32} {floor['product_flops'] / 1e9:12.2f} "
        f"{floor['flops_a_second'] / 1e9:12.1f} {1000 * floor['product_seconds']:9.2f}",
        f"{'bytes read and written, GB':<32} {floor['bytes_moved'] / 1e9:12.2f} "
        f"{floor['bytes_a_second'] / 1e9:12.1f} {1000 * floor['bytes_seconds']:9.2f}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
