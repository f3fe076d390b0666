"""What ``train`` and ``evaluate`` ask of the engine; the engine itself is tested elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import dgljoint_data
from dgljoint import training
from dgljoint.config.sources import resolve_config
from dgljoint.runs.folders import default_folder
from dgljoint.training import RunResult
from dgljoint_cli.main import run


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.h5"
    assert run(["preprocess", "synthetic", "-o", str(path), "--name", "small", "-q",
                "-s", "cascades=30", "-s", "events=10", "-s", "world=mixed"]) == 0
    return path


@pytest.fixture
def asked(monkeypatch, tmp_path, scores):
    """Record what the engine is asked instead of training, in an empty folder."""
    calls = []

    def train(inputs, out, *, callbacks, resume=False, force=False, device="auto"):
        calls.append((inputs.config, out, resume, force, device))
        for callback in callbacks:
            callback.message("training")
        return RunResult(out, 3, replace(scores, part="validation"), scores)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.chdir(tmp_path)
    return calls


def test_flags_reach_the_engine(store, asked):
    assert run([
        "train", str(store), "--plugin", "contrastive", "--plugin", "meta_weight",
        "--encoder", "gcn", "-s", "contrastive.temperature=0.2", "-s", "train.batch=8",
        "--split", "random", "--fold", "1", "--seed", "7", "--epochs", "2", "--force",
        "--features", "time", "--features", "bow", "-s", "features.words=9",
        "--batch-posts", "500", "--precision", "bf16", "--tasks", "rumor", "--device", "cpu",
        "--merge", "rumor=true+false", "--labels", "rumor,non-rumor", "--init-from", "runs/a",
    ]) == 0
    ((config, out, resume, force, device),) = asked
    assert config.data == str(store)
    assert (config.encoder, config.plugins) == ("gcn", ("contrastive", "meta_weight"))
    assert config.options["contrastive"]["temperature"] == 0.2
    assert (config.split, config.fold, config.seed) == ("random", 1, 7)
    assert (config.train.epochs, config.train.batch) == (2, 8)
    assert (config.features.use, config.features.words) == (("bow", "time"), 9)
    assert (config.train.batch_posts, config.train.precision) == (500, "bf16")
    assert (config.train.tasks, config.train.init_from) == ("rumor", "runs/a")
    assert (config.labels, config.merge) == (("non-rumor", "rumor"), {"rumor": ("false", "true")})
    assert (resume, force, device) == (False, True, "cpu")
    assert out == Path("runs/small-gcn-contrastive+meta_weight-random1-s7")


def test_command_line_beats_environment_beats_file(store, asked, tmp_path, monkeypatch):
    file = tmp_path / "run.toml"
    file.write_text("seed = 1\nfold = 1\n[train]\nepochs = 4\nbatch = 16\n")
    monkeypatch.setenv("DGLJOINT_SEED", "2")
    monkeypatch.setenv("DGLJOINT_TRAIN__EPOCHS", "5")
    assert run(["train", str(store), "--config", str(file), "--epochs", "6"]) == 0
    ((config, *_),) = asked
    assert (config.seed, config.fold) == (2, 1)
    assert (config.train.epochs, config.train.batch) == (6, 16)


def test_data_path_is_kept_absolute(store, asked, monkeypatch):
    monkeypatch.chdir(store.parent)
    assert run(["train", store.name]) == 0
    assert asked[0][0].data == str(store)


def test_without_data_the_demo_set_is_used_and_named(store, asked, monkeypatch, capsys):
    places = []
    monkeypatch.setattr(
        dgljoint_data, "demo_store", lambda place: places.append(place) or store, raising=False
    )
    assert run(["train"]) == 0
    assert f"demo set, {store}" in capsys.readouterr().err
    assert asked[0][0].data == str(store)
    assert run(["train", "--out", "mine/one"]) == 0
    assert places == [Path("runs"), Path("mine")]


def test_result_is_data_on_stdout_and_talk_on_stderr(store, asked, capsys):
    assert run(["train", str(store), "--out", "here"]) == 0
    captured = capsys.readouterr()
    assert "rumor detection, 80 cascades · test set of small, split event, fold 0" in captured.out
    assert "run folder: here" in captured.out
    assert "training" in captured.err

    assert run(["train", str(store), "--out", "here", "--format", "json", "--quiet"]) == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert (values["run"], values["best_epoch"]) == ("here", 3)
    assert values["test"]["links"]["all"]["rows"]["model"]["mrr"] == 0.465
    assert values["validation"]["part"] == "validation"
    assert captured.err == ""


def test_resume_reads_the_settings_of_the_run(store, asked, tmp_path):
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / "config.toml").write_text(f'data = "{store}"\nseed = 5\n')
    assert run(["train", "--resume", "--out", str(folder)]) == 0
    ((config, out, resume, *_),) = asked
    assert (config.seed, config.data) == (5, str(store))
    assert (out, resume) == (folder, True)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--resume"], 2, "--out DIR"),
        (["--resume", "--force", "--out", "x"], 2, "exclude each other"),
        (["--plugin", "contrastiv"], 2, "did you mean 'contrastive'?"),
        (["--plugin", "fixed", "--plugin", "meta_weight"], 2, "'fixed' and 'meta_weight'"),
        (["--encoder", "fixed"], 2, "it is used as: --plugin fixed"),
        (["-s", "train.epoch=3"], 2, "did you mean 'epochs'?"),
        (["-s", "trian.epochs=3"], 2, "did you mean 'train'?"),
        (["-s", "epochs=3"], 2, "not of the form NAME.KEY=VALUE"),
        (["--epochs", "0"], 2, "train.epochs"),
        (["-s", "features.use="], 2, "name at least one feature"),
        (["--features", ""], 2, "name at least one feature"),
        (["--split", "evnt"], 2, "did you mean 'event'?"),
        (["--config", "missing.toml"], 2, "cannot read missing.toml"),
    ],
)
def test_wrong_requests_never_reach_the_engine(
    store, asked, capsys, arguments, exit_code, message
):
    assert run(["train", str(store), *arguments]) == exit_code
    assert message in capsys.readouterr().err
    assert asked == []


@pytest.mark.usefixtures("asked")
def test_data_that_is_missing_or_foreign_exits_3(tmp_path, capsys):
    foreign = tmp_path / "foreign.h5"
    foreign.write_text("not HDF5")
    for path in (tmp_path / "missing.h5", foreign):
        assert run(["train", str(path)]) == 3
        assert str(path) in capsys.readouterr().err


def test_dry_run_shows_the_plan_and_writes_nothing(store, asked, tmp_path, capsys):
    arguments = ["train", str(store), "--plugin", "contrastive", "--dry-run"]
    assert run(arguments) == 0
    assert "interaction contrastive" in capsys.readouterr().out
    assert run([*arguments, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["losses"] == ["cascade", "rumor", "contrastive"]
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_default_folder_gets_a_number_when_taken(tmp_path):
    config = resolve_config(command_line={"plugins": ("contrastive",)})
    first = default_folder(config, "my data", tmp_path)
    assert first == tmp_path / "my_data-bigcn-contrastive-event0-s0"
    first.mkdir()
    assert default_folder(config, "my data", tmp_path) == first
    (first / "config.toml").touch()
    second = default_folder(config, "my data", tmp_path)
    assert second.name == f"{first.name}-2"


def test_evaluate_of_no_run_folder_exits_3(tmp_path, capsys):
    assert run(["evaluate", str(tmp_path)]) == 3
    assert "config.toml" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["test", "validation"])
def test_evaluate_asks_for_the_part_named(store, tmp_path, monkeypatch, scores, capsys, part):
    (tmp_path / "config.toml").write_text(f'data = "{store}"\nsplit = "random"\n')
    manifest = {"data": {"name": "small"}, "split": {"kept_apart": None}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    def evaluate_run(folder, *, part, predictions, device="auto"):
        assert (folder, predictions) == (tmp_path, None)
        return replace(scores, part=part)

    monkeypatch.setattr(training, "evaluate_run", evaluate_run)
    assert run(["evaluate", str(tmp_path), "--part", part]) == 0
    assert f"{part} set of small, split random, fold 0: RANDOM FOLDS" in capsys.readouterr().out
    assert run(["evaluate", str(tmp_path), "--part", part, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["part"] == part


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("time", "its later cascades, EVENTS NOT KEPT APART"),
        ("leave-one-event-out", "no event on both sides"),
    ],
)
def test_every_split_trains_and_says_what_it_keeps_apart(store, tmp_path, capsys, split, said):
    arguments = ["train", str(store), "--split", split, "--epochs", "1", "-s", "model.width=8"]
    assert run([*arguments, "-q", "--out", str(tmp_path / "run")]) == 0
    assert said in capsys.readouterr().out


def test_nothing_is_tested_by_what_came_later(store, capsys):
    assert run(["train", str(store), "--split", "time", "--dry-run", "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["split"]["ordered_by"], sum(plan["parts"].values())) == ("time", 30)
    assert len(plan["split"]["digest"]) == 32
    assert run(["train", str(store), "--split", "time", "--fold", "4", "--dry-run"]) == 2
    assert "folds 0 to 3, not 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "chosen",
    [["--features", "structure", "--features", "bow"], ["-s", "features.use=structure,bow"]],
)
def test_the_plan_shows_the_features_in_use(store, capsys, chosen):
    assert run(["train", str(store), *chosen, "--dry-run", "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert set(plan["data"]["features"]) == {"bow", "structure"}
    assert plan["settings"]["features"]["use"] == ["bow", "structure"]
    assert run(["train", str(store), "--features", "bov", "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert "has no feature 'bov'" in error
    assert "did you mean 'bow'?" in error


def test_hashed_words_alone_are_enough_to_train(tmp_path, capsys):
    data = tmp_path / "hashed.h5"
    assert run(["preprocess", "synthetic", "-o", str(data), "-q", "-s", "cascades=30",
                "-s", "events=10", "--features", "bow_hashed:columns=512"]) == 0
    out = tmp_path / "run"
    assert run(["train", str(data), "--epochs", "1", "-s", "model.width=8", "-q", "--out",
                str(out)]) == 0
    assert 'use = [\n    "bow_hashed",\n]' in (out / "config.toml").read_text()
    capsys.readouterr()
    assert run(["evaluate", str(out), "--part", "test"]) == 0
