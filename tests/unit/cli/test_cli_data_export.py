"""``data export`` and ``data show --format json``."""

from __future__ import annotations

import json
from pathlib import Path

import dgl
import numpy as np
import pytest

from commands import ends
from dgljoint.data.store import CascadeStore
from dgljoint_cli.main import run
from dgljoint_data.readers.jsonl.schema import JsonCascade
from toys import toy_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return toy_store(tmp_path / "a.h5").path


def test_an_export_builds_the_same_cascades_again(store, tmp_path, capsys):
    out = tmp_path / "a.jsonl"
    assert run(["data", "export", str(store), "-o", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    posts = CascadeStore(store).posts
    assert lines[0].startswith(f"{out}: 64 cascades, {posts} posts as jsonl, ")
    assert lines[1] == "left behind: feature bow, feature extra, split event, split random"
    assert lines[2].endswith("-s labels=false,true")
    command = lines[2].removeprefix("read it with: dgljoint ").split()
    again = tmp_path / "b.h5"
    # the toys' sources all say the same, so that no split keeps them together
    text = out.read_text().replace('"word0"', '"said %d"')
    out.write_text("".join(
        line.replace("said %d", f"said once{n}") for n, line in enumerate(text.splitlines(True))
    ))
    assert run([str(again) if part == "OUT.h5" else part for part in command]) == 0
    one, other = CascadeStore(store), CascadeStore(again)
    assert other.label_names == one.label_names
    for name in ("cascade/label", "cascade/event", "post/parent", "post/delay", "post/user"):
        np.testing.assert_array_equal(other.columns[name], one.columns[name], name)


def test_stdout_takes_the_lines_and_nothing_else(store, capsys):
    assert run(["data", "export", str(store), "-o", "-", "--to", "jsonl"]) == 0
    out, err = capsys.readouterr()
    found = [JsonCascade.model_validate_json(line).id for line in out.splitlines()]
    assert found == CascadeStore(store).ids.all()
    assert "stdout: 64 cascades" in err


def test_graphs_are_written_and_summed_up(store, tmp_path, capsys):
    out = tmp_path / "graphs.bin"
    assert run(["data", "export", str(store), "-o", str(out), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["form"], found["cascades"]) == ("dgl", 64)
    assert found["label_names"] == ["false", "true"]
    assert found["size_bytes"] == out.stat().st_size
    assert "users" in found["left_behind"]
    graphs, tensors = dgl.load_graphs(str(out))
    assert len(graphs) == len(tensors["label"]) == 64
    assert run(["data", "export", str(store), "-o", str(out), "--force"]) == 0
    assert "classes: 0 false, 1 true" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["-o", "{0}/there.jsonl"], 2, "there.jsonl exists"),
        (["-o", "{0}/x.csv"], 2, "does not show the form"),
        (["-o", "-"], 2, "does not show the form"),
        (["-o", "-", "--to", "dgl"], 2, "DGL writes to files alone"),
        (["-o", "{0}", "--to", "jsonl"], 2, "is a folder"),
        (["-o", "{0}/a.h5", "--to", "jsonl", "--force"], 2, "is what is to be exported"),
        (["-o", "{0}/none/x.jsonl"], 1, "No such file"),
        (["-o", "{0}/none/x.bin"], 1, "No such file"),
        ([], 2, "Missing option"),
    ],
)
def test_what_cannot_be_written_is_said(store, tmp_path, capsys, arguments, exit_code, message):
    (tmp_path / "there.jsonl").write_text("mine")
    before = store.read_bytes()
    filled = [argument.format(tmp_path) for argument in arguments]
    assert message in ends(capsys, exit_code, "data", "export", store, *filled)
    assert store.read_bytes() == before
    assert (tmp_path / "there.jsonl").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "there.jsonl"}


def test_a_cascade_is_shown_as_a_line_of_the_format(store, tmp_path, capsys):
    assert run(["data", "show", str(store), "c7", "--format", "json"]) == 0
    line = capsys.readouterr().out
    assert JsonCascade.model_validate_json(line).id == "c7"
    assert run(["data", "export", str(store), "-o", str(tmp_path / "a.jsonl")]) == 0
    assert line in (tmp_path / "a.jsonl").read_text().splitlines(keepends=True)
