"""From a suite to its jobs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgljoint.data.store import create_store
from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint.runs.many.job import digest_of
from dgljoint_bench.suites.plan import SuitePlan, plan_suite
from dgljoint_bench.suites.suite import Suite
from suites import TINY, plan_of, suite_of
from toys import toy_cascade, toy_store


def test_jobs_come_fold_by_fold_and_rows_without_a_model_once_a_fold(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, seeds=[0, 3])
    assert [str(job.key) for job in plan.jobs] == [
        f"toy, {what}"
        for seed in (0, 3) for fold in (0, 1)
        for what in (
            f"joint, fold {fold}, seed {seed}", f"rumor alone, fold {fold}, seed {seed}",
            *([f"without a model, fold {fold}"] if seed == 0 else []),
        )
    ]
    folders = {job.folder for job in plan.jobs}
    assert len(folders) == len(plan.jobs)
    assert all(folder.is_absolute() for folder in folders)


def test_data_without_labels_have_no_row_of_classifiers(tmp_path: Path) -> None:
    cascades = [toy_cascade(f"c{n}", [-1, 0, 0, 1], label=None) for n in range(8)]
    with create_store(tmp_path / "toy.h5", name="toy", reader="x", label_names=()) as writer:
        for cascade in cascades:
            writer.add(cascade, {"extra": np.ones((len(cascade), 1), np.float32)})
        writer.set_split("event", np.arange(8) % 4, grouped_by="event")
    plan = plan_of(tmp_path)
    assert {job.key.configuration for job in plan.jobs} == {"joint", "rumor alone"}


def test_layers_of_settings_go_from_the_suite_to_the_trial(tmp_path: Path) -> None:
    text = """
    summary = "layers"
    trials = [{}, { train = { learning_rate = 0.5 } }]
    [settings]
    encoder = "gcn"
    model = { width = 8, dropout = 0.3 }
    train = { epochs = 2, batch = 4, learning_rate = 0.1 }
    [[tables]]
    data = "toy"
    folds = [1]
    settings = { model = { width = 16 }, train = { batch = 16, learning_rate = 0.2 } }
    [configurations.a]
    settings = { train = { learning_rate = 0.3 }, model = { dropout = 0.4 } }
    """
    (job,) = (one for one in plan_of(tmp_path, text, seeds=[5]).jobs if one.trials)
    first, second = (trial.config for trial in job.trials)
    assert (first["fold"], first["seed"], first["encoder"]) == (1, 5, "gcn")
    assert (first["model"]["width"], first["model"]["dropout"]) == (16, 0.4)
    assert (first["train"]["batch"], first["train"]["epochs"]) == (16, 2)
    assert (first["train"]["learning_rate"], second["train"]["learning_rate"]) == (0.3, 0.5)
    assert job.trials[1].settings == {"train": {"learning_rate": 0.5}}


def test_variables_of_the_environment_are_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGLJOINT_TRAIN__EPOCHS", "1")
    assert plan_of(tmp_path).jobs[0].trials[0].config["train"]["epochs"] == 2


def test_a_preset_stands_under_the_settings_of_the_suite(tmp_path: Path) -> None:
    text = TINY + '[configurations.all]\npreset = "hybrid"\n'
    plan = plan_of(tmp_path, text, configurations=["all"], folds=[0])
    config = plan.jobs[0].trials[0].config
    assert {"contrastive", "meta_weight"} <= set(config["plugins"])
    assert (config["encoder"], config["model"]["width"]) == ("gcn", 8)


def _digests(plan: SuitePlan) -> list[str]:
    return [job.digest for job in plan.jobs]


def test_a_digest_hangs_on_the_settings_and_not_on_the_place(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    assert len(set(_digests(plan))) == len(plan.jobs)
    moved = tmp_path / "elsewhere" / "other.h5"
    moved.parent.mkdir()
    shutil.copy(tmp_path / "toy.h5", moved)
    again = plan_suite(
        suite_of(tmp_path), {"toy": moved}, tmp_path / "other out", installed_registry()
    )
    assert _digests(again) == _digests(plan)
    assert {job.data for job in again.jobs} == {moved}
    wider = plan_of(tmp_path, TINY.replace("width = 8", "width = 16"))
    models = [job for job in wider.jobs if job.trials]
    assert not {job.digest for job in models} & set(_digests(plan))
    early = plan_of(tmp_path, TINY.replace("summary", 'deadlines = "1h,all"\nsummary', 1))
    assert not set(_digests(early)) & set(_digests(plan))
    toy_store(moved, seed=1)
    other = plan_suite(suite_of(tmp_path), {"toy": moved}, tmp_path, installed_registry())
    assert not set(_digests(other)) & set(_digests(plan))


def test_what_is_asked_must_be_the_same_for_all(tmp_path: Path) -> None:
    own = TINY + '[configurations.early]\nsettings = { cascade = { observed_share = 0.2 } }\n'
    with pytest.raises(UsageError, match=r"observe \[0\.2, 0\.\d+\] of the posts"):
        plan_of(tmp_path, own)
    whole = TINY.replace("settings = {", "settings = { cascade = { observed_share = 0.2 },", 1)
    plan = plan_of(tmp_path, whole)
    assert {job.observed_share for job in plan.jobs if not job.trials} == {0.2}


def test_the_noise_floor_is_one_configuration_with_other_seeds(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 'noise_floor = "joint"\n' + TINY, seeds=[0, 3])
    other = "joint, other seeds"
    assert list(plan.suite.configurations) == ["joint", other, "rumor alone"]
    runs = {(j.key.configuration, j.key.fold, j.key.seed): j.trials[0].config
            for j in plan.jobs if j.trials}
    for fold in (0, 1):
        for seed in (0, 3):
            own, again = (runs[name, fold, seed] for name in ("joint", other))
            assert (own["seed"], again["seed"]) == (seed, seed + 1_000_000)
            assert {**own, "seed": 0} == {**again, "seed": 0}
    # A suite that was stored with its rows is read back as it is.
    assert Suite.model_validate(plan.suite.model_dump(mode="json")) == plan.suite
    without = 'noise_floor = "joint"\n' + TINY.replace("folds =", 'without = ["joint"]\nfolds =')
    named = {job.key.configuration for job in plan_of(tmp_path, without).jobs}
    assert named == {"rumor alone", ""}
    with pytest.raises(UsageError, match="there is no configuration 'jiont'"):
        plan_of(tmp_path, 'noise_floor = "jiont"\n' + TINY)


def test_the_classes_of_a_table_are_those_of_all_its_runs(tmp_path: Path) -> None:
    merged = TINY.replace("folds = [0, 1]", 'folds = [0]\nsettings = { merge = ["yes=true"] }')
    plan = plan_of(tmp_path, merged)
    assert {tuple(job.merge.items()) for job in plan.jobs} == {(("yes", ("true",)),)}
    assert all(t.config["merge"] == {"yes": ["true"]} for job in plan.jobs for t in job.trials)
    plain = {job.key: job.digest for job in plan_of(tmp_path).jobs}
    assert all(plain[job.key] != job.digest for job in plan.jobs)
    other = TINY.replace('= "rumor" } }', '= "rumor" }, merge = ["yes=true"] }')
    with pytest.raises(UsageError, match="configurations of other classes: all and yes = true"):
        plan_of(tmp_path, other)
    with pytest.raises(UsageError, match="table 'toy': labels names the class 'ture'") as caught:
        plan_of(tmp_path, TINY.replace("= { encoder", '= { labels = ["ture", "false"], encoder'))
    assert "did you mean 'true'?" in str(caught.value.hint)


@pytest.mark.parametrize("setting", ["epochs = 9", "patience = 9"])
def test_budgets_must_be_equal_wherever_they_are_set(
    tmp_path: Path, setting: str
) -> None:
    train = f"settings = {{ train = {{ {setting} }} }}"
    for own in (
        TINY.replace('tasks = "rumor"', setting),
        TINY + f"trials = [{{ train = {{ {setting} }} }}]",
    ):
        with pytest.raises(UsageError, match="unequal budgets: 'joint' 2 epochs and patience"):
            plan_of(tmp_path, own, configurations=["joint"])
    plan_of(tmp_path, TINY.replace("folds", f"{train}\nfolds"))
    preset = tmp_path / "long.toml"
    preset.write_text(f'summary = "trains longer"\n[train]\n{setting}\n')
    unset = TINY.replace(", epochs = 2", "") + f"[configurations.a]\npreset = '{preset}'"
    with pytest.raises(UsageError, match="unequal budgets"):
        plan_of(tmp_path, unset)


def test_a_job_is_planned_with_its_program(tmp_path: Path) -> None:
    program = plan_of(tmp_path, folds=[0]).jobs[0].program
    assert program["source of dgljoint"]
    assert program["torch"] == metadata.version("torch")


def test_any_run_of_the_suite_has_its_digest(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, configurations=["joint"], folds=[0])
    whole = plan_of(tmp_path, seeds=[0, 5])
    assert {c.key: plan.digest_of(c.key) for c in whole.jobs} == {
        c.key: c.digest for c in whole.jobs
    }
    key = plan.jobs[0].key
    with pytest.raises(UsageError, match="no seed 9223372036854775808"):
        plan_of(tmp_path, seeds=[1 << 63])
    for other in ({"data": "gone"}, {"configuration": "gone"}, {"fold": 77}):
        assert plan.digest_of(replace(key, **other)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"data_digest": "x"}, {"split_digest": "x"}, {"test_digest": "x"}, {"fold": 7},
        {"observed_share": 0.9}, {"deadlines": "1h"}, {"trials": ()},
    ],
)
def test_a_digest_hangs_on_all_that_figures_do(tmp_path: Path, change: dict[str, Any]) -> None:
    job = plan_of(tmp_path, folds=[0]).jobs[0]
    assert digest_of(replace(job, **change)) != job.digest
    assert digest_of(replace(job, data=Path("/elsewhere.h5"), device="cuda")) == job.digest


def test_tables_whose_data_are_not_there_or_not_asked_are_left_out(tmp_path: Path) -> None:
    text = TINY + '[[tables]]\ndata = "absent"\n[[tables]]\ndata = "toy"\nname = "again"\n'
    assert {c.key.data for c in plan_of(tmp_path, text).jobs} == {"toy", "again"}
    assert {c.key.data for c in plan_of(tmp_path, text, tables=["again"]).jobs} == {"again"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TINY.replace("[0, 1]", "[0, 77]"), "77"),
        (TINY.replace("folds", 'split = "evnt"\nfolds'), "evnt"),
        (TINY.replace('tasks = "rumor"', 'tasks = "rumour"'), "configuration 'rumor alone'"),
        (TINY + '[configurations.a]\nsettings = { plugins = ["contrastve"] }', "contrastve"),
        (TINY + '[configurations.a]\npreset = "hybird"', "hybird"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DgljointError, match=message):
        plan_of(tmp_path, text)
    assert not (tmp_path / "out").exists()
