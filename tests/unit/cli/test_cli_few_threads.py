"""Files of few threads or events: written without what cannot be, and good for all but training."""

from __future__ import annotations

import json

import pytest

from commands import SMALL, ends
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


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train on 40 threads of 8 events; give the run folder."""
    folder = tmp_path_factory.mktemp("few")
    data = made(folder, 40)
    assert run(["train", str(data), "--epochs", "1", *SMALL, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("count", [1, 28])
def test_new_threads_are_classified_and_said_to_be_new(trained, tmp_path, capsys, count):
    store = made(tmp_path, count, events=1, prefix="new")
    capsys.readouterr()
    assert run(["predict", str(trained), str(store), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [row["part"] for row in found["predictions"]] == ["new"] * count
    assert {row["predicted"] for row in found["predictions"]} <= {"true", "false"}
    assert found["parts"] == {"train": 0, "validation": 0, "test": 0, "new": count}
    assert f"cascades by part of the run: {count} new" in err


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ((None,), "rumor detection is not scored: no cascade of the test set has a label"),
        (("true",), "rumor detection is not scored: all 28 labelled cascades are of one class"),
    ],
)
def test_links_are_scored_where_there_are_no_classes_to_tell_apart(
    trained, tmp_path, capsys, labels, why
):
    store = made(tmp_path, 28, events=7, labels=labels, prefix="new")
    arguments = ["evaluate", str(trained), "--on", str(store)]
    capsys.readouterr()
    assert run(arguments) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"note: {why}" in text
    assert "targets: all" in text
    assert "majority guess" not in text
    assert run([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rumor"], found["calibration"]) == (None, None)
    assert found["links"]["all"]["targets"] > 0
    assert not {"accuracy", "macro_f1"} & set(found["intervals"]["figures"])
    assert found["notes"][0].startswith(why)
    ends(capsys, 3, *arguments, "--deadlines", "0,all")


def test_one_thread_is_scored(trained, tmp_path, capsys):
    store = made(tmp_path, 1, prefix="new")
    capsys.readouterr()
    assert run(["evaluate", str(trained), "--on", str(store), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["on"]["cascades"], found["rumor"]) == (1, None)
    assert found["links"]["all"]["targets"] > 0
    assert found["notes"][0].endswith("the only labelled cascade is of class 'true'")


def test_deadlines_are_refused_for_threads_without_labels(trained, tmp_path, capsys):
    store = made(tmp_path, 28, events=1, labels=(None,), prefix="new")
    err = ends(capsys, 3, "evaluate", trained, "--on", store, "--deadlines", "0,all")
    assert f"no cascade of {store} that is scored has a label" in err
    assert "hint: score it on data with labels" in err


def test_training_without_labels_says_that_the_cascade_task_is_trained_alone(tmp_path, capsys):
    store = made(tmp_path, 40, labels=(None,))
    command = ["train", str(store), "--epochs", "1", *SMALL[:-1], "--out", str(tmp_path / "run")]
    capsys.readouterr()
    assert run([*command, "--dry-run"]) == 0
    why = "the rumor task is left out, and the cascade task is trained alone: no cascade of the"
    assert why in " ".join(capsys.readouterr().out.split())
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert why in " ".join(err.split())
    assert f"note: {why}" in " ".join(out.split())
    assert run(["predict", str(tmp_path / "run")]) == 0
    assert "the rumor task was not trained, and none is classified" in capsys.readouterr().out
    said = ends(capsys, 3, *command, "-s", "train.tasks=rumor", "-q")
    assert "the rumor task cannot be trained: no cascade of the training set has a label" in said
    assert "-s train.tasks=cascade" in said
