"""The processes of one run and their devices: one, or several that ``torchrun`` started.

Several processes divide each batch among them and hold the same model. Everything collective
happens here; a process that dies ends the others with a message.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from dgljoint.errors import DgljointError, RunFailedError, UsageError, one_line

ValueT = TypeVar("ValueT")
# A rank that waits longer than this for another's share of a step considers it dead.
_PATIENCE = timedelta(minutes=30)
DEVICES = ("auto", "cpu", "cuda")
# glibc's numbers of these options, and what a user sets them by
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_OWN_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
_LARGE_BYTES = 16 << 20
_KEPT_BYTES = 64 << 20


def find_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device of this process."""
    if name not in DEVICES:
        raise UsageError(f"there is no device '{name}'", hint=f"it is one of {', '.join(DEVICES)}")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not found):
        return torch.device("cpu")
    if not found:
        raise UsageError(
            f"torch {torch.__version__} finds no CUDA device",
            hint="--device cpu trains without one; `dgljoint env` shows what is installed",
        )
    if local_rank >= found:
        raise UsageError(
            f"process {local_rank + 1} of this machine finds no CUDA device of its own: torch "
            f"finds {found}",
            hint="start fewer processes, or use --device cpu",
        )
    return torch.device("cuda", local_rank)


def prepare_process(threads: int) -> None:
    """Set the number of CPU threads, and return the memory of large buffers to the system.

    By default glibc raises the size from which a buffer has pages of its own: training on a thread
    of 100,000 posts then takes 2.1 GB instead of 1.5. Smaller buffers are kept, for speed.
    """
    torch.set_num_threads(threads)
    if sys.platform != "linux" or any(os.environ.get(name) for name in _OWN_SETTINGS):
        return
    option = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if option is not None:
        option(_MMAP_THRESHOLD, _LARGE_BYTES)
        option(_TRIM_THRESHOLD, _KEPT_BYTES)


@dataclass(frozen=True, slots=True)
class Processes:
    """The group of this process: its number, how many there are, its number on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def sum_(self, x: Tensor) -> Tensor:
        """Add up the ``x`` of all processes in place, and return it."""
        if self.several:
            with _peers():
                distributed.all_reduce(x)
        return x

    def any(self, mine: bool) -> bool:
        """Return whether any process has ``mine`` true, so that all decide alike."""
        return mine if not self.several else bool(self.sum_(torch.tensor(int(mine))).item())

    def gather(self, mine: ValueT) -> list[ValueT]:
        """Return the values of all processes, by rank."""
        if not self.several:
            return [mine]
        found: list[ValueT | None] = [None] * self.size
        with _peers():
            distributed.all_gather_object(found, mine)
        return found  # type: ignore[return-value]  # every rank has filled its place

    def from_first(self, action: Callable[[], ValueT]) -> ValueT:
        """Do ``action`` in the first process alone; its result or error reaches all."""
        if not self.several:
            return action()
        outcome: list[Any] = [None, None]
        if self.first:
            try:
                outcome[0] = action()
            except DgljointError as error:
                outcome[1] = error
        with _peers():
            distributed.broadcast_object_list(outcome, 0)
        if outcome[1] is not None:
            raise outcome[1]
        found: ValueT = outcome[0]
        return found

    def align(self, tensors: Iterator[Tensor]) -> None:
        """Set some tensors of all processes to the first one's values, in place."""
        if self.several:
            with _peers():
                for x in tensors:
                    distributed.broadcast(x, 0)


ALONE = Processes()


def started() -> Processes:
    """Read torchrun's variables of this process; :data:`ALONE` where it did not start it."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if not all(name in os.environ for name in names):
        return ALONE
    try:
        rank, size, local = (int(os.environ[name]) for name in names)
    except ValueError as error:
        raise UsageError(f"RANK, WORLD_SIZE and LOCAL_RANK must be numbers: {error}") from error
    return Processes(rank, size, local)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started with this one, and leave them at the end.

    Tensors on the CPU are exchanged by Gloo, those on a CUDA device by NCCL.
    """
    group = started()
    if not group.several:
        yield group
        return
    with _peers():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        # Flags, metrics and states are exchanged from the CPU, with NCCL as well.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield group
    finally:
        distributed.destroy_process_group()


@contextmanager
def _peers() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        # Gloo and NCCL raise plain RuntimeErrors when a peer closes its connection.
        raise RunFailedError(
            f"another process of this run is gone: {one_line(error)}",
            hint="see its output; then continue with the same command and --resume",
        ) from error


def join(
    group: Processes, places: Sequence[Sequence[int]], own: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Concatenate the rows of all processes, for several tensors in one exchange.

    The gradient is that of this process's rows, times the number of processes.
    """
    found: tuple[Tensor, ...] = _Joined.apply(  # type: ignore[no-untyped-call]  # torch's
        group, places, *own
    )
    return found


def agree(group: Processes, x: Tensor) -> Tensor:
    """Return ``x``; its gradient is averaged over the processes."""
    same: Tensor = _Agreed.apply(group, x)  # type: ignore[no-untyped-call]  # torch's
    return same


def average(group: Processes, parameters: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Return the parameters; their gradients are averaged over the processes, in one exchange."""
    same: tuple[Tensor, ...] = _AveragedParameters.apply(  # type: ignore[no-untyped-call]  # torch's
        group, *parameters
    )
    return same


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, group: Processes, places: Sequence[Sequence[int]], *own: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.group, ctx.own = group, [len(rows) for rows in own]
        # Nothing is computed for rows that no loss depends on.
        ctx.set_materialize_grads(False)
        ctx.ranges = [(place[group.rank], place[group.rank + 1]) for place in places]
        joined = []
        for place, (start, stop), rows in zip(places, ctx.ranges, own, strict=True):
            whole = rows.new_zeros(place[-1], *rows.shape[1:])
            whole[start:stop] = rows[: stop - start]
            joined.append(whole)
        # The sum of tables that are zero outside one's own rows: exact, and one exchange.
        flat = group.sum_(torch.cat([whole.flatten() for whole in joined]))
        parts = torch.split(flat, [whole.numel() for whole in joined])
        return tuple(part.view_as(whole).clone() for part, whole in zip(parts, joined, strict=True))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        found: list[Tensor | None] = []
        for gradient, (start, stop), rows in zip(gradients, ctx.ranges, ctx.own, strict=True):
            if gradient is None:
                found.append(None)
                continue
            mine = gradient.new_zeros(rows, *gradient.shape[1:])
            mine[: stop - start] = gradient[start:stop] * ctx.group.size
            found.append(mine)
        return (None, None, *found)


class _Agreed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, group: Processes, x: Tensor) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (gradient,) = gradients
        return None, ctx.group.sum_(gradient.clone()).div_(ctx.group.size)


class _AveragedParameters(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, group: Processes, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.group = group
        # A parameter no loss reaches keeps no gradient at all, as in one process.
        ctx.set_materialize_grads(False)
        return tuple(parameter.view_as(parameter) for parameter in parameters)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        there = [gradient for gradient in gradients if gradient is not None]
        if not there:
            return (None, *gradients)
        flat = ctx.group.sum_(torch.cat([gradient.flatten() for gradient in there]))
        sizes = [gradient.numel() for gradient in there]
        parts = iter(torch.split(flat.div_(ctx.group.size), sizes))
        return (None, *(None if old is None else next(parts).view_as(old) for old in gradients))
