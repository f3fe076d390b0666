"""A full disk ends a command with a message; what was whole before is whole after."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from commands import SMALL, ends, everything
from dgljoint.training.checkpoint import load_tree
from dgljoint.training.folder import RunFolder
from dgljoint_cli.main import run
from runs import assert_same_run
from toys import toy_store

DGLJOINT = Path(sys.executable).with_name("dgljoint")


class Disk:
    """A file system of a fixed size."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resize(self, kibibytes: int, *options: str) -> str | None:
        """Mount it, or change its size; return why that did not work."""
        settings = ",".join((f"size={kibibytes}k", *options))
        try:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", settings, "tmpfs", self.path],
                capture_output=True, text=True, check=False,
            )
        except FileNotFoundError as error:
            return str(error)
        return done.stderr.strip() or f"exit {done.returncode}" if done.returncode else None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Disk]]:
    """Give a way to mount a small file system."""
    made = Disk(tmp_path / "disk")
    made.path.mkdir()
    mounted = False

    def mount(kibibytes: int) -> Disk:
        nonlocal mounted
        if why := made.resize(kibibytes):
            pytest.skip(f"mounting a small file system is not permitted: {why}")
        mounted = True
        return made

    yield mount
    if mounted:
        subprocess.run(["umount", made.path], check=True)


def in_a_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: a full disk must not take it down."""
    return subprocess.run(
        [DGLJOINT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


# The file takes 376 KiB here, its parts lie beside it while it is made: no space for the parts,
# for a part of the parts, for nothing more than the parts.
@pytest.mark.parametrize("kibibytes", [64, 300, 500])
def test_a_full_disk_stops_preprocess_and_leaves_nothing(kibibytes, disk):
    small = disk(kibibytes)
    done = in_a_process(
        "preprocess", "synthetic", "-s", "cascades=60", "-o", small.path / "out.h5"
    )
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error == f"error: cannot write {small.path / 'out.h5'}: the disk is full"
    assert hint.startswith("hint: free some space")
    assert not everything(small.path)


# The exports take 66 and 111 KiB here: nothing fits, or all but the end of it.
@pytest.mark.parametrize("share", [0.3, 0.97])
@pytest.mark.parametrize("form", ["jsonl", "dgl"])
def test_a_full_disk_stops_an_export_and_leaves_nothing(form, share, disk, tmp_path):
    store = toy_store(tmp_path / "toy.h5", cascades=96).path
    whole = tmp_path / "whole"
    assert in_a_process("data", "export", store, "-o", whole, "--to", form).returncode == 0
    page = 4
    small = disk(max(page, int(whole.stat().st_size / 1024 * share) // page * page))
    done = in_a_process("data", "export", store, "-o", small.path / "out", "--to", form)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot write {small.path / 'out'}: ")
    assert not everything(small.path)


def test_a_full_disk_leaves_a_store_that_should_get_a_split(disk, tmp_path):
    made = toy_store(tmp_path / "toy.h5", cascades=96).path
    small = disk(made.stat().st_size // 1024 + 32)
    store = small.path / "toy.h5"
    store.write_bytes(made.read_bytes())
    done = in_a_process("data", "split", store, "mine", "--kind", "random")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"error: cannot write {store}: the disk is full"
    assert everything(small.path) == {store}
    assert store.read_bytes() == made.read_bytes()


def test_a_full_disk_stops_a_run_whose_last_checkpoint_stands(disk, tmp_path, capsys):
    store = toy_store(tmp_path / "toy.h5", cascades=96).path
    settings = ("train", store, *SMALL, "--epochs", "3")
    assert run([*map(str, settings), "--out", str(tmp_path / "roomy")]) == 0
    last, best = (
        (tmp_path / "roomy" / "checkpoints" / f"{name}.safetensors").stat().st_size // 1024
        for name in ("last", "best")
    )
    # Room for both and half of what replaces the larger one, and for the small files.
    small = disk(last + best + last // 2 + 16)
    folder = small.path / "run"
    said = ends(capsys, 1, *settings, "--out", folder)
    checkpoint = folder / "checkpoints" / "last.safetensors"
    assert said.error == f"error: cannot write {checkpoint}: the disk is full"
    assert load_tree(checkpoint)["position"]["epoch"] == 1
    assert not [path for path in everything(folder) if path.suffix == ".tmp"]

    assert small.resize(4096, "remount") is None
    assert run(["train", "--resume", "--out", str(folder), "-q"]) == 0
    assert (folder / "metrics.jsonl").read_text().count("\n") == 3


@pytest.mark.parametrize(
    ("method", "call", "file"),
    [
        ("append", 1, "metrics.jsonl"),
        ("save_best", 1, "checkpoints/best.safetensors"),
        ("save_last", 2, "checkpoints/last.safetensors"),
        ("save_predictions", 1, "predictions.csv"),
        ("save_scores", 1, "scores.json"),
    ],
)
def test_a_disk_that_fills_up_at_any_write_stops_a_run_that_goes_on_later(
    method, call, file, disk, tmp_path, capsys, monkeypatch
):
    store = toy_store(tmp_path / "toy.h5", cascades=96).path
    settings = ("train", store, *SMALL, "-s", "train.batch=32", "--epochs", "2")
    assert run([*map(str, settings), "--out", str(tmp_path / "roomy")]) == 0
    small = disk(4096)
    folder, filler = small.path / "run", small.path / "filler"
    write, calls = getattr(RunFolder, method), []

    def write_on_a_full_disk(self, *arguments):
        calls.append(method)
        if len(calls) == call:
            with suppress(OSError), filler.open("wb", buffering=0) as handle:
                while handle.write(bytes(1 << 10)):
                    pass
        write(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, method, write_on_a_full_disk)
        said = ends(capsys, 1, *settings, "--out", folder)
    assert said.error == f"error: cannot write {folder / file}: the disk is full"
    filler.unlink()
    assert run(["train", "--resume", "--out", str(folder), "-q"]) == 0
    assert_same_run(tmp_path / "roomy", folder)
