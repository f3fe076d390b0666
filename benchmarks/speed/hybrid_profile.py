"""Where the time of a training step is spent, and the least that the step can take.

    python -m benchmarks.speed.hybrid_profile twitter16.h5 [--preset hybrid] [--batch 32]

Runs the loop of ``dgljoint train`` on the training set of fold 0. Processor time, so that a busy
machine counts little, as a mean over the steps; what one component calls of another counts for the
other. ``backward`` is the gradients' own time, ``other`` is what nothing named takes.

Then the floor: the operations of the step's matrix products and the bytes that its operations read
and write, each at the rate the machine reaches on a product of a batch's size and on an addition of
more than fits the caches. DGL's own kernels are counted in neither.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from dgljoint.config.presets import find_preset
from dgljoint.data.store import CascadeStore
from dgljoint.training.trainer import Trainer

from .own_training import own_config, trainer_of
from .timing import settle, table

_WARM_UP, _COUNTED = 2, 2
_LEAST = 1e-5  # seconds of a part that is shown
_RATE_SIZE, _RATE_ROUNDS = 1024, 9
_METHODS = ("couple", "inform_cascade", "inform_rumor", "losses", "opponent_losses", "diagnostics")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="cascade file")
    parser.add_argument("--preset", default="hybrid")
    parser.add_argument("--batch", type=int, default=32, help="cascades a step")
    parser.add_argument("--steps", type=int, default=24, help="steps that are timed")
    arguments = parser.parse_args()
    settle()
    store = CascadeStore(arguments.store)
    config = own_config(
        store, (f"train.batch={arguments.batch}",), preset=find_preset(arguments.preset)
    )
    trainer = trainer_of(store, config)
    _steps(trainer, _WARM_UP)
    work = _Counter()
    with work:
        _steps(trainer, _COUNTED)
    watch = Stopwatch()
    _watch(watch, trainer)
    _steps(trainer, arguments.steps)
    parts = {name: took / arguments.steps for name, took in watch.seconds.items()}
    total = sum(parts.values())
    shown = sorted(((name, took) for name, took in parts.items() if took >= _LEAST),
                   key=lambda part: -part[1])
    rows = store.posts * arguments.batch // len(store)
    flops, moved = _rates(rows, config.model.width)
    floors = (
        ("matrix products, GFLOP", work.flops / _COUNTED, flops),
        ("bytes read and written, GB", work.moved / _COUNTED, moved),
    )
    sys.stdout.write("\n".join((
        f"{arguments.preset}, batches of {arguments.batch} cascades, {rows} posts, "
        f"torch {torch.__version__}\n",
        table(("part of a step", "ms", "share"), (
            (name, f"{1000 * took:.2f}", f"{took / total:.1%}")
            for name, took in (*shown, ("step", total))
        )), "",
        table(("floor", "per step", "per second", "ms"), (
            (name, f"{done / 1e9:.2f}", f"{rate / 1e9:.1f}", f"{1000 * done / rate:.2f}")
            for name, done, rate in floors
        )),
    )) + "\n")


def _steps(trainer: Trainer, count: int) -> None:
    left = count

    def stop() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    while left:
        trainer.train_epoch(stop)


class Stopwatch:
    """Processor seconds by name; what is inside another thing does not count for that one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time a block."""
        self._inner.append(0.0)
        started = time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - started
            self.seconds[name] += took - self._inner.pop()
            if self._inner:
                self._inner[-1] += took

    def watch(self, owner: object, method: str, name: str) -> None:
        """Time every call of a method of one object."""
        original = getattr(owner, method)

        @wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(name):
                return original(*args, **kwargs)

        # Past nn.Module's own __setattr__, which keeps parameters and modules only.
        object.__setattr__(owner, method, timed)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch ships it without types
    """Adds up operations of matrix products, and what all read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch ships it without types
        self.flops = 0
        self.moved = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        # Not torch's own counting mode: its hooks refuse gradients by a leaf.
        if count := flop_registry.get(func.overloadpacket):
            self.flops += count(*args, **kwargs, out_val=made)
        if not getattr(func, "is_view", False):
            tensors = [t for t in tree_leaves((args, kwargs, made)) if isinstance(t, Tensor)]
            self.moved += sum(t.numel() * t.element_size() for t in tensors)
        return made


def _rates(rows: int, width: int) -> tuple[float, float]:
    """Measure operations per second of a product of such sizes, bytes per second of an addition."""
    x, weight = torch.randn(rows, width), torch.randn(width, width)
    one, other = (torch.randn(_RATE_SIZE * _RATE_SIZE * 16) for _ in range(2))
    product = min(_seconds(lambda: x @ weight) for _ in range(_RATE_ROUNDS))
    addition = min(_seconds(lambda: torch.add(one, other, out=one)) for _ in range(_RATE_ROUNDS))
    return 2 * rows * width**2 / product, 3 * one.numel() * one.element_size() / addition


def _seconds(function: Callable[[], object]) -> float:
    function()
    started = time.process_time()
    function()
    return time.process_time() - started


def _watch(watch: Stopwatch, trainer: Trainer) -> None:
    """Name the parts of a step."""
    for name, part in trainer.model.named_children():
        if not isinstance(part, nn.ModuleDict) and any(True for _ in part.parameters()):
            watch.watch(part, "forward", name.replace("_", " "))
    for hosted in trainer.model.hosted_interactions:
        for method in _METHODS:
            watch.watch(hosted.module, method, f"{hosted.entry.name}: {method}")
    for method in ("represent", "decide"):
        watch.watch(trainer.model, method, "model, rest")
    watch.watch(trainer.weighter.module, "backward", "weighter")
    watch.watch(torch.autograd, "backward", "backward")
    watch.watch(torch.autograd, "grad", "gradients per loss")
    watch.watch(trainer, "_step", "other")
    watch.watch(trainer, "_look", "look")
    for method in ("ask", "batch"):
        watch.watch(trainer._pass, method, "batch")
    for method in ("step", "clip", "zero_grad"):
        watch.watch(trainer._optimizer, method, "optimizer")


if __name__ == "__main__":
    main()
