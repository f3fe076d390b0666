"""Where a run computes."""

from __future__ import annotations

import torch

from dgljoint.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")


def find_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device of this process.

    Args:
        name: ``cpu``, ``cuda``, or ``auto`` for CUDA where torch can use it.
        local_rank: number of this process among those of the run on this machine; each takes a
            CUDA device of its own.

    Raises:
        UsageError: there is no such device.
    """
    if name not in DEVICES:
        raise UsageError(
            f"there is no device '{name}'", hint=f"it is one of {', '.join(DEVICES)}"
        )
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not there):
        return torch.device("cpu")
    if not there:
        raise UsageError(
            f"torch {torch.__version__} finds no CUDA device",
            hint="--device cpu trains without one; `dgljoint env` says what is installed",
        )
    if local_rank >= there:
        raise UsageError(
            f"process {local_rank + 1} of this machine finds no CUDA device of its own: torch "
            f"finds {there}",
            hint="start fewer processes, or use --device cpu",
        )
    return torch.device("cuda", local_rank)
