"""Where the time of a training step goes, and what the step cannot do without."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from dgljoint.nn.model import JointModel

_METHODS = ("couple", "inform_rumor", "losses", "opponent_losses", "diagnostics")
_RATE_SIZE, _RATE_ROUNDS = 1024, 9


@dataclass
class Stopwatch:
    """Processor seconds by name; what is inside another thing does not count for that one.

    Attributes:
        seconds: by name, of one step after the other.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _step: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _inner: list[float] = field(default_factory=list)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time a block."""
        self._inner.append(0.0)
        started = time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - started
            self._step[name] += took - self._inner.pop()
            if self._inner:
                self._inner[-1] += took

    def close_step(self) -> None:
        """Put the step's seconds with the others."""
        for name, seconds in self._step.items():
            self.seconds[name].append(seconds)
        self._step.clear()

    def watch(self, owner: object, method: str, name: str) -> None:
        """Time every call of a method of one object."""
        original = getattr(owner, method)

        @wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(name):
                return original(*args, **kwargs)

        # Past nn.Module's own __setattr__, which keeps parameters and modules only.
        object.__setattr__(owner, method, timed)


def watch_model(watch: Stopwatch, model: JointModel) -> None:
    """Time the forward passes of a model's parts and what its interactions are asked."""
    for name, part in model.named_children():
        if not isinstance(part, nn.ModuleDict) and any(True for _ in part.parameters()):
            watch.watch(part, "forward", name.replace("_", " "))
    for hosted in model.hosted_interactions:
        for method in _METHODS:
            watch.watch(hosted.module, method, f"{hosted.entry.name}: {method}")


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Adds up operations of matrix products, and what all read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
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


@dataclass(frozen=True)
class Work:
    """What some steps do.

    Attributes:
        flops: floating-point operations of matrix products, two a multiplication and addition.
        moved: bytes that operations read and write.
    """

    flops: float
    moved: float


def work_of(steps: Callable[[], object]) -> Work:
    """Count the work of what ``steps`` does. DGL's kernels are not seen."""
    counter = _Counter()
    with counter:
        steps()
    return Work(counter.flops, counter.moved)


def machine_rates(rows: int, width: int) -> tuple[float, float]:
    """Measure what the processor does a second: operations of a product, bytes of an addition.

    Args:
        rows: of the product's left side.
        width: of both sides; columns as many.
    """
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
