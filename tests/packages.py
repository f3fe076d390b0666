"""A wheel of this tree, built offline from a copy of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("dgljoint", "benchmarks", "cli", "data_prep", "plugins")
FILES = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")


def build_wheel(folder: Path) -> Path:
    """Build a wheel in ``folder``; the tree itself is left as it is."""
    tree = folder / "tree"
    tree.mkdir()
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, tree)
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", folder, tree)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(*arguments: str | Path) -> None:
    """Run pip quietly; its output becomes part of the failure."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
