"""Where something was measured: the machine, its settings and the versions of what was compared."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import torch

from dgljoint_bench.timing import SETTINGS

_PACKAGES = ("dgljoint", "torch", "dgl", "torch_geometric", "numpy", "h5py")


def machine() -> dict[str, object]:
    """Return the system, processor, cores, threads in use and settings of the environment."""
    return {
        "platform": platform.platform(), "processor": _processor(), "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ.get(name) for name in SETTINGS},
    }


def versions() -> dict[str, str | None]:
    """Return the versions; ``None`` for what is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()
