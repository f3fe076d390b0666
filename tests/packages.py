"""A wheel of this tree, built offline from a copy of it, and environments to install wheels in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
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


Run = Callable[..., str]


def environment(folder: Path, *wheels: Path) -> Run:
    """Make an environment that has these wheels and borrows what they depend on.

    Returns a function that runs a program of it in ``folder / "work"`` and returns its output.
    """
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", *wheels)
    # An editable install of this tree does not come along: .pth files count in the
    # environment's own folder only.
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    work = folder / "work"
    work.mkdir()
    variables = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "XDG_CACHE_HOME": str(folder / "cache"),
    }

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [python.with_name(program), *arguments], cwd=work, env=variables,
            capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def pip(*arguments: str | Path) -> None:
    """Run pip quietly; its output becomes part of the failure."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
