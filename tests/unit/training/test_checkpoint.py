from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dgljoint._internal.files import is_leftover
from dgljoint.errors import DataError
from dgljoint.training.checkpoint import load_tree, save_tree

# Kills processes that save all the time, at any moment of it. They are forked: none imports torch.
KILLS = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from dgljoint.training.checkpoint import save_tree

path, tree = Path(sys.argv[1]), {"x": torch.zeros(2_000_000)}
started = time.monotonic()
save_tree(path, tree)
seconds = time.monotonic() - started
moments = random.Random(0)
for _ in range(25):
    saved, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            while True:
                save_tree(path, tree)
                os.write(told, b".")
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(saved, 1)
    time.sleep(moments.uniform(0, 2 * seconds))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    os.close(saved)
"""


def test_a_tree_comes_back_with_its_types(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    tree = {
        "state": {0: {"step": torch.tensor(3.0), "view": shared[2:]}, 7: {"all": shared}},
        "list": [1, 2.5, None, True, "x", {"deep": torch.zeros(0, dtype=torch.int64)}],
        "infinite": float("-inf"),
    }
    save_tree(tmp_path / "a", tree)
    found = load_tree(tmp_path / "a")
    assert list(found["state"]) == [0, 7]
    assert torch.equal(found["state"][0]["view"], shared[2:])
    assert found["list"][:5] == tree["list"][:5]
    assert found["list"][5]["deep"].dtype == torch.int64
    assert found["infinite"] == float("-inf")


def test_who_may_read_other_files_may_read_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save_tree(tmp_path / "a", {"x": torch.zeros(2)})
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_cannot_be_kept_is_refused_and_the_old_file_stands(tmp_path: Path) -> None:
    save_tree(tmp_path / "a", {"x": 1})
    with pytest.raises(TypeError, match="/y/0: a checkpoint cannot hold a set"):
        save_tree(tmp_path / "a", {"y": [{1, 2}]})
    assert load_tree(tmp_path / "a") == {"x": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_that_the_next_cannot_name(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLS, tmp_path / "a"], check=True)
    assert all(file.name == "a" or is_leftover(file) for file in tmp_path.iterdir())
    assert torch.equal(load_tree(tmp_path / "a")["x"], torch.zeros(2_000_000))


@pytest.mark.parametrize("content", [b"", b"\x80\x04cos\nsystem\n", b"x" * 200])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_tree(tmp_path / "a")


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    save_tree(tmp_path / "a", {"x": torch.randn(100)})
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-50])
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_tree(tmp_path / "a")
    with pytest.raises(DataError, match="no such checkpoint"):
        load_tree(tmp_path / "none")
