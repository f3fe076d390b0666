"""What a run says of cascades, of its own data and of other data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import dgljoint
from dgljoint.data.cascade import SparseBlock
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.errors import DataError, UsageError
from dgljoint.training.checkpoint import load_tree, save_tree
from toys import LABELS, WORDS, random_cascade, word_block

OTHER_WORDS = ("unheard", *reversed(WORDS), "unseen")


def write(
    path: Path, *, words: Sequence[str] | None = WORDS, columns: int = len(WORDS),
    reader: str = "toys", labels: Sequence[str] = LABELS, width: int = 2, lacking: str = "",
) -> CascadeStore:
    """Write the same 60 cascades, whatever the columns and classes are called.

    Args:
        words: names of the columns of the words; ``None`` for numbers alone.
        columns: how many those are.
        reader: name of the reader.
        labels: the classes in their order; half of the cascades are of each of the toys'.
        width: of the dense feature.
        lacking: name of a feature to leave out.
    """
    rng = np.random.default_rng(3)
    with create_store(path, name="toy", reader=reader, label_names=labels) as writer:
        for number in range(60):
            cascade = random_cascade(
                f"c{number}", rng, int(rng.integers(1, 15)), event=f"e{number // 2}",
                label=LABELS[(number // 2) % 2] if number else None,
            )
            block = word_block(cascade, rng)
            if words is not None:
                place = np.array([words.index(word) for word in WORDS], np.int32)
                block = SparseBlock(block.indptr, place[block.indices], block.values)
            dense = np.tile(cascade.delay_seconds[:, None], width).astype(np.float32)
            features = {"bow": block, "extra": dense}
            writer.add(cascade, {name: features[name] for name in features if name != lacking})
        if words is not None and lacking != "bow":
            writer.set_vocabulary("bow", words)
        elif lacking != "bow":
            writer.set_columns("bow", columns)
        writer.set_split("event", np.arange(60) // 2 % 5, grouped_by="event")
    return CascadeStore(path)


def trained(store: CascadeStore, out: Path, **more: object) -> dgljoint.Run:
    options = {"train": {"epochs": 2, "batch": 16, **more}, "model": {"width": 8}}
    result = dgljoint.train(
        store.path, encoder="gcn", plugins=["attention"], options=options, out=out
    )
    return dgljoint.load_run(result.folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Give a store and a run on it; tests leave both as they are."""
    folder = tmp_path_factory.mktemp("predicting")
    store = write(folder / "own.h5")
    return SimpleNamespace(store=store, run=trained(store, folder / "run"))


@pytest.fixture(scope="module")
def hashed(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Give the same, with words that are numbers."""
    folder = tmp_path_factory.mktemp("hashed")
    store = write(folder / "own.h5", words=None)
    return SimpleNamespace(store=store, run=trained(store, folder / "run"))


def test_on_its_own_data_a_run_says_what_it_was_scored_by(made: SimpleNamespace) -> None:
    test = np.flatnonzero(made.store.split("event").fold == 0)
    found = made.run.predict(indices=test)
    scores = made.run.scores()["test"]
    right = [
        said == label
        for said, label in zip(found.predicted, found.label, strict=True) if label is not None
    ]
    assert len(right) == scores["rumor"]["cascades"]
    assert np.mean(right) == pytest.approx(scores["rumor"]["accuracy"])
    links = scores["links"]["all"]
    assert found.targets.sum() == links["targets"] > 10
    assert np.nansum(found.mrr * found.targets) / found.targets.sum() == pytest.approx(
        links["rows"]["model"]["mrr"]
    )
    assert found.ids == tuple(f"c{number}" for number in test)
    assert found.label[0] is None
    assert found.event[:3] == ("e0", "e0", "e5")
    assert found.probability.sum(axis=1) == pytest.approx(1)
    assert found.doubts == ()


def test_words_are_found_by_their_spelling_and_classes_by_their_name(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    """Another file: other words beside, all in another order, other classes, another reader."""
    other = write(
        tmp_path / "other.h5", words=OTHER_WORDS, labels=("unverified", *reversed(LABELS)),
        reader="others",
    )
    own, found = made.run.predict(), made.run.predict(other.path)
    assert np.allclose(found.probability, own.probability, atol=1e-6)
    assert found.label_names == LABELS
    assert (found.label, found.predicted, found.ids) == (own.label, own.predicted, own.ids)
    assert found.doubts == ()


def test_a_folder_is_enough(made: SimpleNamespace, tmp_path: Path) -> None:
    store = write(tmp_path / "own.h5")
    run = trained(store, tmp_path / "run")
    expected = made.run.predict()
    store.path.unlink()
    other = write(tmp_path / "other.h5", words=OTHER_WORDS)
    assert np.allclose(run.predict(other).probability, expected.probability, atol=1e-6)
    with pytest.raises(DataError, match="no such file"):
        run.predict()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"lacking": "bow"}, "feature 'bow' is missing, and the model was trained with it as spar"),
        ({"lacking": "extra"}, "feature 'extra' is missing"),
        ({"width": 3}, "feature 'extra' has 3 columns, and the model was trained with 2"),
        ({"words": None}, "the columns of feature 'bow' have no words, and the model knows words"),
        ({"words": tuple(f"mot{n}" for n in range(12))}, "none of the 12 words of feature 'bow'"),
    ],
)
def test_data_that_the_model_cannot_read_are_refused(
    made: SimpleNamespace, tmp_path: Path, form: dict[str, object], said: str
) -> None:
    if form.get("words"):
        rename_words(write(tmp_path / "other.h5"), tmp_path / "other.h5", form["words"])
    else:
        write(tmp_path / "other.h5", **form)
    with pytest.raises(DataError, match=said) as refused:
        made.run.predict(tmp_path / "other.h5")
    assert refused.value.hint


def rename_words(store: CascadeStore, path: Path, words: Sequence[str]) -> None:
    """Write a store of one cascade whose words are called otherwise."""
    cascade = random_cascade("c", np.random.default_rng(0), 5)
    with create_store(path, name="toy", reader="toys", label_names=LABELS) as writer:
        features = {
            "bow": word_block(cascade, np.random.default_rng(0)),
            "extra": np.zeros((5, 2), np.float32),
        }
        writer.add(cascade, features)
        writer.set_vocabulary("bow", words)


def test_numbered_columns_must_be_as_many_and_are_doubted_from_another_reader(
    hashed: SimpleNamespace, tmp_path: Path
) -> None:
    same = write(tmp_path / "same.h5", words=None)
    assert hashed.run.predict(same).doubts == ()
    others = write(tmp_path / "others.h5", words=None, reader="others")
    found = hashed.run.predict(others)
    assert np.array_equal(found.probability, hashed.run.predict().probability)
    (doubt,) = found.doubts
    assert "'bow' have no words; that reader 'others' means by them what 'toys' did" in doubt
    more = write(tmp_path / "more.h5", words=None, columns=13)
    with pytest.raises(DataError, match="'bow' has 13 columns, and the model was trained with 12"):
        hashed.run.predict(more)


def test_links_are_ranked_among_all_earlier_posts(made: SimpleNamespace) -> None:
    chosen = [40, 7, 23]
    found = made.run.predict(indices=chosen, links=True)
    assert [len(found), len(found.links)] == [3, found.targets.sum()]
    reciprocal: dict[str, list[float]] = {name: [] for name in found.ids}
    for ranking in found.links:
        assert sorted(ranking.candidates) == list(range(ranking.post))
        assert np.all(np.diff(ranking.scores) <= 0)
        columns = made.store.read(np.array([chosen[found.ids.index(ranking.cascade)]]))
        assert ranking.parent == columns.parent[ranking.post]
        place = ranking.candidates.tolist().index(ranking.parent)
        reciprocal[ranking.cascade].append(1 / (place + 1))
    asked = [np.mean(values) if values else np.nan for values in reciprocal.values()]
    assert found.mrr == pytest.approx(asked, nan_ok=True)
    assert made.run.predict(indices=chosen).links is None


def test_more_or_less_may_be_observed(made: SimpleNamespace) -> None:
    whole = made.run.predict(observed=1.0, links=True)
    assert np.array_equal(whole.observed_posts, whole.posts)
    assert (whole.targets.sum(), whole.links) == (0, ())
    assert np.isnan(whole.mrr).all()
    half = made.run.predict(observed=0.5)
    assert np.array_equal(half.observed_posts, np.ceil(half.posts / 2))
    usual = made.run.predict()
    assert np.array_equal(usual.observed_posts, np.ceil(usual.posts * 0.75))


def test_what_comes_after_a_deadline_has_never_come(made: SimpleNamespace) -> None:
    """The toys have a post a minute; the ages of those that are seen are all that is known."""
    early = made.run.predict(observed="3m", links=True)
    assert np.array_equal(early.observed_posts, np.minimum(early.posts, 4))
    assert (early.targets.sum(), early.links) == (0, ())
    assert np.array_equal(early.probability, made.run.predict(observed="4p").probability)
    source = made.run.predict(observed="0")
    assert set(source.observed_posts) == {1}
    whole, share = made.run.predict(observed="all"), made.run.predict(observed=1)
    assert np.allclose(whole.probability, share.probability, atol=1e-6)
    views = made.run.representations(observed="0")
    assert not np.allclose(views.rumor, made.run.representations().rumor)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"observed": "soon"}, "deadline 'soon' cannot be read"),
        ({"observed": "1h,2h"}, "expected one deadline"),
        ({"observed": 0}, "observed is 0"),
        ({"observed": 1.5}, "observed is 1.5"),
        ({"indices": [0, 60]}, "cascades 0 to 59"),
        ({"indices": [-1]}, "run from -1 to -1"),
        ({"indices": [0.5]}, "whole numbers"),
        ({"indices": [[1, 2]]}, "whole numbers"),
    ],
)
def test_arguments_out_of_range_are_refused(
    made: SimpleNamespace, arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        made.run.predict(**arguments)


def test_of_no_cascade_nothing_is_said(made: SimpleNamespace) -> None:
    found = made.run.predict(indices=[], links=True)
    assert (len(found), found.links, list(found.rows())) == (0, (), [])
    assert found.probability.shape == (0, 2)


def test_rows_are_plain_values(made: SimpleNamespace) -> None:
    rows = list(made.run.predict().rows())
    assert list(rows[0]) == [
        "part", "cascade", "event", "label", "predicted", "p_false", "p_true", "posts",
        "observed_posts", "targets", "mrr",
    ]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert rows[0]["label"] is None
    assert rows[2]["p_false"] + rows[2]["p_true"] == pytest.approx(1)
    assert {row["mrr"] is None for row in rows if not row["targets"]} == {True}


def test_what_was_not_trained_is_not_said(made: SimpleNamespace, tmp_path: Path) -> None:
    rumor = trained(made.store, tmp_path / "rumor", tasks="rumor", epochs=1)
    found = rumor.predict()
    assert (found.mrr, next(found.rows())["targets"]) == (None, None)
    with pytest.raises(UsageError, match="did not train the cascade task"):
        rumor.predict(links=True)
    cascade = trained(made.store, tmp_path / "cascade", tasks="cascade", epochs=1)
    found = cascade.predict(links=True)
    assert (found.probability, found.predicted) == (None, None)
    assert found.links
    assert (found.label_names, found.classes) == ((), LABELS)
    assert next(found.rows())["p_true"] is None


def test_views_are_averaged_over_observed_posts(made: SimpleNamespace) -> None:
    views = made.run.representations(indices=[5, 3])
    assert views.ids == ("c5", "c3")
    assert views.cascade.shape == views.rumor.shape == (2, 8)
    assert not np.allclose(views.cascade, views.rumor)
    assert np.allclose(made.run.representations().rumor[[5, 3]], views.rumor, atol=1e-6)


def test_a_run_without_its_features_says_how_to_write_them(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    run = trained(made.store, tmp_path / "run", epochs=1)
    file = run.path / "features.safetensors"
    written = file.read_bytes()
    file.unlink()
    with pytest.raises(DataError, match="has no features") as refused:
        run.predict()
    assert f"train --resume --out {run.path}" in (refused.value.hint or "")
    dgljoint.train(out=run.path, resume=True)
    assert file.read_bytes() == written


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: tree.clear(),
        lambda tree: tree.update(label_names=[]),
        lambda tree: tree["features"].pop("sparse"),
        lambda tree: tree["features"].update(names=["bow", "extra", "secret"]),
        lambda tree: tree["features"]["sparse"].update(bow=7),
        lambda tree: tree["features"]["sparse"]["bow"].update(words=["one"]),
        lambda tree: tree["features"]["sparse"]["bow"].update(chosen=torch.arange(12) + 5),
        lambda tree: tree["features"]["sparse"]["bow"].update(weight=torch.ones(3)),
        lambda tree: tree["features"]["dense"]["extra"].update(mean=torch.ones(3)),
    ],
)
def test_damaged_features_are_said(made: SimpleNamespace, tmp_path: Path, spoil) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.toml").write_bytes((made.run.path / "config.toml").read_bytes())
    tree = load_tree(made.run.path / "features.safetensors")
    spoil(tree)
    save_tree(folder / "features.safetensors", tree)
    with pytest.raises(DataError, match="features"):
        dgljoint.load_run(folder).predict()
