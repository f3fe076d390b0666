"""Hand freed memory back to the system."""

from __future__ import annotations

import ctypes


def trim() -> None:
    """Return what is freed and lies between what is in use; does nothing without glibc.

    Batches differ in size, and glibc keeps the holes that their buffers leave: a run on cascades
    of hundreds of posts grew by some hundred megabytes an epoch, to three times what it uses.
    """
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if release is not None:
        release(0)
