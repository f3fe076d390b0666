"""The tutorial on plugins, followed block by block in an environment of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sysconfig
import venv
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.store import put_split
from packages import FOLDERS, ROOT, pip
from toys import toy_store

PAGE = ROOT.joinpath("docs", "plugins.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL
)
# Each command after a line that says which: one process, since starting one takes longest.
COMMANDS = """
import shlex, sys
from dgljoint_cli.main import run
for line in sys.argv[1:]:
    print(f"\\0{line}", flush=True)
    if code := run(shlex.split(line)[1:]):
        sys.exit(code)
"""


def toys_in_two_folds(folder: Path) -> Path:
    store = toy_store(folder / "toy.h5")
    # two cascades an event, and every second event of the other class
    fold = np.arange(len(store)) // 4 % 2
    return put_split(store, "two", fold, grouped_by="event").path


class Reader:
    """Who follows the page in ``folder``, with a Python that has dgljoint and what it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        venv.create(folder / "venv", symlinks=True)
        self.python = folder / "venv" / "bin" / "python"
        (site,) = (folder / "venv").glob("lib/python*/site-packages")
        roots = [ROOT, *(ROOT / name for name in FOLDERS[1:]), sysconfig.get_path("purelib")]
        (site / "dgljoint.pth").write_text("".join(f"{root}\n" for root in roots))
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "XDG_CACHE_HOME": str(folder / "cache"),
            # Few and quick runs, on toys in the place of the demo set.
            "DGLJOINT_DATA": str(toys_in_two_folds(folder)), "DGLJOINT_SPLIT": "two",
            "DGLJOINT_ENCODER": "gcn", "DGLJOINT_MODEL__WIDTH": "8",
            "DGLJOINT_TRAIN__EPOCHS": "1",
        }

    def run(self, block: str) -> dict[str, str]:
        """Run the commands of a block; return what each said."""
        said: dict[str, str] = {}
        for program, lines in groupby(block.splitlines(), lambda line: line.split()[0]):
            if program == "dgljoint":
                parts = self._python("-c", COMMANDS, *lines).split("\0")[1:]
                said |= dict(part.split("\n", 1) for part in parts)
                continue
            for line in lines:
                said[line] = self._install(line) if program == "pip" else self._python(
                    "-m", *shlex.split(line)
                )
        return said

    def _install(self, line: str) -> str:
        """Run pip, which has no network here, and builds with what there is."""
        _, verb, *flags, package = shlex.split(line)
        offline = ("--no-build-isolation", "--no-deps", "--no-index", "-q")
        pip("--python", self.python, verb, *offline, *flags, self.folder / package)
        return ""

    def _python(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.python, *arguments], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Follow the page; return what each command said."""
    reader = Reader(tmp_path_factory.mktemp("tutorial"))
    found: dict[str, str] = {}
    for block in BLOCK.finditer(PAGE):
        if block["file"]:
            file = reader.folder / block["file"]
            assert file.exists(), f"{file}: the package that was written has no such file"
            file.write_text(block["text"], encoding="utf-8")
        else:
            assert block["language"] == "bash"
            found |= reader.run(block["text"])
    return found


def test_the_page_can_be_followed(said: dict[str, str]) -> None:
    assert "dgljoint-cross-stitch" in said["dgljoint plugins list"]
    shown = said["dgljoint plugins show cross_stitch"]
    assert "share of each view in itself at first" in shown
    assert "Cross-stitch Networks" in shown
    assert "3 passed" in said["pytest dgljoint-cross-stitch"]
    assert "cross_stitch.own" in said["dgljoint runs show runs/stitched"]


def test_it_ends_with_a_row_for_each_figure(said: dict[str, str]) -> None:
    (table,) = [text for line, text in said.items() if line.startswith("dgljoint runs compare")]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) >= 2 + 5
    assert "stitched" in table
