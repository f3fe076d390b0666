"""What the data do not allow to be trained is left out, and nothing is said of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import dgljoint
from dgljoint.data.cascade import Cascade
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.errors import DataError
from dgljoint.plugins.specs import InteractionSpec, WeighterSpec
from dgljoint.runs.many.study import check_runs, plan_study
from dgljoint.runs.records import Key
from dgljoint.runs.stored import StoredRun
from dgljoint.runs.summary import record_of
from dgljoint.training import evaluate_run, plan_run, resolve_run
from dgljoint.training.callbacks import Callback
from dgljoint.training.parts import part_under_test, training_parts
from dgljoint.training.trainable import find_trainable
from runs import metrics, run
from toys import WORDS, random_cascade, shipped, toy_cascade, toy_config, word_block

QUICK = ("train.epochs=1", "train.batch=16")
Label = Callable[[int], str | None]


class Listener(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def message(self, text: str) -> None:
        self.heard.append(text)


def write(
    path: Path, label: Label, *, classes: Sequence[str] = ("a", "b"), count: int = 40,
    posts: int = 8, fold: Callable[[int], int] = lambda n: n % 4,
    event: Callable[[int], int] | None = None,
) -> CascadeStore:
    """Write cascades with the label, fold and event of their number; by default their own event."""
    rng = np.random.default_rng(0)
    with create_store(path, name="few", reader="toys", label_names=classes) as writer:
        for number in range(count):
            cascade = made(number, rng, label(number), posts)
            writer.add(cascade, {"bow": word_block(cascade, rng)})
        writer.set_vocabulary("bow", WORDS)
        folds = np.array([fold(number) for number in range(count)])
        groups = None if event is None else np.array([event(n) for n in range(count)])
        writer.set_split("event", folds, grouped_by="event", group=groups)
    return CascadeStore(path)


def made(number: int, rng: np.random.Generator, label: str | None, posts: int) -> Cascade:
    if posts < 3:
        return toy_cascade(f"c{number}", [-1, 0][:posts], label=label)
    return random_cascade(f"c{number}", rng, posts, label=label)


def halves(number: int) -> str:
    return "ab"[number // 4 % 2]


@pytest.mark.parametrize(
    ("label", "classes", "why"),
    [
        (lambda n: None, (), "no cascade of the training set has a label"),
        (lambda n: None, ("a", "b"), "no cascade of the training set has a label"),
        (lambda n: "b" if n % 4 else "a", ("a", "b"), "of the training set are of one class, 'b'"),
    ],
)
def test_without_classes_to_tell_apart_the_cascade_task_is_trained_alone(
    tmp_path: Path, label: Label, classes: tuple[str, ...], why: str
) -> None:
    store, told, out = write(tmp_path / "a.h5", label, classes=classes), Listener(), tmp_path / "a"
    result = run(store, out, *QUICK, callback=told)
    [note] = result.notes
    assert told.heard == [note]
    assert note.startswith("the rumor task is left out, and the cascade task is trained alone: ")
    assert why in note
    assert (result.test.tasks, result.test.rumor) == (("cascade",), None)
    assert [list(line["losses"]) for line in metrics(out)] == [["cascade"]]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["trained"] == {"tasks": ["cascade"], "classes": [], "notes": [note]}
    opened = dgljoint.load_run(out)
    assert opened.config.train.tasks == "cascade"
    assert note.partition(":")[0] in (out / "report.html").read_text()
    assert note.partition(":")[0] in (out / "model_card.md").read_text()
    found = opened.predict()
    assert (found.probability, found.predicted, found.label_names) == (None, None, ())
    assert {row[f"p_{name}"] for row in found.rows() for name in classes} <= {None}
    assert {row["predicted"] for row in found.rows()} == {None}
    again = evaluate_run(out, part="test")
    assert again.links == result.test.links
    with pytest.raises(DataError, match=f"the rumor task cannot be trained: .*{why}") as refused:
        plan_run(resolve_run(toy_config(store, "train.tasks=rumor")))
    assert "train.tasks=cascade" in (refused.value.hint or "")


def test_a_run_without_the_rumor_task_goes_on_where_it_stopped(tmp_path: Path) -> None:
    store = write(tmp_path / "a.h5", lambda n: None, classes=())
    run(store, tmp_path / "a", *QUICK)
    assert run(store, tmp_path / "a", *QUICK, resume=True).test.tasks == ("cascade",)


def test_without_a_choice_of_parents_the_rumor_task_is_trained_alone(tmp_path: Path) -> None:
    store = write(tmp_path / "a.h5", halves, posts=2)
    result = run(store, tmp_path / "a", *QUICK)
    assert "the cascade task is left out, and the rumor task is trained alone" in result.notes[0]
    assert "no post of the training set has a choice" in result.notes[0]
    assert (result.test.tasks, result.test.links) == (("rumor",), {})
    assert [list(line["losses"]) for line in metrics(tmp_path / "a")] == [["rumor"]]
    with pytest.raises(DataError, match="the cascade task cannot be trained"):
        plan_run(resolve_run(toy_config(store, "train.tasks=cascade")))
    nothing = write(tmp_path / "b.h5", lambda n: None, posts=2)
    with pytest.raises(DataError, match=r"the cascade task cannot.*; the rumor task cannot"):
        plan_run(resolve_run(toy_config(nothing)))


@pytest.mark.parametrize(("batch", "idle"), [(1, ["contrastive"]), (8, [])])
def test_an_interaction_that_had_no_part_is_on_record(
    tmp_path: Path, batch: int, idle: list[str]
) -> None:
    """A batch of one cascade has none to tell it from."""
    store, quick = write(tmp_path / "a.h5", halves), (*QUICK, f"train.batch={batch}")
    run(store, tmp_path / "a", *quick, plugins=("attention", "contrastive"))
    stored = StoredRun(tmp_path / "a")
    assert stored.idle_interactions() == idle
    key = Key("", "", "gcn", 0, 0)
    record = record_of(stored, key)
    assert record.config.get("idle", []) == idle
    run(store, tmp_path / "b", *quick, plugins=("attention",))
    other = record_of(StoredRun(tmp_path / "b"), key)
    assert (record.algorithm == other.algorithm) == bool(idle)


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train where class c stands in the test set alone, and d nowhere; give the folder."""
    folder = tmp_path_factory.mktemp("lacking")
    store = write(
        folder / "a.h5", lambda n: "c" if n % 8 == 0 else halves(n), classes=("c", "a", "d", "b"),
        count=64,
    )
    run(store, folder / "run", *QUICK)
    return folder / "run"


def test_a_class_that_no_training_cascade_has_is_never_predicted(lacking: Path) -> None:
    manifest = json.loads((lacking / "manifest.json").read_text())
    assert manifest["trained"]["classes"] == ["a", "b"]
    assert manifest["trained"]["notes"] == [
        "no cascade of the training set is of class 'c', 'd': it is never predicted, and 8 of 16 "
        "labelled test cascades count as wrong"
    ]
    found = dgljoint.load_run(lacking).predict()
    assert (found.label_names, found.classes) == (("a", "b"), ("c", "a", "d", "b"))
    assert found.probability.shape == (64, 2)
    assert found.probability.sum(axis=1) == pytest.approx(1)
    rows = list(found.rows())
    assert {row["predicted"] for row in rows} <= {"a", "b"}
    assert {(row["p_c"], row["p_d"]) for row in rows} == {(None, None)}
    assert list(rows[0])[5:9] == ["p_c", "p_a", "p_d", "p_b"]
    with (lacking / "predictions.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {(line["p_c"], line["p_d"]) for line in lines} == {("", "")}
    assert {line["predicted"] for line in lines} <= {"a", "b"}


def test_its_test_cascades_count_as_wrong_and_every_metric_is_a_number_or_none(
    lacking: Path,
) -> None:
    test = evaluate_run(lacking, part="test")
    json.dumps(test.to_dict(), allow_nan=False)
    rumor = test.rumor
    assert rumor.cascades == 16
    assert sum(rumor.confusion["c"].values()) == 8
    assert rumor.confusion["c"]["c"] == rumor.confusion["a"]["c"] == 0
    right = rumor.confusion["a"]["a"] + rumor.confusion["b"]["b"]
    assert rumor.accuracy == right / 16 <= 0.5
    assert list(rumor.f1) == ["c", "a", "b"]
    assert rumor.f1["c"] == 0
    assert rumor.macro_f1 == pytest.approx(np.mean(list(rumor.f1.values())))
    assert 0 <= rumor.auroc <= 1
    assert (test.calibration.raw.nll, test.calibration.scaled.nll) == (None, None)
    assert 0 <= test.calibration.raw.ece <= 1
    low, high = test.intervals.figures["macro_f1"]
    assert low <= rumor.macro_f1 <= high
    assert any("8 of 16 labelled cascades are of a class that no" in note for note in test.notes)
    validation = evaluate_run(lacking, part="validation")
    assert [note.partition(":")[0] for note in validation.notes] == ["no date-matched AUC"]
    assert validation.calibration.raw.nll > 0


def test_a_comparison_counts_the_same_classes_as_the_metric(lacking: Path) -> None:
    from dgljoint.runs.stored import StoredRun, read_predictions

    assert read_predictions(StoredRun(lacking)).labels == ("c", "a", "b")
    assert read_predictions(StoredRun(lacking), "validation").labels == ("a", "b")


def test_a_loss_is_the_mean_over_the_batches_that_ask_for_it(tmp_path: Path) -> None:
    """Of 30 training cascades two have a label: most batches ask nothing of the rumor task."""
    store = write(tmp_path / "a.h5", lambda n: {1: "a", 2: "b", 3: "a"}.get(n), posts=6)
    losses: list[dict[str, float]] = []

    class Steps(Callback):
        def step(self, epoch: int, step: int, found: dict[str, float]) -> None:
            losses.append(found)

    run(store, tmp_path / "a", "train.epochs=1", "train.batch=2", callback=Steps())
    asked = [step["rumor"] for step in losses if "rumor" in step]
    assert 0 < len(asked) < len(losses)
    [line] = metrics(tmp_path / "a")
    assert line["losses"]["rumor"] == pytest.approx(np.mean(asked))
    assert line["losses"]["rumor"] > 0.1
    assert list(line["losses"]) == ["cascade", "rumor"]


def test_an_epoch_is_selected_by_what_the_validation_set_can_score(tmp_path: Path) -> None:
    labels: list[str | None] = ["a", "b"] * 20
    store = write(tmp_path / "a.h5", lambda n: labels[n])
    split = store.split("event")
    parts = training_parts(store, split, 0, seed=0, meta=False)
    for index in parts.validation:
        labels[index] = None
    blank = write(tmp_path / "b.h5", lambda n: labels[n])
    found = find_trainable(toy_config(blank), blank, split, parts)
    assert found.notes == (
        "the validation set has no labelled cascade: epochs are selected by the cascade task alone",
    )
    with pytest.raises(DataError, match="so that no epoch can be selected") as refused:
        find_trainable(toy_config(blank, "train.tasks=rumor"), blank, split, parts)
    assert "--fold" in (refused.value.hint or "")


def test_a_validation_set_within_the_training_set_s_events_is_noted(tmp_path: Path) -> None:
    few, many = (
        write(tmp_path / f"{events}.h5", halves, event=lambda n, events=events: n % events)
        for events in (4, 20)
    )
    found = []
    for store in (few, many):
        split = store.split("event")
        parts = training_parts(store, split, 0, seed=0, meta=True)
        found.append(find_trainable(toy_config(store), store, split, parts).notes)
    assert found == [(
        "the validation and the meta set share events with the training set: whole ones would be "
        "too few or lack a class; the test set shares none",
    ), ()]


def test_looking_at_what_can_be_trained_reads_no_test_cascade(tmp_path: Path) -> None:
    store = write(tmp_path / "a.h5", halves, posts=2)
    read: set[int] = set()
    store.on_read = lambda indices: read.update(indices.tolist())
    split = store.split("event")
    parts = training_parts(store, split, 0, seed=0, meta=False)
    find_trainable(toy_config(store), store, split, parts)
    assert read
    assert not read & set(part_under_test(split, 0).tolist())


def test_a_study_keeps_what_was_asked_for_and_its_runs_what_could_be_trained(
    tmp_path: Path,
) -> None:
    store = write(tmp_path / "a.h5", lambda n: "a" if n % 4 else halves(n))
    study = plan_study(
        toy_config(store, *QUICK), tmp_path / "study", folds=None, seeds=(0,),

    )
    assert study.config.train.tasks == "both"
    tasks = [job.trials[0].run_config.train.tasks for job in study.jobs]
    assert tasks == ["cascade", "both", "both", "both"]
    assert [note.partition(":")[0] for note in study.notes] == ["fold 0"]
    run(store, study.jobs[0].folder, *QUICK)
    check_runs(study)


@pytest.mark.parametrize("name", shipped(InteractionSpec) + shipped(WeighterSpec))
def test_every_component_trains_on_data_without_labels(tmp_path: Path, name: str) -> None:
    store = write(tmp_path / "a.h5", lambda n: None, classes=(), count=24, posts=5)
    result = run(store, tmp_path / "a", *QUICK, plugins=(name,))
    assert result.test.links["all"].targets > 0
    assert result.test.rumor is None
    assert dgljoint.load_run(tmp_path / "a").predict().predicted is None
