"""The README's and the guide's commands and code, run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from conftest import Site
from dgljoint_cli.main import run
from dgljoint_data.readers.twitter.releases import LABEL_NAMES
from twitter_release import Release, RvnnRelease, edge, root, small_rows

ROOT = Path(__file__).parents[2]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
DATA_GUIDE = ROOT.joinpath("docs", "data.md").read_text(encoding="utf-8")


def blocks_after(marker: str, text: str = README) -> list[str]:
    found = re.findall(rf"<!-- {marker} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, marker
    return found


def block_after(marker: str) -> str:
    (block,) = blocks_after(marker)
    return block


def commands_in(block: str) -> list[list[str]]:
    lines = [line for line in block.splitlines() if line.startswith("dgljoint ")]
    return [shlex.split(line)[1:] for line in lines]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DGLJOINT_TRAIN__EPOCHS", "1")


def test_the_demo_command_and_those_that_follow_it(capsys: pytest.CaptureFixture[str]) -> None:
    demo = block_after("demo command").split(".venv/bin/dgljoint ")[1]
    assert run(shlex.split(demo)) == 0
    shown = capsys.readouterr().out
    table = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert table
    for line in table[1].splitlines():  # titles and rows, whatever the figures
        label = re.split(r"  +\d|  +–| beats ", line)[0].strip()
        assert label in shown, label
    block = README.split("## Working with runs")[1].split("```bash\n")[1].split("```")[0]
    commands = [c for c in commands_in(block) if not any(a.endswith(".h5") for a in c)]
    assert len(commands) == 7
    for command in commands:
        assert run(command) == 0, command


def test_what_ships_combines() -> None:
    commands = commands_in(block_after("what ships"))
    assert len(commands) == 4
    for command in commands:
        assert run([*command, *(["-q"] if "train" in command else [])]) == 0, command


def test_suites_are_run_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    commands = commands_in(block_after("benchmarks"))
    assert len(commands) == 4
    for command in commands:
        assert run(command) == 0, command
    assert "10 of 10 runs of demo are done" in capsys.readouterr().out
    assert Path("curves.svg").is_file()


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/planted.md"])
def test_results_are_those_of_the_results_file(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command that the page itself shows."""
    monkeypatch.chdir(ROOT)
    (command,) = re.findall(rf"^dgljoint (.* --into {page})$", Path(page).read_text(), re.MULTILINE)
    assert run([*shlex.split(command), "--check"]) == 0


def test_the_plugin_is_a_plugin(site: Site, tmp_path: Path) -> None:
    site.install("halfway", {"halfway": "halfway"}, halfway=block_after("plugin"))
    assert run(["train", "--plugin", "halfway", "--out", str(tmp_path / "run"), "-q"]) == 0
    assert (tmp_path / "run" / "scores.json").exists()


def write_releases(folder: Path) -> None:
    """Write both releases of forty threads, ten a class, a day apart."""
    threads = [str(498_430_783_699_554_305 + (number << 22) * 86_400_000) for number in range(40)]
    named = [(LABEL_NAMES[n % len(LABEL_NAMES)], thread) for n, thread in enumerate(threads)]
    listed = "".join(f"{label}\tevent{thread}\t{thread}\t9\n" for label, thread in named)
    Release(
        trees={
            thread: (root((1, thread, 0.0)), edge((1, thread, 0.0), (2, f"9{thread}", 1.5)))
            for thread in threads
        },
        labels="".join(f"{label}:{thread}\n" for label, thread in named).encode(),
        texts="".join(f"{thread}\tword{thread} {label}\n" for label, thread in named).encode(),
        events=listed.encode(),
    ).write(folder / "twitter15")
    RvnnRelease(
        rows=tuple(row for thread in threads for row in small_rows(thread)),
        labels=listed.encode(),
        folds=tuple(tuple(threads[fold::5]) for fold in range(5)),
    ).write(folder / "rvnn")


def test_the_data_guide_can_be_followed(tmp_path: Path) -> None:
    write_releases(tmp_path / "raw")
    for block in blocks_after("data guide", DATA_GUIDE):
        for command in commands_in(block):
            assert run(command) == 0, command
    (code,) = blocks_after("data guide python", DATA_GUIDE)
    exec(code, {})  # noqa: S102  # the guide's own


def test_what_ships_is_listed() -> None:
    from dgljoint.plugins.registry import discover

    table = README.split("## What ships")[1].split("## ")[0]
    listed = set(re.findall(r"`(\w+)`", table))
    assert listed == {entry.name for entry in discover() if entry.distribution == "dgljoint"}


@pytest.mark.skipif(
    "DGLJOINT_RAW_DATA" not in os.environ, reason="DGLJOINT_RAW_DATA names no folder of raw data"
)
def test_the_same_on_twitter15(tmp_path: Path) -> None:
    raw = Path(os.environ["DGLJOINT_RAW_DATA"]) / "twitter15-tree" / "twitter15"
    folder = tmp_path / "rumor_detection_acl2017"
    folder.mkdir()
    (folder / "twitter15").symlink_to(raw)
    for command in commands_in(block_after("real data")):
        assert run(command) == 0, command
    assert shutil.rmtree(folder) is None
    assert run(["train", "twitter15.h5", "--encoder", "gcn", "--plugin", "contrastive",
                "-s", "contrastive.temperature=0.2", "--dry-run"]) == 0
