"""The most memory that a piece of code takes, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

_SETUP = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from dgljoint.store import CascadeStore
from toys import random_cascade, toy_batch, write_store

def one_cascade(posts):
    cascade = random_cascade("big", np.random.default_rng(0), posts)
    store = CascadeStore(write_store(Path(sys.argv[1]) / "big.h5", [cascade]))
    return toy_batch(store, [0], share=0.2)

"""
_REPORT = """
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def peak_megabytes(code: str, folder: Path) -> float:
    """Run ``code``, which may call ``one_cascade(posts)`` for a batch, and return its peak."""
    done = subprocess.run(
        [sys.executable, "-c", _SETUP + dedent(code) + _REPORT, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
