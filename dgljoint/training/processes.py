"""The processes of one run: one, or several that ``torchrun`` started.

Several processes divide each batch among them and hold the same model. Everything collective
happens here; whoever dies ends the others with a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from dgljoint.errors import DgljointError, RunFailedError, UsageError, one_line

ValueT = TypeVar("ValueT")

# A rank that waits longer than this for another's share of a step takes it for dead.
_PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Processes:
    """The group this process belongs to.

    Attributes:
        rank: number of this process.
        size: number of processes; with 1 nothing here does anything.
        local_rank: number of this process among those on this machine.
    """

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
        """Add up everybody's ``x`` in place, and return it.

        Raises:
            RunFailedError: another process is gone.
        """
        if self.several:
            with _company():
                distributed.all_reduce(x)
        return x

    def any(self, mine: bool) -> bool:
        """Say whether anybody says yes, so that all decide alike."""
        return mine if not self.several else bool(self.sum_(torch.tensor(int(mine))).item())

    def gather(self, mine: ValueT) -> list[ValueT]:
        """Return everybody's value, by rank."""
        if not self.several:
            return [mine]
        found: list[ValueT | None] = [None] * self.size
        with _company():
            distributed.all_gather_object(found, mine)
        return found  # type: ignore[return-value]  # every rank has filled its place

    def from_first(self, action: Callable[[], ValueT]) -> ValueT:
        """Return to everybody what ``action`` returns to the first process, the only one to do it.

        Raises:
            DgljointError: that it raised there.
        """
        if not self.several:
            return action()
        outcome: list[Any] = [None, None]
        if self.first:
            try:
                outcome[0] = action()
            except DgljointError as error:
                outcome[1] = error
        with _company():
            distributed.broadcast_object_list(outcome, 0)
        if outcome[1] is not None:
            raise outcome[1]
        found: ValueT = outcome[0]
        return found

    def align(self, tensors: Iterator[Tensor]) -> None:
        """Give everybody the first process's values of some tensors, in place."""
        if self.several:
            with _company():
                for x in tensors:
                    distributed.broadcast(x, 0)


ALONE = Processes()


def started() -> Processes:
    """Read what ``torchrun`` said of this process; :data:`ALONE` where it did not start it.

    Raises:
        UsageError: its variables make no sense.
    """
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

    Args:
        device: of this process. What lies on the CPU is exchanged by Gloo, what lies on a CUDA
            device by NCCL.

    Raises:
        RunFailedError: the others do not come, or one is gone.
    """
    group = started()
    if not group.several:
        yield group
        return
    with _company():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        # Also beside NCCL: flags, figures and states are exchanged from the CPU.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield group
    finally:
        distributed.destroy_process_group()


@contextmanager
def _company() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        # Gloo and NCCL raise plain RuntimeErrors when a peer closes its connection.
        raise RunFailedError(
            f"another process of this run is gone: {one_line(error)}",
            hint="see what it said; then go on with the same command and --resume",
        ) from error
