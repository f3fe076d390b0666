"""A run of some classes, or of joined ones: what it is trained, selected and tested on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import dgljoint
from dgljoint.config.run_config import RunConfig, dump_config
from dgljoint.config.sources import resolve_config
from dgljoint.data.classes import choose_classes
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.compare_folders import compare_runs
from dgljoint.training import evaluate_run, evaluate_transfer
from runs import run
from toys import random_cascade, toy_config

CLASSES = ("non-rumor", "true", "false", "unverified")
RUMOR = {"rumor": ("true", "false", "unverified")}
QUICK = ("train.epochs=1", "train.batch=32")


def write(
    path: Path, count: int = 80, start: int = 0, labels: tuple[str | None, ...] = (*CLASSES, None)
) -> CascadeStore:
    """Write cascades of these classes in turn, each its own event."""
    rng = np.random.default_rng(start)
    with create_store(path, name=path.stem, reader="x", label_names=CLASSES) as writer:
        for number in range(start, start + count):
            label = labels[number % len(labels)]
            cascade = random_cascade(f"c{number}", rng, int(rng.integers(4, 12)), label=label)
            dense = np.stack((cascade.delay_seconds, np.ones(len(cascade))), axis=1)
            writer.add(cascade, {"extra": dense.astype(np.float32)})
        writer.set_split("event", np.arange(count) // 5 % 4, grouped_by="event")
    return CascadeStore(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return write(tmp_path_factory.mktemp("classes") / "four.h5")


@pytest.fixture(scope="module")
def trained(whole: CascadeStore) -> Path:
    """Train on the classes true and false alone."""
    folder = whole.path.with_name("run")
    run(whole, folder, *QUICK, labels="true,false")
    return folder


def parts_of(folder: Path) -> set[str]:
    with (folder / "parts.csv").open(newline="") as file:
        return {row["cascade"] for row in csv.DictReader(file)}


def names(store: CascadeStore) -> list[str | None]:
    return [store.label_names[number] if number >= 0 else None for number in store.label]


def test_other_classes_are_in_no_set_of_the_run(trained: Path, whole: CascadeStore) -> None:
    own = {whole.ids[n] for n, name in enumerate(names(whole)) if name in ("true", "false")}
    assert parts_of(trained) == own
    assert dgljoint.load_run(trained).config.labels == ("false", "true")
    rumor = evaluate_run(trained, part="test").rumor
    assert rumor is not None
    assert set(rumor.confusion) == {"true", "false"}
    assert rumor.cascades == len(own) / 4


def test_a_run_predicts_its_own_classes_and_knows_no_other(trained: Path) -> None:
    found = dgljoint.load_run(trained).predict()
    assert found.classes == found.label_names == ("true", "false")
    labels = dict(zip(found.ids, found.label, strict=True))
    assert {labels[f"c{n}"] for n in (0, 3, 4)} == {None}  # non-rumor, unverified, without one
    assert (labels["c1"], labels["c2"]) == ("true", "false")
    part = dict(zip(found.ids, found.part, strict=True))
    assert {part[f"c{n}"] for n in (0, 3, 4)} == {"new"}


def test_joined_classes_are_one_class_everywhere(whole: CascadeStore, tmp_path: Path) -> None:
    result = dgljoint.train(
        whole.path, merge=RUMOR, epochs=1, out=tmp_path / "run",
        options={"model": {"width": 8}, "train": {"batch": 32}},
    )
    assert result.test.rumor is not None
    assert set(result.test.rumor.confusion) == {"non-rumor", "rumor"}
    assert len(parts_of(tmp_path / "run")) == len(whole)  # nothing is left out
    found = dgljoint.load_run(tmp_path / "run").predict(indices=range(5))
    assert found.label == ("non-rumor", "rumor", "rumor", "rumor", None)


def test_another_file_is_scored_by_the_classes_of_the_run(trained: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", count=25, start=70)
    found = evaluate_transfer(trained, other.path)
    new = [name for n, name in zip(range(70, 95), names(other), strict=True) if n >= 80]
    assert found.cascades == sum(name in ("true", "false") for name in new)
    assert found.scores.rumor is not None
    assert set(found.scores.rumor.confusion) == {"true", "false"}
    rest = write(tmp_path / "rest.h5", count=8, start=200, labels=("unverified",))
    with pytest.raises(DataError, match=r"no cascade of .* is of the classes true, false"):
        evaluate_transfer(trained, rest.path)


def test_runs_of_other_classes_are_not_compared(
    trained: Path, whole: CascadeStore, tmp_path: Path
) -> None:
    run(whole, tmp_path / "all", *QUICK)
    with pytest.raises(DataError, match="classes all and false, true alone"):
        compare_runs([tmp_path / "all", trained])


def test_a_run_goes_on_with_its_own_classes_alone(trained: Path, whole: CascadeStore) -> None:
    with pytest.raises(UsageError, match="labels"):
        run(whole, trained, *QUICK, labels="true,unverified", resume=True)
    assert run(whole, trained, *QUICK, labels="false,true", resume=True).best_epoch == 1


def test_a_fold_without_the_classes_is_refused(tmp_path: Path) -> None:
    store = write(tmp_path / "toy.h5", count=20, labels=(*(("true",) * 5), *CLASSES[1:3] * 8))
    with pytest.raises(DataError, match=r"fold 0 .* has no cascade of the classes"):
        run(store, tmp_path / "run", *QUICK, labels=("false", "unverified"))


def test_a_choice_keeps_the_order_and_the_digests_of_the_file(whole: CascadeStore) -> None:
    split = whole.split("event")
    store, chosen = choose_classes(whole, split, ("unverified", "true"), {})
    assert store.label_names == ("true", "unverified")
    assert (store.content_digest, chosen.digest) == (whole.content_digest, split.digest)
    inside = [name in ("true", "unverified") for name in names(whole)]
    assert (chosen.fold == np.where(inside, split.fold, -1)).all()
    assert choose_classes(whole, split, (), {}) == (whole, split)


@pytest.mark.parametrize(("labels", "merge", "message", "hint"), [
    (("true", "flase"), {}, "labels names the class 'flase'", "did you mean 'false'"),
    ((), {"rumor": ("tru", "false")}, "merge names the class 'tru'", "did you mean 'true'"),
    (("true", "rumor"), RUMOR, "labels names the class 'true'", "non-rumor, rumor"),
    ((), {"true": ("false", "unverified")}, "which .* has already", "true=true.false.unverified"),
    (("true",), {}, "only the class 'true' is left", "the classes non-rumor, true, false"),
    ((), {"all": CLASSES}, "only the class 'all' is left", ""),
])
def test_what_cannot_be_chosen_is_refused(
    whole: CascadeStore, labels: tuple[str, ...], merge: dict[str, tuple[str, ...]], message: str,
    hint: str,
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        choose_classes(whole, whole.split("event"), labels, merge)
    assert hint.replace(".", "+") in str(caught.value.hint)


@pytest.mark.parametrize("merge", [
    ("rumor=true+false",), "rumor = false + true", {"rumor": ["true", "false"]},
])
def test_every_form_of_a_merge_is_the_same(whole: CascadeStore, merge: object) -> None:
    config = toy_config(whole, merge=merge, labels="rumor, non-rumor")
    assert (config.merge, config.labels) == ({"rumor": ("false", "true")}, ("non-rumor", "rumor"))
    assert config.classes == "non-rumor, rumor alone; rumor = false + true"


def test_the_configuration_file_keeps_the_classes(whole: CascadeStore, tmp_path: Path) -> None:
    config = toy_config(whole, merge=RUMOR, labels=("rumor", "non-rumor"))
    file = tmp_path / "config.toml"
    file.write_text(dump_config(config))
    assert resolve_config(file=file) == config


def test_variables_set_the_classes(whole: CascadeStore) -> None:
    variables = {"DGLJOINT_LABELS": "true,false", "DGLJOINT_MERGE": "other=unverified+non-rumor"}
    config: RunConfig = resolve_config(environment=variables)
    assert (config.labels, config.merge) == (
        ("false", "true"), {"other": ("non-rumor", "unverified")}
    )


@pytest.mark.parametrize(("fields", "message"), [
    ({"merge": ("rumor=true+false", "false=false+unverified")}, "'false' is merged twice"),
    ({"merge": ("rumor=true", "rumor=false")}, "two merges have one new name"),
    ({"merge": ("rumor",)}, "'rumor' is not of the form NEW=CLASS.CLASS"),
    ({"merge": ("rumor=true+",)}, "name at least one class"),
    ({"labels": "true,,false"}, "name at least one class"),
])
def test_a_wrong_form_is_refused(
    whole: CascadeStore, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        toy_config(whole, **fields)
