"""Where and how a process computes: its device, its threads, its allocator."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

from dgljoint.errors import UsageError

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

    glibc gives a buffer pages of its own above a size that it raises, up to 32 MB, to that of the
    largest one freed. From then on the buffers of a thread of 100,000 posts share a heap, and
    training on it takes 2.1 GB instead of 1.5. A size that is set is fixed. Smaller buffers are
    kept, as glibc would keep them in time: to ask the system for pages in each step is slow.
    """
    torch.set_num_threads(threads)
    if sys.platform != "linux" or any(os.environ.get(name) for name in _OWN_SETTINGS):
        return
    option = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if option is not None:
        option(_MMAP_THRESHOLD, _LARGE_BYTES)
        option(_TRIM_THRESHOLD, _KEPT_BYTES)
