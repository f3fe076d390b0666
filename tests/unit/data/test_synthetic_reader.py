"""The generator, by its world ``mixed``: sound, seeded, and nothing alone shows the class."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from dgljoint import Cascade, ReadReport, UsageError
from dgljoint.config.options import describe_options, parse_options
from dgljoint_data.features.bow import WordCounts
from dgljoint_data.readers.synthetic import (
    SyntheticOptions,
    SyntheticReader,
    dgljoint_readers,
    mixed,
)
from dgljoint_data.readers.synthetic.words import word

Matrix = NDArray[np.float64]


def generate(**options: object) -> list[Cascade]:
    made = parse_options(SyntheticOptions, {"world": "mixed", **options}, "synthetic")
    return list(SyntheticReader(made).read(None, ReadReport()))


@cache
def default_set() -> list[Cascade]:
    return generate()


def test_cascades_are_sound() -> None:
    for cascade in default_set():
        cascade.check()
        assert (np.diff(cascade.delay_seconds) > 0).all()
        assert all(cascade.text)
    assert len({cascade.id for cascade in default_set()}) == 400


def test_posts_and_parents_are_as_the_options_promise() -> None:
    sizes = [len(cascade) for cascade in default_set()]
    assert np.mean(sizes) == pytest.approx(30, rel=0.1)
    elsewhere = np.concatenate([cascade.parent[1:] != 0 for cascade in default_set()]).mean()
    assert 0.4 < elsewhere < 0.5
    large = generate(cascades=20, mean_posts=300)
    assert np.mean([len(cascade) for cascade in large]) == pytest.approx(300, rel=0.4)


def test_classes_are_balanced_and_an_event_has_one() -> None:
    labels = [cascade.label for cascade in default_set()]
    assert {labels.count(name) for name in mixed.CLASSES} == {100}
    assert len({(cascade.event, cascade.label) for cascade in default_set()}) == 80


def test_a_cascade_depends_on_seed_and_number_only() -> None:
    few, many, other = generate(cascades=3), default_set(), generate(cascades=3, seed=1)
    for a, b, c in zip(few, many, other, strict=False):
        assert a.text == b.text
        assert a.parent.tolist() == b.parent.tolist()
        assert a.delay_seconds.tolist() == b.delay_seconds.tolist()
        assert a.text != c.text


def test_made_up_words_differ() -> None:
    assert len({word(number) for number in range(5000)}) == 5000
    assert word(70**3) not in {word(number) for number in range(5000)}


def test_every_option_is_described_and_a_wrong_one_named() -> None:
    assert all(row.description for row in describe_options(SyntheticOptions))
    with pytest.raises(UsageError, match="did you mean 'cascades'"):
        generate(cascade=3)
    [spec] = dgljoint_readers()
    assert not spec.needs_source
    assert isinstance(spec.build(SyntheticOptions()), SyntheticReader)


def structure(cascade: Cascade) -> list[float]:
    count = len(cascade)
    depth = np.zeros(count)
    for post in range(1, count):
        depth[post] = depth[cascade.parent[post]] + 1
    replies = np.bincount(cascade.parent[1:], minlength=count)
    return [count, depth.mean(), depth.max(), (depth == 1).mean(), (replies == 0).mean()]


def timing(cascade: Cascade) -> list[float]:
    gaps = np.log(np.diff(cascade.delay_seconds))
    slope, start = np.polyfit(np.log(np.arange(1, len(gaps) + 1)), gaps, 1)
    return [gaps.mean(), gaps.std(), gaps[:3].mean(), gaps[-3:].mean(), slope, start]


def words(cascades: list[Cascade]) -> Matrix:
    counts = WordCounts()
    rows = [counts.block(cascade) for cascade in cascades]
    dense = np.zeros((len(rows), len(counts.columns())))
    for row, block in zip(dense, rows, strict=True):
        np.add.at(row, block.indices, block.values)
    return 3 * np.sqrt(dense / dense.sum(axis=1, keepdims=True))


@pytest.mark.slow
def test_structure_timing_and_words_each_tell_a_part_of_the_class() -> None:
    cascades = default_set()
    label = np.array([mixed.CLASSES.index(cascade.label or "") for cascade in cascades])
    event = [cascade.event for cascade in cascades]
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)

    def probe(model: object, x: Matrix) -> Matrix:
        return cross_val_predict(model, x, label, groups=event, cv=folds, method="predict_proba")

    def forest(x: Matrix) -> Matrix:
        return probe(RandomForestClassifier(100, min_samples_leaf=4, random_state=0), x)

    def accuracy(probabilities: Matrix) -> float:
        return float((probabilities.argmax(axis=1) == label).mean())

    shape = np.array([structure(cascade) for cascade in cascades])
    pace = np.array([timing(cascade) for cascade in cascades])
    told = probe(LogisticRegression(max_iter=500), words(cascades))
    alone = [accuracy(forest(shape)), accuracy(forest(pace)), accuracy(told)]
    together = accuracy(forest(np.hstack([shape, pace, told])))
    assert min(alone) > 0.25 + 0.08
    assert max(alone) < 0.55
    assert together > max(alone) + 0.2


def test_topic_and_recency_beat_the_most_replied_to() -> None:
    topics = {
        word(mixed._TOPIC_START + number): number // mixed._TOPIC_WORDS
        for number in range(mixed._TOPICS * mixed._TOPIC_WORDS)
    }
    ranks: dict[str, list[float]] = {"popular": [], "hidden": []}
    for cascade in default_set():
        counts = np.zeros((len(cascade), mixed._TOPICS))
        for post, text in enumerate(cascade.text):
            for token in text.split():
                if token in topics:
                    counts[post, topics[token]] += 1
        topic = counts.argmax(axis=1)
        for post in range(int(0.75 * len(cascade)), len(cascade)):
            true = cascade.parent[post]
            popular = np.bincount(cascade.parent[1:post], minlength=post).astype(float)
            score = (
                0.7 * np.log1p(popular) - 0.6 * np.log(np.arange(post, 0, -1))
                + 4 * (topic[:post] == topic[post])
            )
            score[0] += 3
            for name, scores in (("popular", popular), ("hidden", score)):
                ties = (scores == scores[true]).sum()
                ranks[name].append(1 / ((scores > scores[true]).sum() + (ties + 1) / 2))
    popular, hidden = (float(np.mean(ranks[name])) for name in ("popular", "hidden"))
    assert popular > 0.35
    assert hidden > popular + 0.08
