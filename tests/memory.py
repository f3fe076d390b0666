"""The most memory that a piece of code takes beyond its imports, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

_SETUP = """
import re, sys
from pathlib import Path
import numpy as np
import torch
from dgljoint.data.store import CascadeStore
from toys import random_cascade, toy_batch, write_store

def one_cascade(posts):
    cascade = random_cascade("big", np.random.default_rng(0), posts)
    store = CascadeStore(write_store(Path(sys.argv[1]) / "big.h5", [cascade]))
    return toy_batch(store, [0], share=0.2)

def megabytes(name):
    # getrusage would count what the program that started this one held
    (kilobytes,) = re.findall(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024

imports = megabytes("VmRSS")
"""
_REPORT = """
print(megabytes("VmHWM") - imports)
"""


def peak_megabytes(code: str, folder: Path) -> float:
    """Run ``code``, which may call ``one_cascade(posts)`` for a batch, and return what it took."""
    done = subprocess.run(
        [sys.executable, "-c", _SETUP + dedent(code) + _REPORT, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
