"""The table of predictions says what the figures say, cascade by cascade."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.predicting import predictions_csv
from dgljoint.tasks.heads import TASKS
from toys import random_cascade, toy_config, toy_features, toy_model, write_store


@pytest.fixture
def evaluator(tmp_path: Path) -> Evaluator:
    """Give cascades of 1 to 12 posts, one without a label, one with an awkward name."""
    rng = np.random.default_rng(0)
    names = [f"c{number}" for number in range(12)]
    names[4] = 'a "so-called",\nname'
    cascades = [
        random_cascade(
            name, rng, place + 1, event="" if place == 2 else f"e{place // 2}",
            label=None if place == 7 else ("false", "true")[place % 2],
        )
        for place, name in enumerate(names)
    ]
    store = CascadeStore(write_store(tmp_path / "a.h5", cascades))
    return Evaluator(store, toy_features(store), toy_config(store).cascade, majority=0)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_a_cascade_that_the_figures_can_be_worked_out_of(evaluator: Evaluator) -> None:
    store = evaluator.store
    one, other = np.array([11, 4, 7, 2]), np.array([0, 1, 9])
    said = {
        name: evaluator.predict(toy_model(store), part)
        for name, part in (("validation", one), ("test", other))
    }
    text = predictions_csv(store, said, TASKS)
    assert text.splitlines()[0] == (
        "part,cascade,event,label,predicted,p_false,p_true,posts,observed_posts,targets,mrr"
    )
    assert text.count("\n") == text.count("\r\n") + 1, "RFC 4180, but for the name's own"
    found = rows(text)
    assert [row["part"] for row in found] == ["validation"] * 4 + ["test"] * 3
    indices = [*one, *other]
    assert [row["cascade"] for row in found] == [store.ids[index] for index in indices]
    assert found[1]["cascade"] == 'a "so-called",\nname'
    assert [row["event"] for row in found] == [
        "e5", "e2", "e3", "cascade c2", "e0", "e0", "e4"
    ]
    assert [row["label"] for row in found] == [
        "true", "false", "", "false", "false", "true", "true",
    ]
    assert [int(row["posts"]) for row in found] == [12, 5, 8, 3, 1, 2, 10]
    assert [int(row["observed_posts"]) for row in found] == [9, 4, 6, 3, 1, 2, 8]
    for row in found:
        p = [float(row["p_false"]), float(row["p_true"])]
        assert sum(p) == pytest.approx(1)
        assert row["predicted"] == store.label_names[int(np.argmax(p))]
        assert bool(row["mrr"]) == (row["targets"] != "0")
    figures = evaluator.figures(said["validation"], "validation")
    assert figures.rumor is not None
    labelled = [row for row in found[:4] if row["label"]]
    right = [row["label"] == row["predicted"] for row in labelled]
    assert figures.rumor.accuracy == np.mean(right)
    links = figures.links["all"]
    total = sum(int(row["targets"]) for row in found[:4])
    assert links.targets == total > 3
    weighed = sum(int(row["targets"]) * float(row["mrr"]) for row in found[:4] if row["mrr"])
    assert links.rows["model"].mrr == pytest.approx(weighed / total)


@pytest.mark.parametrize(
    ("task", "empty"),
    [("rumor", {"targets", "mrr"}), ("cascade", {"predicted", "p_false", "p_true"})],
)
def test_a_task_that_was_not_trained_says_nothing(
    evaluator: Evaluator, task: str, empty: set[str]
) -> None:
    said = evaluator.predict(toy_model(evaluator.store), np.array([11]))
    (row,) = rows(predictions_csv(evaluator.store, {"test": said}, (task,)))
    assert {name for name, value in row.items() if value == ""} == empty
