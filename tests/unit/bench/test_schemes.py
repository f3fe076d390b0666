"""The comparison of schemes: runs as processes, then figures from their folders alone."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dgljoint.errors import UsageError
from dgljoint.nn.questions import evaluation_question
from dgljoint.store import CascadeStore
from dgljoint_bench import grid as grids
from dgljoint_bench.grid import Cell, cells, read_grid, run_cells
from dgljoint_bench.outcomes import (
    ACCURACY,
    MRR,
    by_fold,
    read_cell,
    read_guesses,
    rows_of_runs,
    spread,
    summarise,
)
from dgljoint_bench.simple_baselines import first_posts, simple_baselines
from dgljoint_bench.timing import Finished
from dgljoint_cli.main import run as dgljoint
from toys import random_cascade, toy_store, write_store

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
GRID = """
split = "random"
folds = [0, 1]
reference = "joint"
arguments = [
    "--encoder", "gcn", "--epochs", "1", "-o", "model.width=8", "-o", "train.batch=16"
]
[configurations]
joint = []
"rumor alone" = ["-o", "train.tasks=rumor"]
broken = ["--plugin", "brokn"]
"""


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("schemes", BENCHMARKS / "schemes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


schemes = load_script()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemes")
    (folder / "grid.toml").write_text(GRID)
    assert dgljoint(["preprocess", "synthetic", "-o", str(folder / "small.h5"), "-q",
                     "--option", "cascades=40", "--option", "events=10"]) == 0
    return folder


def call(folder: Path, *arguments: str) -> int:
    places = [str(folder / name) for name in ("grid.toml", "small.h5", "out")]
    return schemes.main([*places, "--fold", "0", *arguments])


@pytest.fixture(scope="module")
def done(folder: Path) -> Path:
    """Train one fold; a configuration of it fails."""
    assert call(folder, "--jobs", "2") == 1
    return folder


def test_figures_are_those_of_the_run_folders(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(done, "--no-train") == 0
    text = capsys.readouterr().out
    results = json.loads((done / "out" / "results-random.json").read_text())
    runs = {row["name"]: row for row in results["runs"]}
    assert set(runs) == {"joint", "rumor alone"}
    for name, row in runs.items():
        cell = done / "out" / name.replace(" ", "_") / "random0-seed0"
        test = json.loads((cell / "scores.json").read_text())["test"]
        assert row["figures"]["accuracy"]["mean"] == test["rumor"]["accuracy"]
        assert row["figures"]["macro F1"]["mean"] == test["rumor"]["macro_f1"]
        (line,) = map(json.loads, (cell / "metrics.jsonl").read_text().splitlines())
        assert row["figures"]["seconds an epoch"]["mean"] == line["seconds"]
        assert 50 < row["figures"]["peak MB"]["mean"] < 5000
        assert row["figures"]["parameters"]["mean"] > 1000
        assert f"| {name} | 1 | {test['rumor']['accuracy']:.3f} |" in text
    assert "MRR" in runs["joint"]["figures"]
    assert "MRR" not in runs["rumor alone"]["figures"]
    gain = runs["rumor alone"]["differences"]["accuracy"]["mean"]
    both = [runs[name]["figures"]["accuracy"]["mean"] for name in ("rumor alone", "joint")]
    assert gain == pytest.approx(both[0] - both[1])
    assert runs["joint"]["differences"] == {}
    guesses = {row["name"]: row["figures"] for row in results["without_a_model"]}
    assert set(guesses["majority guess"]) == {"accuracy"}
    assert set(guesses["parent: most replied-to"]) == {"MRR", "MRR, parent not source"}
    assert set(guesses["source text, TF-IDF"]) == {"accuracy", "macro F1"}
    assert "| parent: source | 1 | – | – |" in text
    assert text.startswith("small, RANDOM FOLDS: split random, folds 0, seeds 0.")


def test_a_failed_run_is_named_and_stops_no_other_and_none_is_made_again(
    done: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fresh = grids.run_fresh

    def counted(command: list[str], **settings: object) -> Finished:
        asked.append(command[-1])
        return fresh(command, **settings)

    monkeypatch.setattr(grids, "run_fresh", counted)
    assert call(done) == 1
    assert [Path(folder).parent.name for folder in asked] == ["broken"]
    captured = capsys.readouterr()
    assert "broken, fold 0, seed 0: FAILED" in captured.err
    assert "joint, fold 0, seed 0: done" in captured.err
    assert "no plugin is named 'brokn'" in captured.out.split("Failed:")[1]
    assert "exit code 2" in captured.out


def test_a_run_of_other_arguments_is_not_taken_for_this_one(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(GRID.replace('"model.width=8"', '"model.width=16"'))
    places = [str(grid), str(done / "small.h5"), str(done / "out")]
    assert schemes.main([*places, "--fold", "0", "--only", "joint"]) == 1
    assert "was trained with other arguments" in capsys.readouterr().out
    # What has failed from the start may be corrected.
    broken = next(c for c in cells(read_grid(grid), done / "small.h5", done / "out")
                  if c.configuration == "broken")
    assert not broken.finished
    assert "other arguments" not in run_cells([broken], 1, lambda text: None)[broken]


def test_an_interrupted_run_is_gone_on_with(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (joint, *_) = cells(read_grid(done / "grid.toml"), done / "small.h5", done / "out")
    out = tmp_path / "joint"
    shutil.copytree(joint.folder.parent, out)
    cell = Cell("joint", 0, 0, out / joint.folder.name, joint.arguments)
    (cell.folder / "scores.json").unlink()
    before = json.loads(cell.record.read_text())["peak_megabytes"]
    commands: list[list[str]] = []

    def run_fresh(command: list[str], **settings: object) -> Finished:
        commands.append(command)
        return Finished("", 1.0, 1.0)

    monkeypatch.setattr(grids, "run_fresh", run_fresh)
    assert run_cells([cell], 1, lambda text: None) == {}
    assert "--resume" in commands[0]
    assert "--force" not in commands[0]
    assert json.loads(cell.record.read_text())["peak_megabytes"] == before
    shutil.rmtree(cell.folder)
    run_cells([cell], 1, lambda text: None)
    assert "--force" in commands[1]


def test_runs_know_no_settings_but_those_of_the_grid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGLJOINT_TRAIN__EPOCHS", "1")
    seen: list[dict[str, str]] = []

    def run_fresh(command: list[str], *, environment: dict[str, str], **other: object) -> Finished:
        seen.append(environment)
        return Finished("", 1.0, 1.0)

    monkeypatch.setattr(grids, "run_fresh", run_fresh)
    run_cells([Cell("a", 0, 0, tmp_path / "a" / "b", ())], 1, lambda text: None)
    assert seen[0]["OMP_NUM_THREADS"] == "1"
    assert not [name for name in seen[0] if name.startswith("DGLJOINT_")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folds = [0]", "names no configurations"),
        ("[configuration]\na = []", "did you mean 'configurations'"),
        ('reference = "b"\n[configurations]\na = []', "reference 'b' is none"),
        ('[configurations]\n"a b" = []\n"a_b" = []', "would share a folder"),
        ("folds = ", "cannot be read"),
    ],
)
def test_a_wrong_grid_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "grid.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_grid(file)


def test_the_shipped_grid_is_one() -> None:
    grid = read_grid(BENCHMARKS / "schemes.toml")
    assert grid.reference == "baseline"
    assert len(grid.configurations) == 14


def test_spreads_are_over_folds_of_the_means_over_seeds() -> None:
    figures = by_fold([(0, {MRR: 0.2}), (0, {MRR: 0.4}), (1, {MRR: 0.7})])
    assert figures == {MRR: {0: pytest.approx(0.3), 1: 0.7}}
    found = summarise("a", figures, {}).figures[MRR]
    assert found.mean == pytest.approx(0.5)
    assert found.sd == pytest.approx(np.std([0.3, 0.7], ddof=1))
    assert spread([1.0]).sd is None


def test_differences_are_paired_over_the_folds_that_both_have() -> None:
    mine = by_fold([(0, {MRR: 0.5, ACCURACY: 0.1}), (1, {MRR: 0.7}), (2, {MRR: 0.1})])
    base = by_fold([(0, {MRR: 0.4}), (1, {MRR: 0.5}), (3, {MRR: 0.9})])
    row = summarise("a", mine, base)
    assert set(row.differences) == {MRR}
    assert row.differences[MRR].folds == 2
    assert row.differences[MRR].mean == pytest.approx(0.15)
    assert row.differences[MRR].sd == pytest.approx(np.std([0.1, 0.2], ddof=1))
    assert row.folds == 3


def test_runs_without_figures_are_left_out(done: Path) -> None:
    chosen = cells(read_grid(done / "grid.toml"), done / "small.h5", done / "out")
    assert len(chosen) == 6
    rows = rows_of_runs(chosen, "joint")
    assert [(row.name, row.folds) for row in rows] == [("joint", 1), ("rumor alone", 1)]
    finished = [cell for cell in chosen if cell.finished]
    assert read_cell(finished[0])[MRR] > 0
    assert read_guesses(finished[0])["parent: source"][MRR] > 0


def test_first_posts_are_a_cascade_that_ends_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = [random_cascade(f"c{n}", rng, posts) for n, posts in enumerate([1, 8, 5, 12])]
    store = CascadeStore(write_store(tmp_path / "a.h5", whole))
    columns = store.read(np.arange(4))
    kept = ~evaluation_question(columns, 0.5).pending
    cut = first_posts(columns, kept)
    assert cut.post_ptr.tolist() == [0, 1, 5, 8, 14]
    for place in range(4):
        mine = cut.parent[cut.post_ptr[place] : cut.post_ptr[place + 1]]
        own = whole[place].parent[: len(mine)]
        assert np.where(mine < 0, -1, mine - cut.post_ptr[place]).tolist() == own.tolist()
    np.testing.assert_array_equal(cut.delay_seconds, columns.delay_seconds[kept])


def test_baselines_are_tested_on_the_fold_and_not_trained_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy_store(tmp_path / "a.h5", cascades=48)
    seen: list[tuple[int, int]] = []

    class Learner:
        def fit(self, features: np.ndarray, label: np.ndarray) -> Learner:
            self.trained = {row.tobytes() for row in features}
            return self

        def predict(self, features: np.ndarray) -> np.ndarray:
            seen.append((len(self.trained), len(features)))
            assert not self.trained & {row.tobytes() for row in features}
            return np.ones(len(features), np.int64)

    sizes = np.arange(len(store)).reshape(-1, 1)
    monkeypatch.setattr("dgljoint_bench.simple_baselines.forest_classifier", Learner)
    monkeypatch.setattr("dgljoint_bench.simple_baselines.cascade_shapes", lambda columns: sizes)
    found = simple_baselines(store.path, "event", [0, 1], 0.75)
    tested = int((store.split("event").fold == 0).sum())
    assert seen[0] == (48 - tested, tested)
    label = store.label[store.split("event").fold == 0]
    fold, figures = found["structure and delays"][0]
    assert fold == 0
    assert figures[ACCURACY] == pytest.approx((label == 1).mean())
