"""The best scores that a generator stored: next to the model's, for the cut they hold for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint.config.options import parse_options
from dgljoint.config.run_config import CascadeOptions
from dgljoint.data.cascade import Best
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.errors import DataError
from dgljoint.evaluation import scores as of
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.reporting.scores import link_table, rumor_table
from dgljoint.runs.summary import rows_of
from dgljoint_data.build import build_store
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from toys import LABELS, toy_cascade, toy_features, toy_model

POSSIBLE, UNCOUPLED = "best possible", "best without coupling"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    path = tmp_path_factory.mktemp("best") / "both.h5"
    options = {"world": "both", "cascades": 60, "events": 30}
    reader = SyntheticReader(parse_options(SyntheticOptions, options, "synthetic"))
    build_store(reader, reader_name="synthetic", source=None, output=path)
    return CascadeStore(path)


def scored(store: CascadeStore, observed_share: float = 0.75) -> of.Scores:
    options = CascadeOptions(observed_share=observed_share)
    evaluator = Evaluator(store, toy_features(store), options, majority=0)
    # In an order of its own, some left out.
    return evaluator.scores(toy_model(store), np.arange(3, len(store))[::-1], "test")


def test_best_scores_are_those_of_the_cascades_that_are_scored(store: CascadeStore) -> None:
    found, index = scored(store), np.arange(3, len(store))
    best = store.best["possible"]
    assert found.rumor is not None
    right = best.probability[index].argmax(axis=1) == store.label[index]
    assert found.rumor.best[POSSIBLE]["accuracy"] == pytest.approx(right.mean())
    above = best.above[store.post_ptr[3] :]
    links = found.links[of.ALL]
    assert links.best[POSSIBLE].mrr == pytest.approx((1 / (1 + above[above >= 0])).mean())
    assert links.targets == (above >= 0).sum()
    assert links.best[POSSIBLE].mrr > links.best[UNCOUPLED].mrr > links.rows["source"].mrr
    left_out = found.links[of.WITHOUT_SOURCE].best[POSSIBLE]
    assert left_out.mrr >= found.links[of.NOT_SOURCE].best[POSSIBLE].mrr


def test_tables_and_records_have_the_best_rows_and_no_verdict_takes_them_for_guesses(
    store: CascadeStore
) -> None:
    found = scored(store)
    assert found.rumor is not None
    for table in (rumor_table(found.rumor), link_table(of.ALL, found.links[of.ALL])):
        assert [row[0] for row in table.rows][-2:] == [POSSIBLE, UNCOUPLED]
        assert "best possible" not in table.verdict
    rows = rows_of(found)
    assert rows[POSSIBLE]["accuracy"] == found.rumor.best[POSSIBLE]["accuracy"]
    assert rows[UNCOUPLED]["mrr"] == found.links[of.ALL].best[UNCOUPLED].mrr


def test_best_scores_hold_for_one_cut_and_the_classes_of_the_file(store: CascadeStore) -> None:
    elsewhere = scored(store, observed_share=0.5)
    assert elsewhere.rumor is not None
    assert not elsewhere.rumor.best
    assert not elsewhere.links[of.ALL].best
    assert not store.relabelled(("true", "false")).best
    assert store.relabelled(store.label_names).best.keys() == store.best.keys()


def test_best_predictions_are_stored_for_all_cascades_or_none(tmp_path: Path) -> None:
    best = Best(np.array([0.2, 0.8]), np.array([-1, -1, 1], np.int32), np.zeros(3, np.int8))
    known = replace(toy_cascade("a", [-1, 0, 1]), best={"possible": best})
    path = tmp_path / "a.h5"
    with create_store(path, name="n", reader="r", label_names=LABELS[:2]) as writer:
        writer.add(replace(known, label=None), {})
        with pytest.raises(DataError, match="other best predictions"):
            writer.add(replace(toy_cascade("b", [-1, 0]), label=None), {})
        with pytest.raises(DataError, match="not of 3 posts"):
            writer.add(replace(known, best={"possible": replace(best, above=best.above[1:])}), {})
        three = replace(best, probability=np.ones(3) / 3)
        with pytest.raises(DataError, match="not of all classes"):
            writer.add(replace(known, label=None, best={"possible": three}), {})
