"""The verbs as functions: they do what the command line does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgljoint
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, InterruptedRunError, UsageError
from dgljoint.training import EpochRecord
from dgljoint_cli.main import run
from runs import StopAfter, assert_same_run
from toys import toy_store

SMALL = {"train": {"epochs": 2, "batch": 16}, "model": {"width": 8}}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CascadeStore:
    monkeypatch.chdir(tmp_path)
    return toy_store(tmp_path / "toy.h5", cascades=48)


def test_a_call_makes_the_run_of_the_command(store: CascadeStore, tmp_path: Path) -> None:
    result = dgljoint.train(
        "toy.h5", plugins=["contrastive", "dwa"], encoder="gcn", features=["time", "bow"],
        split="random", fold=1, seed=3,
        options={**SMALL, "features": {"words": 9}, "contrastive": {"temperature": 0.2}},
    )
    assert result.folder == Path("runs/toy-gcn-contrastive+dwa-random1-s3")
    assert run([
        "train", "toy.h5", "--plugin", "contrastive", "--plugin", "dwa", "--encoder", "gcn",
        "--features", "time", "--features", "bow", "--split", "random", "--fold", "1",
        "--seed", "3", "--epochs", "2", "-s", "train.batch=16", "-s", "model.width=8",
        "-s", "features.words=9", "-s", "contrastive.temperature=0.2", "-q", "--out", "b",
    ]) == 0
    one, other = ((tmp_path / folder / "config.toml").read_text()
                  for folder in (result.folder, "b"))
    assert one == other
    assert_same_run(result.folder, tmp_path / "b")


def test_the_environment_is_not_asked(
    store: CascadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGLJOINT_SEED", "5")
    monkeypatch.setenv("DGLJOINT_PRESET", "hybrid")
    plan = dgljoint.plan(store.path)
    assert [component.name for component in plan.components] == ["bigcn", "fixed"]


def test_presets_and_files_lie_under_what_is_given(store: CascadeStore, tmp_path: Path) -> None:
    preset, config = tmp_path / "mine.toml", tmp_path / "run.toml"
    preset.write_text('encoder = "gcn"\nplugins = ["contrastive"]\n[train]\nepochs = 7\n')
    config.write_text(f'data = "{store.path}"\n[train]\nepochs = 8\nbatch = 4\n')
    plan = dgljoint.plan(preset=preset, config=config, options={"train": {"batch": 5}})
    assert [component.name for component in plan.components] == ["gcn", "contrastive", "fixed"]
    assert (plan.settings["train"]["epochs"], plan.settings["train"]["batch"]) == (8, 5)
    named = dgljoint.plan(store.path, preset="hybrid", plugins=["attention"])
    assert [component.name for component in named.components] == ["bigcn", "attention", "fixed"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"plugins": ["contrastiv"]}, "did you mean 'contrastive'?"),
        ({"options": {"trian": {"epochs": 3}}}, "did you mean 'train'?"),
        ({"options": {"train": {"epoch": 3}}}, "did you mean 'epochs'?"),
        ({"options": {"train": 3}}, "train"),
        ({"options": {"contrastive": {"temperature": 0.2}}}, "which this run does not use"),
        ({"features": ["bov"]}, "did you mean 'bow'?"),
        ({"split": "evnt"}, "did you mean 'event'?"),
        ({"preset": "hybird"}, "did you mean 'hybrid'?"),
        ({"data": None}, "dgljoint_data.demo_store()"),
    ],
)
def test_what_is_wrong_is_said_as_on_the_command_line(
    store: CascadeStore, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    for verb in (dgljoint.plan, dgljoint.train):
        with pytest.raises(UsageError) as raised:
            verb(**{"data": store.path, **settings})
        assert said in f"{raised.value.message} {raised.value.hint}"
    assert not (tmp_path / "runs").exists()


def test_a_call_goes_on_with_a_run_by_its_own_settings(
    store: CascadeStore, tmp_path: Path
) -> None:
    whole = dgljoint.train(store.path, encoder="gcn", options=SMALL, out="a")
    with pytest.raises(InterruptedRunError):
        dgljoint.train(store.path, encoder="gcn", options=SMALL, out="b", callbacks=[StopAfter(3)])
    assert not dgljoint.load_run("b").finished
    dgljoint.train(out="b", resume=True)
    assert_same_run(whole.folder, tmp_path / "b")
    with pytest.raises(UsageError, match="exclude each other"):
        dgljoint.train(out="b", resume=True, force=True)
    with pytest.raises(UsageError, match="which run to go on with"):
        dgljoint.train(resume=True)


def test_evaluate_takes_a_run_or_its_folder(store: CascadeStore) -> None:
    result = dgljoint.train(store.path, encoder="gcn", options=SMALL, out="a")
    for given in (result, result.folder, "a", dgljoint.load_run(result)):
        assert replace(dgljoint.evaluate(given), seconds=0) == replace(result.test, seconds=0)
    found = dgljoint.evaluate("a", "validation")
    assert replace(found, seconds=0) == replace(result.validation, seconds=0)


def test_early_detection_takes_deadlines_as_the_command_line_does(store: CascadeStore) -> None:
    dgljoint.train(store.path, encoder="gcn", options=SMALL, out="a")
    found = dgljoint.evaluate_early("a", ["0", "3m", "all"])
    assert [row.deadline for row in found.deadlines] == ["0", "3m", "all"]
    assert found.deadlines[0].posts_mean == 1
    assert dgljoint.evaluate_early(dgljoint.load_run("a"), "all", "validation").part == "validation"
    with pytest.raises(UsageError, match="cannot be read"):
        dgljoint.evaluate_early("a", "soon")


def test_a_run_shows_what_its_folder_holds(store: CascadeStore) -> None:
    result = dgljoint.train(store.path, encoder="gcn", options=SMALL, out="a")
    opened = dgljoint.load_run("a")
    assert opened.finished
    assert (opened.config.encoder, opened.config.train.batch) == ("gcn", 16)
    records = opened.records()
    assert [record.epoch for record in records] == [1, 2]
    assert all(isinstance(record, EpochRecord) for record in records)
    assert opened.scores()["test"]["rumor"]["accuracy"] == result.test.rumor.accuracy
    (opened.path / "metrics.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(DataError, match="not that of a run"):
        opened.records()
    with pytest.raises(DataError, match="no run folder"):
        dgljoint.load_run(".")


def test_short_forms_are_those_of_the_command_line(store: CascadeStore, tmp_path: Path) -> None:
    settings = {"epochs": 1, "batch_posts": 60, "precision": "bf16", "tasks": "rumor"}
    plan = dgljoint.plan(store, plugins="contrastive", features="bow", **settings)
    assert [component.name for component in plan.components] == ["bigcn", "contrastive", "fixed"]
    assert {name: plan.settings["train"][name] for name in settings} == settings
    assert list(plan.settings["features"]["use"]) == ["bow"]
    again = dgljoint.plan(store, epochs=3, options={"train": {"epochs": 3, "batch": 4}})
    assert (again.settings["train"]["epochs"], again.settings["train"]["batch"]) == (3, 4)
    with pytest.raises(UsageError, match=r"train\.epochs is given twice: 3 and 4"):
        dgljoint.plan(store, epochs=3, options={"train": {"epochs": 4}})


@pytest.mark.parametrize("verb", [dgljoint.train, dgljoint.train_study, dgljoint.plan])
def test_every_short_form_of_train_is_an_argument(verb: Callable[..., object]) -> None:
    from dgljoint_cli.commands.train import train as command

    by_option = {"assignments": "options", "file": "config", "use": "features"}
    shell = {"board", "dry_run", "as_json", "folds", "seeds", "jobs"}
    flags = {by_option.get(p.name or "", p.name or "") for p in command.params if p.expose_value}
    own = set(signature(verb).parameters)
    single, run = {"fold", "seed"}, {"out", "resume", "force", "device"}
    without = {"train": set(), "train_study": single, "plan": run}[verb.__name__]
    assert flags - shell - without <= own


@pytest.mark.parametrize(
    ("verb", "settings", "said"),
    [
        ("train", {"data": "missing.h5"}, "missing.h5: no such file"),
        ("train", {"data": Path("missing.h5")}, "missing.h5: no such file"),
        ("train", {"data": Path()}, "is a folder, not a cascade file"),
        ("train", {"data": np.zeros(3)}, "data is of the type ndarray, expected the path of a"),
        ("train", {"out": 3}, "out is of the type int"),
        ("train", {"callbacks": print}, "expected a dgljoint.Callback or several"),
        ("train", {"callbacks": [dgljoint.Callback]}, "give instances of a subclass"),
        ("plan", {"plugins": {"contrastive": 1}}, "expected a name or a list of names"),
        ("plan", {"plugins": ["contrastive", None]}, "expected a name or a list of names"),
        ("plan", {"options": [1]}, "expected a table of tables"),
        ("plan", {"preset": 3}, "preset is of the type int"),
        ("train_study", {"folds": 0.5}, "folds is 0.5, expected a whole number or a list"),
        ("train_study", {"folds": [True]}, "expected a whole number"),
        ("train_study", {"seeds": "all"}, "seeds 'all' is no list of numbers"),
        ("train_study", {"jobs": 0}, "jobs is 0"),
        ("train_study", {"folds": []}, "folds is [], expected"),
    ],
)
def test_what_is_no_path_name_or_number_is_refused_with_what_was_expected(
    store: CascadeStore, tmp_path: Path, verb: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(dgljoint.DgljointError) as refused:
        getattr(dgljoint, verb)(**{"data": store, **settings})
    assert said in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_a_path_may_start_at_the_home_folder(
    store: CascadeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for data in ("~/toy.h5", Path("~/toy.h5"), b"toy.h5"):
        assert dgljoint.plan(data).data["name"] == "toy"


def test_verbose_writes_lines_to_stderr_and_nothing_to_stdout(
    store: CascadeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"encoder": "gcn", "epochs": 1, "options": {"model": {"width": 8}}}
    result = dgljoint.train(store, out="a", verbose=True, **settings)
    dgljoint.evaluate(result, verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    preparing, epoch, *others = err.splitlines()
    assert preparing == "preparing: reading data, fitting features …"
    assert epoch.startswith("epoch 1/1  loss cascade ")
    assert others == [
        "scoring: validation and test set …",
        "scoring the test set of a …", "scoring the test set of a: done, 0 s",
    ]
    dgljoint.train(store, out="b", **settings)
    assert capsys.readouterr() == ("", "")


def test_the_public_names_are_listed_and_loaded_on_first_use() -> None:
    assert set(dgljoint.__all__) < set(dir(dgljoint))
    assert {"nn", "testing", "training"} == set(dir(dgljoint)) - set(dgljoint.__all__)
    code = (
        "import sys, dgljoint; names = dir(dgljoint); assert 'train' in names; "
        "assert not {'torch', 'dgl', 'numpy', 'pydantic'} & set(sys.modules), sys.modules; "
        "assert dgljoint.nn.Encoder; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_verb_documents_each_of_its_arguments() -> None:
    for name in ("train", "train_study", "evaluate", "evaluate_early", "evaluate_transfer",
                 "evaluate_transfer_early", "load_run"):
        verb = getattr(dgljoint, name)
        described = verb.__doc__.split("Args:")[1].split("Raises:")[0]
        text = " ".join(verb.__doc__.split())
        shared = re.search(r"not listed here are those of :func:`(\w+)`", text)
        if shared is not None:
            described += getattr(dgljoint, shared[1]).__doc__
        for argument in signature(verb).parameters:
            assert f"\n        {argument}: " in described, (name, argument)


def test_every_export_is_where_it_is_said_to_be() -> None:
    for name in dgljoint.__all__:
        assert getattr(dgljoint, name) is not None
    assert set(dgljoint._HOME) == set(dgljoint.__all__) - {"__version__"}
    assert np.all(np.sort(dgljoint.__all__) == np.array(dgljoint.__all__))


def test_a_device_that_is_not_there_is_said(store: CascadeStore) -> None:
    dgljoint.train(store.path, encoder="gcn", options=SMALL, out="a", device="cpu")
    with pytest.raises(UsageError, match="there is no device 'cpuu'"):
        dgljoint.train(store.path, options=SMALL, out="b", device="cpuu")
    with pytest.raises(UsageError, match="there is no device 'cpuu'"):
        dgljoint.evaluate("a", device="cpuu")
    with pytest.raises(UsageError, match="there is no device 'cpuu'"):
        dgljoint.load_run("a", device="cpuu").predict()


def test_a_study_makes_the_runs_of_the_command_and_goes_on(
    store: CascadeStore, tmp_path: Path
) -> None:
    found = dgljoint.train_study("toy.h5", folds="0,2", seeds=0, encoder="gcn", options=SMALL)
    folder = tmp_path / "runs" / "toy-gcn-event0,2-s0".replace(",", "_")
    assert [one.key.fold for one in found.runs] == [0, 2]
    assert (found.done, found.failed, found.error()) == (2, 0, None)
    assert found.figures["model"]["accuracy"].n == 2
    assert run([
        "train", "toy.h5", "--folds", "0,2", "--encoder", "gcn", "--epochs", "2",
        "-s", "train.batch=16", "-s", "model.width=8", "-q", "--out", "b",
    ]) == 0
    for name in ("fold0-seed0", "fold2-seed0"):
        assert_same_run(folder / name, tmp_path / "b" / name)
    again = dgljoint.train_study(out=folder, resume=True)
    assert again.to_dict() == found.to_dict()
    more = dgljoint.train_study(out=folder, resume=True, seeds=[0, 1], folds=[0])
    assert [(one.key.fold, one.key.seed) for one in more.runs] == [(0, 0), (0, 1)]
    with pytest.raises(UsageError, match="is not empty"):
        dgljoint.train_study("toy.h5", out=folder)
