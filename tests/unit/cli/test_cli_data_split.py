"""``data split``: listed, made, taken over from a file, removed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from commands import ends
from dgljoint.data.store import CascadeStore
from dgljoint_cli.main import run
from toys import LABELS, random_cascade, write_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    made = [
        replace(
            random_cascade(f"c{n}", rng, 4, label=LABELS[n // 2 % 2], event=f"e{n // 2}"),
            text=[f"the source number{n}", "", "", ""],
        )
        for n in range(64)
    ]
    return write_store(tmp_path / "a.h5", made)


def test_splits_are_listed_in_both_forms(store, capsys):
    assert run(["data", "split", str(store)]) == 0
    lines = capsys.readouterr().out.splitlines()
    digest = CascadeStore(store).split("event").digest
    assert lines[0] == (
        f"event · event kept together, 0 events in several folds · no order · 0 left out · {digest}"
    )
    assert lines[1].split() == ["fold", "cascades", "false", "true"]
    assert lines[2].split() == ["0", "16", "16", "0"]
    assert run(["data", "split", str(store), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["splits"]
    assert list(found) == ["event", "random"]
    assert found["event"]["labels"][0] == {"false": 16, "true": 0}
    assert found["random"]["divided_events"] == 32


def test_a_split_is_made_trained_on_by_name_and_removed(store, capsys):
    before = store.read_bytes()
    assert run(["data", "split", str(store), "ten", "--folds", "10", "--seed", "2"]) == 0
    assert "ten · event kept together" in capsys.readouterr().out
    made = CascadeStore(store).split("ten")
    assert (made.folds, made.grouped_by) == (10, "event")
    assert run(["train", str(store), "--split", "ten", "--dry-run", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"]["digest"] == made.digest

    assert run(["data", "split", str(store), "ten", "--remove", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": str(store), "removed": "ten", "splits": ["event", "random"],
    }
    assert store.read_bytes() == before
    assert run(["data", "split", str(store), "random", "--remove"]) == 0
    assert "no split 'random' any more; left: event" in capsys.readouterr().out


def test_two_seeds_and_two_numbers_of_folds_have_different_digests(store, capsys):
    digests = []
    for name, options in (("a", []), ("b", ["--seed", "1"]), ("c", ["--folds", "4"])):
        command = ["data", "split", str(store), name, "--kind", "random", *options]
        assert run([*command, "--format", "json"]) == 0
        digests.append(json.loads(capsys.readouterr().out)["digest"])
    assert len(set(digests)) == 3


def test_folds_are_taken_from_a_file_and_what_it_lacks_is_counted(store, tmp_path, capsys):
    file = tmp_path / "folds.csv"
    file.write_text("id,fold\n" + "".join(f"c{n},{n % 3}\n" for n in range(60)) + "other,1\n")
    command = ["data", "split", str(store), "theirs", "--from", str(file)]
    said = ends(capsys, 3, *command)
    assert "has no cascade 'other'" in said
    assert "--skip-unknown" in said
    assert run([*command, "--skip-unknown"]) == 0
    text = capsys.readouterr().out
    assert "theirs · nothing kept together, 30 events in several folds" in text
    assert "4 cascades that the file does not name are left out" in text
    assert "1 ids that the store does not hold were passed over" in text
    assert run([*command, "--skip-unknown", "--force", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["folds"], found["left_out"]) == ([20, 20, 20], 4)
    assert (found["missing"], found["unknown"]) == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["event"], 2, "has a split 'event' already"),
        (["mine", "--folds", "99"], 3, "32 events cannot be divided into 99"),
        (["mine", "--kind", "time"], 3, "no split by time: 64 of 64 cascades have no date"),
        (["mine", "--kind", "time", "--seed", "1"], 2, "draws nothing"),
        (["mine", "--kind", "leave-one-event-out", "--folds", "3"], 2, "one fold per event"),
        (["mine", "--kind", "leave-one-event-out"], 3, "32 events, more than 20"),
        (["random", "--kind", "event", "--force"], 2, "must be one of --kind random"),
        (["a/b"], 2, "is no name for a split"),
        (["mine", "--from", "f", "--seed", "0"], 2, "--from and --seed exclude one another"),
        (["mine", "--skip-unknown"], 2, "--skip-unknown is about --from"),
        (["mine", "--from", "missing.csv"], 3, "missing.csv cannot be read"),
        (["mine", "--remove"], 2, "has no split 'mine'"),
        (["event", "--remove", "--seed", "1"], 2, "--seed is about making a split"),
        (["--from", "f"], 2, "--from needs the NAME of a split"),
        (["--remove"], 2, "--remove needs the NAME of a split"),
        (["mine", "--folds", "1"], 2, "Invalid value for '--folds'"),
    ],
)
def test_what_cannot_be_is_said_and_the_file_stays(store, capsys, arguments, exit_code, message):
    before = store.read_bytes()
    assert message in ends(capsys, exit_code, "data", "split", store, *arguments)
    assert store.read_bytes() == before
    assert [path.name for path in store.parent.iterdir()] == ["a.h5"]
