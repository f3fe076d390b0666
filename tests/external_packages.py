"""Plugins in packages of their own under ``tests/external``, installed as anybody's are."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dgljoint.plugins.registry import installed_registry
from packages import ROOT, pip

EXTERNAL = ROOT / "tests" / "external"


def install(distribution: str, folder: Path) -> Path:
    """Install a package into a folder below ``folder``, for ``PYTHONPATH``; return that.

    The package is built from a copy: the tree is left as it is.
    """
    copy, site = folder / distribution, folder / f"{distribution}-installed"
    shutil.copytree(
        EXTERNAL / distribution, copy,
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"),
    )
    pip("install", "--no-build-isolation", "--no-deps", "--no-index", "--target", site, copy)
    return site


@contextmanager
def installed(distribution: str, folder: Path) -> Iterator[Path]:
    """Have a package installed inside the block; processes spawned in it have it too."""
    site = install(distribution, folder)
    sys.path.insert(0, str(site))
    installed_registry.cache_clear()
    try:
        yield site
    finally:
        sys.path.remove(str(site))
        installed_registry.cache_clear()
        for name in list(sys.modules):
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
                del sys.modules[name]
