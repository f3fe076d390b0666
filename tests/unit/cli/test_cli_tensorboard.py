"""``train --tensorboard``: where its files go, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from commands import SMALL, ends
from dgljoint.errors import install_hint
from dgljoint_cli.main import run
from toys import toy_store

pytest.importorskip("tensorboard")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    toy_store(tmp_path / "toy.h5", cascades=32)
    return "toy.h5"


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        (["--tensorboard"], "run/tensorboard"),
        (["--tensorboard", "mine"], "mine"),
        (["--tensorboard=mine"], "mine"),
    ],
)
def test_figures_go_to_the_run_or_to_a_folder_of_one_s_own(store, asked, folder):
    assert run(["train", store, "--epochs", "1", *SMALL, "--out", "run", *asked]) == 0
    written = {file.parent for file in Path().rglob("events.out.tfevents.*")}
    assert written == {Path(folder, "steps"), Path(folder, "epochs")}


def test_nothing_is_written_unless_it_is_asked_for(store):
    assert run(["train", store, "--epochs", "1", *SMALL, "--out", "run"]) == 0
    assert list(Path().rglob("events.out.tfevents.*")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tensorboard", "toy.h5"], "toy.h5 is a file"),
        (["toy.h5", "--tensorboard", "--folds", "all"], "--tensorboard is for a single run"),
    ],
)
def test_wrong_requests_are_refused_before_anything_is_written(store, capsys, arguments, said):
    error = ends(capsys, 2, "train", *arguments, "--out", "run", *SMALL)
    assert said in error.error
    assert not Path("run").exists()


def test_without_the_extra_exit_2_names_the_command(store, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    error = ends(capsys, 2, "train", store, "--tensorboard", "--out", "run", *SMALL)
    assert "TensorBoard is not installed" in error.error
    assert install_hint("tensorboard") in error
    assert not Path("run").exists()
