"""Files of few threads or events: written without what cannot be, and good for all but training."""

from __future__ import annotations

import json

import pytest

from commands import ends
from dgljoint_cli.main import run
from few_threads import write_threads


def made(folder, count, **form):
    out = folder / "few.h5"
    raw = write_threads(folder / "few.jsonl", count, **form)
    assert run(["preprocess", "jsonl", str(raw), "-o", str(out), "-q", "--force"]) == 0
    return out


@pytest.mark.parametrize(
    ("count", "events", "splits"), [(1, 1, []), (28, 1, ["random"]), (40, 2, ["random"])]
)
def test_a_file_is_written_without_the_splits_that_cannot_be_made(
    tmp_path, capsys, count, events, splits
):
    store = made(tmp_path, count, events=events)
    text = capsys.readouterr().out
    why = f"{events} event{'s' * (events > 1)}, at least 3 are needed"
    assert f"note: no split 'event': {why}" in text
    for verb in ("info", "split"):
        assert run(["data", verb, str(store)]) == 0
        assert f"no split 'event': {why}" in capsys.readouterr().out
    assert run(["data", "info", str(store), "--format", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["splits"]) == splits


def test_train_says_which_splits_there_are_and_why_one_is_not(tmp_path, capsys):
    said = ends(capsys, 2, "train", made(tmp_path, 28, events=1))
    assert "no split 'event': 1 event, at least 3 are needed" in said.error
    assert "it has random: --split names one" in said
    said = ends(capsys, 3, "train", made(tmp_path, 1), "--split", "random")
    assert "no split 'random': 1 cascade, at least 3 are needed" in said.error
    assert "a file without a split can be scored, not trained on" in said
    assert "read more" not in said


def test_an_audit_without_the_default_split_says_so_and_makes_the_other_checks(tmp_path, capsys):
    def audited(*arguments):
        capsys.readouterr()
        assert run(["audit", *map(str, arguments), "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        return found["split"], {one["check"]: one["explanation"] for one in found["findings"]}

    store = made(tmp_path, 1)
    split, checks = audited(store, "--against", store)
    assert split is None
    assert "no split 'event' (1 event, at least 3 are needed" in checks["split"]
    assert "no split at all" in checks["split"]
    assert {"threads in both stores", "feature values", "target edges"} <= set(checks)
    assert not {"events across folds", "class balance"} & set(checks)
    split, checks = audited(made(tmp_path, 28, events=1))
    assert split == "random"
    assert "random is audited" in checks["split"]
    assert "events across folds" in checks
    assert "no split 'event'" in ends(capsys, 2, "audit", tmp_path / "few.h5", "--split", "event")


def test_a_file_without_a_readable_thread_is_an_error(tmp_path, capsys):
    raw = tmp_path / "none.jsonl"
    raw.write_text("")
    ends(capsys, 3, "preprocess", "jsonl", raw, "-o", tmp_path / "none.h5")
    assert not (tmp_path / "none.h5").exists()
