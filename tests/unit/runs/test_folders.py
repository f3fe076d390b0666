"""What is said of a path that was named as a run and is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.errors import DataError
from dgljoint.runs import folders
from dgljoint.runs.folders import is_run_folder, no_run
from dgljoint.runs.stored import StoredRun
from stored_runs import write_run, write_study


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(path: str) -> tuple[str, str]:
    with pytest.raises(DataError) as refused:
        StoredRun(Path(path)).config()
    assert refused.value.message.startswith(f"{path} is no run folder: ")
    assert refused.value.message.endswith("expected the folder of a run, with config.toml and "
                                          "checkpoints")
    assert refused.value.hint
    assert "dgljoint train" not in refused.value.hint
    found = refused.value.message.removeprefix(f"{path} is no run folder: ").split(";")[0]
    return found, refused.value.hint


def test_a_name_that_is_not_there_gets_the_closest_runs(here: Path) -> None:
    write_run(here / "runs" / "demo-bigcn-event0-s0")
    write_run(here / "runs" / "other")
    found, hint = refusal("runs/demo-bigcn-evnt0-s0")
    assert (found, hint) == ("there is no such folder", "did you mean runs/demo-bigcn-event0-s0?")
    for path in ("demo-bigcn-event0", "elsewhere/demo-bigcn-event0-s0"):  # runs/ is looked at, too
        assert refusal(path)[1] == "did you mean runs/demo-bigcn-event0-s0?"
    assert refusal("runs/qqq")[1] == (
        "near it: runs/demo-bigcn-event0-s0, runs/other; `dgljoint runs list runs` lists them"
    )


def test_where_no_run_is_near_the_command_that_lists_them_is_named() -> None:
    assert refusal("none")[1] == (
        "no runs are near it: `dgljoint runs list DIR` lists those below a folder"
    )


def test_a_folder_says_what_it_is(here: Path) -> None:
    write_run(here / "runs" / "mine")
    (here / "empty").mkdir()
    (here / "plots").mkdir()
    (here / "plots" / "a.svg").touch()
    assert refusal("empty")[0] == "it has no config.toml"
    found, hint = refusal("plots")
    assert (found, hint) == (
        "it has no config.toml", "near it: runs/mine; `dgljoint runs list runs` lists them"
    )


def test_a_file_says_what_it_is(here: Path) -> None:
    (here / "notes.txt").write_text("x")
    assert refusal("notes.txt")[0] == "it is a file"


def test_what_is_inside_a_run_names_that_run(here: Path) -> None:
    write_run(here / "runs" / "mine")
    for path in ("runs/mine/checkpoints", "runs/mine/config.toml", "runs/mine/nothing"):
        assert refusal(path)[1] == "it is inside a run, so name that: runs/mine"


def test_the_folder_of_several_runs_names_some(here: Path) -> None:
    write_study(here / "study", [0.1, 0.2, 0.3, 0.4])
    assert refusal("study") == (
        "it holds 4 runs",
        "name one of them: study/fold0-seed0, study/fold1-seed0, study/fold2-seed0, …; "
        "`dgljoint runs list study` lists them all",
    )


def test_the_folder_of_several_runs_is_near_too(here: Path) -> None:
    write_study(here / "study", [0.1, 0.2])
    assert refusal("stduy")[1] == "did you mean study?"


def test_only_so_many_folders_are_looked_at(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_MOST_FOLDERS", 3)
    for number in range(9):
        (here / "wide" / f"f{number}").mkdir(parents=True)
    asked: list[Path] = []
    monkeypatch.setattr(folders, "is_run_folder", lambda path: bool(asked.append(path)))
    no_run(here / "wide")
    assert len([path for path in asked if path.parent == here / "wide"]) <= 9  # 3, in three looks


def test_links_and_locked_folders_are_passed_over(here: Path) -> None:
    write_run(here / "away" / "deep" / "deeper" / "mine")
    (here / "linked").symlink_to(here / "away" / "deep" / "deeper" / "mine")
    assert "no runs are near it" in refusal("none")[1]
    assert not is_run_folder(here / "nowhere")


def test_a_run_without_an_epoch_says_how_it_goes_on(here: Path) -> None:
    from dgljoint.training.folder import RunFolder

    write_run(here / "young", epochs=0, finished=False)
    for ask in (RunFolder(Path("young")).load_best, RunFolder(Path("young")).load_features):
        with pytest.raises(DataError, match="young has no model yet: no epoch of its run") as one:
            ask()
        assert one.value.hint == "continue with: dgljoint train --resume --out young"
