"""Many runs of one configuration: their plan, their processes, and what is left of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Site
from dgljoint.data.store import CascadeStore, put_split
from dgljoint.errors import DataError, InterruptedRunError, RunFailedError, UsageError
from dgljoint.runs.many import runner
from dgljoint.runs.many import study as studies
from dgljoint.runs.many.job import Job
from dgljoint.runs.many.runner import RunsProgress
from dgljoint.runs.many.study import (
    Study,
    check_runs,
    folds_and_seeds,
    is_study,
    plan_study,
    train_study,
)
from dgljoint.runs.records import UNFINISHED, RunRecord
from runs import assert_same_run, run
from toys import toy_config

# Does what its run's folder is named after, until the file MENDED is there.
MOODY = """
    import os
    import signal
    import sys
    import time
    from pathlib import Path

    import dgljoint
    from dgljoint.nn import Interaction

    class Moody(Interaction):
        loss_coefficients = {"mood": 1.0}

        def losses(self, reps, outputs, batch):
            print("words of a plugin")
            mood = reps.rumor.sum() * 0
            cell = Path(sys.argv[1]).name if "run_process" in sys.argv[0] else ""
            if not Path(os.environ["MENDED"]).exists():
                if cell.startswith("fold1"):
                    mood = mood * float("nan")
                if cell.startswith("fold2"):
                    if not os.fork():  # nobody waits for it
                        time.sleep(30)
                        Path(os.environ["MENDED"]).with_name("outlived").touch()
                        os._exit(0)
                    os.kill(os.getpid(), signal.SIGKILL)
            return {"mood": mood}

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(
            name="moody", summary="x", build=lambda options, context: Moody()
        )]
"""


class Told(RunsProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failures: list[int] = []

    def start(self, left: int, done: int, jobs: int) -> None:
        self.lines.append(f"{done} of {left + done}")

    def epoch(self, job: Job, epoch: int, epochs: int, score: float | None) -> None:
        self.lines.append(f"{job.key} {epoch}/{epochs} {score is not None}")

    def end(self, record: RunRecord) -> None:
        self.lines.append(f"{record.key} ended")
        if record.state == "failed":
            self.failures.append(record.key.fold)


def planned(
    store: CascadeStore, folder: Path, *assignments: str, folds: tuple[int, ...] | None = None,
    seeds: tuple[int, ...] = (0,), **fields: object,
) -> Study:
    config = toy_config(store, "train.epochs=2", *assignments, encoder="gcn", **fields)
    return plan_study(config, folder, folds=folds, seeds=seeds)


@pytest.fixture
def moody(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the plugin; give the file that mends it."""
    site.install("moody", {"moody": "moody"}, moody=MOODY)
    monkeypatch.setenv("MENDED", str(tmp_path / "mended"))
    return tmp_path / "mended"


def test_all_folds_come_with_the_first_seed_and_then_with_the_next(
    store: CascadeStore, tmp_path: Path
) -> None:
    study = planned(store, tmp_path / "s", seeds=(3, 5))
    assert [job.folder.name for job in study.jobs] == [
        f"fold{fold}-seed{seed}" for seed in (3, 5) for fold in range(4)
    ]
    config, sizes = study.jobs[5].trials[0].run_config, study.sizes[5]
    assert (config.fold, config.seed) == (1, 5)
    assert sizes["test"] == int((store.split("event").fold == 1).sum())
    assert sum(sizes.values()) == len(store)
    assert sizes["meta"] == 0
    weighed = planned(store, tmp_path / "s", folds=(0,), plugins=("meta_weight",))
    assert weighed.sizes[0]["meta"] > 0
    assert not (tmp_path / "s").exists()


def test_the_last_fold_of_an_ordered_split_is_none_to_test(
    store: CascadeStore, tmp_path: Path
) -> None:
    ordered = put_split(
        store, "later", store.split("random").fold, grouped_by="", ordered_by="time"
    )
    assert planned(ordered, tmp_path, split="later").folds == (0, 1, 2)
    with pytest.raises(UsageError, match="folds 0 to 2, not 3"):
        planned(ordered, tmp_path, split="later", folds=(3,))


def test_what_fails_stops_no_other_and_is_made_good_later(
    store: CascadeStore, tmp_path: Path, moody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run diverges and one is killed; the third is as if it were alone."""
    # The processes look for nothing where they are started.
    (tmp_path / "torch.py").write_text("raise SystemExit('this is not torch')")
    monkeypatch.chdir(tmp_path)
    out, told = tmp_path / "s", Told()
    study = planned(store, out, folds=(1, 2, 0), plugins=("moody",))
    summary = train_study(study, jobs=2, progress=told)
    assert [one.state for one in summary.runs] == ["failed", "failed", "done"]
    assert [one.exit_code for one in summary.runs] == [5, 1, 0]
    diverged, killed, done = summary.runs
    assert "mood is nan in epoch 1, step 1" in str(diverged.message)
    assert diverged.log is not None
    assert "Traceback" in Path(diverged.log).read_text()
    assert "words of a plugin" in Path(diverged.log).read_text()
    assert killed.message == "its process was killed, perhaps for want of memory"
    assert not (tmp_path / "outlived").exists()
    assert sorted(told.failures) == [1, 2]
    assert [line for line in told.lines if line.startswith("fold 0")] == [
        "fold 0, seed 0 0/2 False", "fold 0, seed 0 1/2 True", "fold 0, seed 0 2/2 True",
        "fold 0, seed 0 ended",
    ]
    written = json.loads((out / "summary.json").read_text())
    assert written == json.loads(json.dumps(summary.to_dict()))
    assert written["figures"]["model"]["accuracy"] == {
        "mean": done.figures["model"]["accuracy"], "sd": None, "n": 1
    }

    moody.touch()
    before = (out / "fold0-seed0" / "scores.json").stat().st_mtime_ns
    again = Told()
    summary = train_study(study, jobs=2, progress=again, resume=True)
    assert again.lines[0] == "1 of 3"
    assert (out / "fold0-seed0" / "scores.json").stat().st_mtime_ns == before
    assert summary.error() is None
    assert {one.message for one in summary.runs} == {None}
    assert summary.figures["model"]["accuracy"].n == 3
    for fold in (0, 2):
        alone = tmp_path / f"alone{fold}"
        run(store, alone, "train.epochs=2", encoder="gcn", fold=fold, plugins=("moody",))
        assert_same_run(out / f"fold{fold}-seed0", alone)


@pytest.fixture
def finished(store: CascadeStore, tmp_path: Path) -> Path:
    """Give the folder of a study whose only run is done, without a process."""
    out = tmp_path / "s"
    (job,) = planned(store, out, folds=(1,)).jobs
    run(store, job.folder, "train.epochs=2", encoder="gcn", fold=1)
    return out


def test_a_finished_run_is_taken_as_it_is(store: CascadeStore, finished: Path) -> None:
    (finished / ".summary.json.123.tmp").touch()  # of a study that was killed while it wrote
    summary = train_study(
        planned(store, finished, folds=(1,)), progress=RunsProgress(), resume=True
    )
    scores = json.loads((finished / "fold1-seed0" / "scores.json").read_text())["test"]
    assert summary.runs[0].figures["model"]["macro_f1"] == scores["rumor"]["macro_f1"]
    assert summary.figures["model"]["mrr"].mean == (
        scores["links"]["all"]["rows"]["model"]["mrr"]
    )
    assert sorted(path.name for path in finished.iterdir()) == [
        "fold1-seed0", "settings.toml", "summary.json"
    ]
    assert is_study(finished)
    assert folds_and_seeds(finished) == ((1,), (0,))


def test_a_damaged_run_is_said(store: CascadeStore, finished: Path) -> None:
    (finished / "fold1-seed0" / "scores.json").write_text('{"test": {"rumor": 3, "links": {}}}')
    with pytest.raises(DataError, match=r"fold1-seed0: scores\.json"):
        train_study(planned(store, finished, folds=(1,)), progress=RunsProgress(), resume=True)


def test_runs_of_another_configuration_or_of_other_data_are_not_gone_on_with(
    store: CascadeStore, finished: Path
) -> None:
    with pytest.raises(UsageError, match=r"fold1-seed0 was started with .*batch 8 -> 4"):
        train_study(
            planned(store, finished, "train.batch=4"), progress=RunsProgress(), resume=True
        )
    other = put_split(
        store, "event", (store.split("event").fold + 1) % 4, grouped_by="event"
    )
    with pytest.raises(DataError, match="split 'event' of"):
        check_runs(planned(other, finished))
    check_runs(planned(other, finished, "train.batch=4"), started_over=True)


def test_a_folder_that_holds_something_is_refused(store: CascadeStore, finished: Path) -> None:
    study = planned(store, finished, folds=(1,))
    with pytest.raises(UsageError, match="is not empty") as refused:
        train_study(study, progress=RunsProgress())
    assert "--resume" in (refused.value.hint or "")
    single = finished / "fold1-seed0"
    with pytest.raises(UsageError, match="is the folder of a single run"):
        train_study(planned(store, single), progress=RunsProgress(), resume=True)
    file = finished / "file"
    file.touch()
    with pytest.raises(UsageError, match="is no folder"):
        train_study(planned(store, file), progress=RunsProgress())


def test_force_forgets_what_the_runs_came_to(
    store: CascadeStore, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Job] = []

    def run_job(job: Job, *rest: object) -> RunRecord:
        started.append(job)
        return RunRecord(job.key, "", UNFINISHED)

    monkeypatch.setattr(runner, "run_job", run_job)
    study = planned(store, finished, folds=(1,))
    with pytest.raises(RunFailedError):
        train_study(study, progress=RunsProgress(), force=True)
    assert started == list(study.jobs)
    assert not (finished / "fold1-seed0" / "scores.json").exists()
    assert not (finished / "fold1-seed0" / "checkpoints" / "last.safetensors").exists()


def test_a_second_ctrl_c_leaves_no_process_and_says_how_to_go_on(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "_SECONDS_TO_WAIT", 0.0)
    study = planned(store, tmp_path / "s", folds=(0, 1))

    class Impatient(RunsProgress):
        def begin(self, job: Job) -> None:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="0 of 2 runs are done") as stopped:
        train_study(study, jobs=2, progress=Impatient())
    assert (stopped.value.hint or "").endswith(f"--resume --out {tmp_path / 's'} --jobs 2")
    with pytest.raises(UsageError, match="is not empty"):  # and not in use
        train_study(study, progress=RunsProgress())


def test_two_do_not_train_in_one_folder(
    store: CascadeStore, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "_SECONDS_TO_WAIT", 0.0)
    study = planned(store, finished, folds=(1,))

    class Second(RunsProgress):
        def start(self, left: int, done: int, jobs: int) -> None:
            with pytest.raises(RunFailedError, match="another process is training in"):
                train_study(study, progress=RunsProgress(), resume=True)

    train_study(study, progress=Second(), resume=True)
    train_study(study, progress=RunsProgress(), resume=True)


@pytest.mark.parametrize("text", ["", "[]", '{"folds": [0]}', '{"folds": "01", "seeds": [0]}'])
def test_a_damaged_summary_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(DataError, match=r"summary\.json is not readable"):
        folds_and_seeds(tmp_path)
