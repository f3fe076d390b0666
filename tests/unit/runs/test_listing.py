"""Runs below a folder: found at any depth, each said to stand as it does, never a crash."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dgljoint._internal.files import held_folders, locked
from dgljoint.errors import UsageError
from dgljoint.runs.listing import find_runs, summarize
from dgljoint.runs.stored import StoredRun
from stored_runs import write_run


def test_runs_are_found_at_any_depth_and_nothing_inside_them(tmp_path: Path) -> None:
    for name in ("b", "a/deep/er", "a/beside"):
        write_run(tmp_path / name)
    write_run(tmp_path / "b" / "checkpoints" / "inner")
    write_run(tmp_path / ".hidden" / "run")
    (tmp_path / "no run").mkdir()
    (tmp_path / "no run" / "config.toml").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in find_runs(tmp_path)]
    assert found == ["a/beside", "a/deep/er", "b"]
    assert list(find_runs(tmp_path / "b")) == [tmp_path / "b"]


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        list(find_runs(tmp_path / "none"))


def test_a_finished_run(tmp_path: Path) -> None:
    plugins = ("contrastive", "meta_weight")
    folder = write_run(tmp_path / "a", fold=2, seed=7, plugins=plugins, accuracy=0.6, mrr=0.4)
    found = summarize(folder, "a")
    assert (found.name, found.state, found.cause) == ("a", "finished", None)
    assert (found.data, found.split, found.fold, found.seed) == ("small", "event", 2, 7)
    assert (found.encoder, found.plugins) == ("gcn", plugins)
    assert (found.epoch, found.epochs, found.best_epoch) == (3, 60, 2)
    assert (found.figures["accuracy"], found.figures["macro_f1"]) == (0.6, 0.3)
    assert (found.figures["mrr"], found.figures["hits1"]) == (0.4, 0.2)


def test_runs_that_have_not_ended(tmp_path: Path) -> None:
    half = summarize(write_run(tmp_path / "half", "train.epochs=9", finished=False))
    assert (half.state, half.epoch, half.epochs, half.best_epoch) == ("resumable", 3, 9, 2)
    assert half.figures == {}
    begun = summarize(write_run(tmp_path / "begun", finished=False, epochs=0))
    assert (begun.state, begun.epoch, begun.best_epoch) == ("started", 0, None)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system lists no locks")
def test_a_run_at_work_is_running(tmp_path: Path) -> None:
    for epochs in (0, 3):
        folder = write_run(tmp_path / str(epochs), finished=False, epochs=epochs)
        before = summarize(folder, held=held_folders())
        with locked(folder):
            found = summarize(folder, held=held_folders())
            assert (found.state, found.epoch) == ("running", epochs)
        assert summarize(folder, held=held_folders()) == before
    done = write_run(tmp_path / "done")
    with locked(done):  # its report is being written
        assert summarize(done, held=held_folders()).state == "finished"


def test_locks_are_read_as_the_system_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "locks"
    listed.write_text(
        "1: FLOCK  ADVISORY  WRITE 27461 fe:1a:2836035 0 EOF\n"
        "1: -> FLOCK  ADVISORY  WRITE 11 fe:1a:7 0 EOF\n"
        "2: POSIX  ADVISORY  WRITE 26887 fe:1a:8 0 EOF\n"
        "3: FLOCK  ADVISORY  READ 27725 fe:1a:9 0 EOF\n"
        "4: FLOCK  ADVISORY  WRITE -1 00:2f:10 0 EOF\n"
    )
    monkeypatch.setattr("dgljoint._internal.files._LOCKS", listed)
    assert held_folders() == {(os.makedev(0xFE, 0x1A), 2836035), (os.makedev(0, 0x2F), 10)}
    monkeypatch.setattr("dgljoint._internal.files._LOCKS", tmp_path / "none")
    assert held_folders() == frozenset()


def test_half_a_line_of_a_killed_run_is_no_damage(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", finished=False)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "los')
    assert summarize(folder).epoch == 3
    assert len(StoredRun(folder).records()) == 3


@pytest.mark.parametrize(
    ("file", "content", "cause"),
    [
        ("manifest.json", "{", "manifest.json is not readable"),
        ("manifest.json", "[]", "manifest.json is not readable"),
        ("manifest.json", "[" * 100_000, "manifest.json is not readable"),
        ("manifest.json", b"\xff\xfe", "manifest.json is not readable"),
        ("config.toml", "encoder = ", "config.toml is not TOML"),
        ("config.toml", "encoder = 'gcn'\n[train]\nepoch = 3", "no option 'train.epoch'"),
        ("config.toml", "encoder = 'gcn'\n[train]\nepoch = 3\nbatches = 4", "no option 'train."),
        ("config.toml", None, "has no config.toml"),
        ("metrics.jsonl", "{]\n", "metrics.jsonl: line 1 is not readable"),
        ("metrics.jsonl", "3\n", "metrics.jsonl: line 1 is not readable"),
        ("scores.json", "{", "scores.json is not readable"),
        ("scores.json", "{}", "scores.json holds no figures of the test part"),
        ("scores.json", '{"test": 3}', "scores.json holds no figures of the test part"),
        ("scores.json", '{"test": {"rumor": {"accuracy": "high"}, "links": {}}}', "no figures"),
        ("scores.json", '{"test": {"rumor": null, "links": []}}', "no figures"),
    ],
)
def test_a_broken_run_says_why_in_one_line(
    tmp_path: Path, file: str, content: str | bytes | None, cause: str
) -> None:
    folder = write_run(tmp_path / "a")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert list(find_runs(tmp_path)) == [folder]
    found = summarize(folder)
    assert found.state == "broken"
    assert found.cause is not None
    assert cause in found.cause
    assert "\n" not in found.cause
    assert found.figures == {}


def test_values_of_any_kind_in_a_manifest_are_no_crash(tmp_path: Path) -> None:
    for number, data in enumerate((None, 3, [], {"name": ["x"]}, {"name": "a\nb"})):
        found = summarize(write_run(tmp_path / str(number), described={"data": data}))
        assert found.state == "finished"
        assert found.data == ("a b" if number == 4 else None)
    folder = write_run(tmp_path / "records")
    line = json.dumps({"epoch": 10**400, "best": True})
    (folder / "metrics.jsonl").write_text(line + "\n")
    assert summarize(folder).best_epoch is None


def test_a_run_that_may_not_be_read_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: StoredRun) -> None:
        raise PermissionError(13, "Permission denied", str(run.path / "config.toml"))

    folder = write_run(tmp_path / "a")
    monkeypatch.setattr(StoredRun, "config", refuse)
    found = summarize(folder)
    assert found.state == "broken"
    assert found.cause is not None
    assert "Permission denied" in found.cause
