"""``train --folds --seeds``: what the engine is asked and what is shown; it has its own tests."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from commands import ends
from dgljoint._internal.text import show_duration
from dgljoint.errors import DivergedError
from dgljoint.runs.many import study as engine
from dgljoint.runs.many.job import Job
from dgljoint.runs.records import Key, RunRecord, failed
from dgljoint.runs.stored import Protocol
from dgljoint.runs.summary import Spread, StudySummary
from dgljoint.training.lines import LineRunsProgress
from dgljoint_cli.console import Talk
from dgljoint_cli.main import run
from dgljoint_cli.progress import BarRunsProgress, watching_runs

BOOM = DivergedError("boom is nan", hint="lower the rate")
DONE = RunRecord(Key("", "", "gcn", 0, 0), "", "done", figures={"model": {"accuracy": 0.5}})
FAILED = failed(Key("", "", "gcn", 1, 0), "", BOOM, "a.log")
FIGURES = {
    "model": {"accuracy": Spread(0.5, 0.25, 4), "mrr": Spread(0.25, 0.125, 3)},
    "majority guess": {"accuracy": Spread(0.4, None, 4)},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.h5"
    assert run(["preprocess", "synthetic", "-o", str(path), "--name", "small", "-q",
                "-s", "cascades=30", "-s", "events=10"]) == 0
    return path


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Record what the engine is asked instead of training, in an empty folder; give its answer."""
    calls = []
    cells = (DONE,) * 4

    def train_study(study, *, jobs, progress, resume, force):
        calls.append((study, jobs, resume, force))
        progress.start(4, 0, 1)
        protocol = Protocol("small", "event", 0, "event")
        return StudySummary(protocol, study.folds, study.seeds, answer["cells"], FIGURES)

    answer = {"cells": cells, "calls": calls}
    monkeypatch.setattr(engine, "train_study", train_study)
    monkeypatch.chdir(tmp_path)
    return answer


def test_every_pair_is_a_run_of_the_configuration(store, asked):
    assert run(["train", str(store), "--plugin", "contrastive", "--folds", "0,2-3", "--seeds",
                "1-2", "--jobs", "3", "--epochs", "7", "--split", "random", "--force",
                "--device", "cpu"]) == 0
    ((study, jobs, resume, force),) = asked["calls"]
    assert (jobs, resume, force, study.jobs[0].device) == (3, False, True, "cpu")
    assert study.folder == Path("runs/small-bigcn-contrastive-random0_2-3-s1-2")
    configs = [job.trials[0].run_config for job in study.jobs]
    assert {(config.fold, config.seed) for config in configs} == {
        (fold, seed) for fold in (0, 2, 3) for seed in (1, 2)
    }
    for job, config in zip(study.jobs, configs, strict=True):
        assert job.folder.parent == study.folder.resolve()
        assert (config.train.epochs, config.split) == (7, "random")
        assert config.plugins == ("contrastive",)


@pytest.mark.parametrize(
    ("arguments", "folds", "seeds"),
    [
        (["--folds", "all"], (0, 1, 2, 3, 4), (0,)),
        (["--folds", "all", "--split", "time"], (0, 1, 2, 3), (0,)),
        (["--folds", "all", "--split", "leave-one-event-out"], tuple(range(10)), (0,)),
        (["--folds", "all", "--seed", "4"], (0, 1, 2, 3, 4), (4,)),
        (["--seeds", "0,3"], (0,), (0, 3)),
        (["--seeds", "5", "--fold", "2"], (2,), (5,)),
    ],
)
def test_what_is_not_given_is_that_of_the_configuration(store, asked, arguments, folds, seeds):
    assert run(["train", str(store), *arguments, "--out", "s"]) == 0
    ((study, jobs, *_),) = asked["calls"]
    assert (study.folds, study.seeds, jobs) == (folds, seeds, 1)


@pytest.fixture
def begun(store, tmp_path) -> Path:
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / "settings.toml").write_text(f'data = "{store}"\nencoder = "sage"\n')
    (folder / "summary.json").write_text('{"folds": [1, 2], "seeds": [0, 5]}')
    return folder


@pytest.mark.parametrize(
    ("arguments", "folds", "seeds"),
    [
        ([], (1, 2), (0, 5)),
        (["--seeds", "0-1"], (1, 2), (0, 1)),
        (["--folds", "all"], (0, 1, 2, 3, 4), (0, 5)),
        (["--fold", "2"], (2,), (0, 5)),
    ],
)
def test_resume_knows_the_runs_and_their_settings(begun, asked, arguments, folds, seeds):
    assert run(["train", "--resume", "--out", str(begun), *arguments]) == 0
    ((study, _, resume, *_),) = asked["calls"]
    assert (study.folds, study.seeds, resume) == (folds, seeds, True)
    assert study.jobs[0].trials[0].run_config.encoder == "sage"


def test_resume_of_what_was_never_begun_starts(store, asked):
    assert run(["train", str(store), "--folds", "0-1", "--resume", "--out", "new"]) == 0
    assert asked["calls"][0][0].folds == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--folds", "all", "--fold", "1"], 2, "--fold and --folds exclude each other"),
        (["--seeds", "0", "--seed", "1"], 2, "--seed and --seeds exclude each other"),
        (["--jobs", "2"], 2, "--jobs is for several runs"),
        (["--folds", "all", "--jobs", "0"], 2, "--jobs"),
        (["--folds", "two"], 2, "--folds 'two' is no list of numbers"),
        (["--seeds", "all"], 2, "--seeds 'all' is no list of numbers"),
        (["--folds", "0-9"], 2, "has the folds 0 to 4, not 5"),
        (["--folds", "all", "--resume"], 2, "--resume does not know which run"),
        (["--folds", "all", "--plugin", "contrastiv"], 2, "no plugin is named 'contrastiv'"),
    ],
)
def test_wrong_requests_never_reach_the_engine(
    store, asked, capsys, arguments, exit_code, message
):
    assert message in ends(capsys, exit_code, "train", store, *arguments).error
    assert asked["calls"] == []


def test_torchrun_is_not_multiplied(store, asked, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "torchrun" in ends(capsys, 2, "train", store, "--folds", "all").error


def test_the_table_has_guesses_beside_means_and_the_protocol_above(store, asked, capsys):
    assert run(["train", str(store), "--folds", "0-1", "--seeds", "0-1", "--out", "s"]) == 0
    out = capsys.readouterr().out
    assert out == (
        "test set of small, split event, folds 0-1, seeds 0-1: no event on both sides · "
        "mean ± standard deviation over 4 runs\n"
        "                     accuracy                   MRR\n"
        "model           0.500 ± 0.250  0.250 ± 0.125 (of 3)\n"
        "majority guess          0.400                     –\n"
        "the model beats the best trivial baseline in accuracy (+0.100, majority guess)\n"
        "\n"
        "run folders: s\n"
    )


def test_the_result_is_json_when_asked_for(store, asked, capsys):
    assert run(["train", str(store), "--folds", "0", "--out", "s", "--format", "json", "-q"]) == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert (values["study"], values["split"], values["folds"]) == ("s", "event", [0])
    assert values["figures"]["model"]["mrr"] == {"mean": 0.25, "sd": 0.125, "n": 3}
    assert values["cells"][0]["figures"] == {"accuracy": 0.5}
    assert captured.err == ""


@pytest.mark.parametrize("form", ["table", "json"])
def test_failed_runs_are_listed_after_the_table_of_the_others(store, asked, capsys, form):
    asked["cells"] = (DONE, FAILED)
    assert run(["train", str(store), "--folds", "0-1", "--out", "s", "--format", form, "-q"]) == 5
    out, err = capsys.readouterr()
    assert err == (
        "error: 1 of 2 runs failed:\n  fold 1, seed 0: boom is nan\nhint: lower the rate\n"
    )
    if form == "json":
        assert json.loads(out)["cells"][1]["message"] == "boom is nan"
    else:
        assert "NOT IN THE TABLE, 1 run: fold 1, seed 0 (failed)" in out
        assert "over 1 run\n" in out


def test_dry_run_shows_the_runs_and_writes_nothing(store, asked, tmp_path, capsys):
    arguments = ["train", str(store), "--split", "time", "--folds", "all", "--plugin",
                 "meta_weight", "--jobs", "2", "--dry-run"]
    assert run(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "4 runs, 2 at a time, in runs/small-bigcn-meta_weight-time0-3-s0: "
        "cascades of each set"
    )
    assert lines[1].split() == ["run", "state", "train", "meta", "validation", "test"]
    assert lines[2].split()[:3] == ["fold0-seed0", "not", "started"]
    assert "loss weighter meta_weight" in "\n".join(lines)

    assert run([*arguments, "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [cell["run"] for cell in plan["cells"]] == [f"fold{fold}-seed0" for fold in range(4)]
    assert plan["cells"][0]["parts"] == plan["first"]["parts"]
    assert plan["cells"][0]["state"] == "not started"
    assert (plan["seeds"], plan["jobs"]) == ([0], 2)
    assert asked["calls"] == []
    assert list(tmp_path.iterdir()) == []


def job_of(fold: int) -> Job:
    key = Key("", "", "gcn", fold, 0)
    return Job(key, Path(f"fold{fold}-seed0"), (), Path("toy.h5"), "event", fold)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_lines_say_what_ended_and_what_is_left(capsys):
    clock = Clock()
    talk = Talk(verbose=True)
    view = LineRunsProgress(talk.info, talk.detail, clock)
    first, second, third = job_of(0), job_of(1), job_of(2)
    view.start(3, 1, 2)
    assert view.seconds_left is None
    view.begin(first)
    view.begin(second)
    view.epoch(first, 0, 4, None)
    view.epoch(second, 2, 4, None)  # had been interrupted: what it had done is no work of now
    clock.now += 30
    view.epoch(first, 2, 4, 0.5)
    assert view.seconds_left == pytest.approx(30 / 0.5 * 2)
    clock.now += 30
    view.epoch(first, 4, 4, 0.25)
    view.end(RunRecord(first.key, "", "done", seconds=60, peak_megabytes=1234))
    view.end(FAILED)
    view.begin(third)
    view.stop(1)
    assert capsys.readouterr().err.splitlines() == [
        "3 runs, 2 at a time; 1 of 4 are done already",
        "fold 0, seed 0: started",
        "fold 1, seed 0: started",
        "fold 0, seed 0: epoch 2/4, validation score 0.500",
        "fold 0, seed 0: epoch 4/4, validation score 0.250",
        "fold 0, seed 0: done, 1 min, 1,234 MB; 2 of 4 ended, about 2 min left",
        "fold 1, seed 0: FAILED: boom is nan; 3 of 4 ended, 1 FAILED, about 30 s left",
        "fold 2, seed 0: started",
        "interrupted: 1 running; each finishes its step and is saved",
    ]


def test_a_terminal_gets_a_bar_a_run():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, highlight=False)
    view = BarRunsProgress(console, Talk())
    one = job_of(3)
    with view.bar:
        view.start(2, 0, 1)
        view.begin(one)
        view.epoch(one, 0, 4, None)
        view.epoch(one, 1, 4, 0.5)
        shown = [task.description for task in view.bar.tasks]
        units = [task.fields["unit"] for task in view.bar.tasks]
        view.end(RunRecord(one.key, "", "done", figures={"model": {"accuracy": 0.5}}))
    assert shown == ["all", "fold 3, seed 0"]
    assert units[0] == "runs, about 0 s left"
    assert units[1] == "epochs, at most, validation score 0.500"
    assert [task.description for task in view.bar.tasks] == ["all"]
    assert "fold 3, seed 0: done, accuracy 0.500; 1 of 2 ended" in file.getvalue()


def test_quiet_shows_nothing_and_a_terminal_bars(monkeypatch, capsys):
    with watching_runs(Talk(quiet=True)) as progress:
        progress.start(1, 1, 1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with watching_runs(Talk()) as progress:
        assert isinstance(progress, BarRunsProgress)


def test_duration_has_two_units_at_most():
    durations = [show_duration(seconds) for seconds in (0.4, 59, 90, 3600, 7300)]
    assert durations == ["0 s", "59 s", "2 min", "1 h 0 min", "2 h 2 min"]
