"""Planted worlds: what they promise, against enumerations of all that can happen."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from dgljoint import Cascade, ReadReport
from dgljoint.config.options import parse_options
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader, planted

Floats = NDArray[np.float64]


def generate(world: str, **options: object) -> list[Cascade]:
    made = parse_options(SyntheticOptions, {"world": world, **options}, "synthetic")
    return list(SyntheticReader(made).read(None, ReadReport()))


def likelihood(parents: tuple[int, ...], camps: tuple[int, ...], rules: planted.Rules) -> Floats:
    """Return (2,) the probability of a tree by class, post after post."""
    tree, found = planted.Attachment(np.array(camps), rules), np.ones(2)
    for post, parent in enumerate(parents[1:], start=1):
        found *= tree.probabilities(post)[:, parent]
        tree.attach(parent)
    return found


def all_trees(count: int) -> list[tuple[int, ...]]:
    return [(-1, *rest) for rest in product(*(range(post) for post in range(1, count)))]


@pytest.mark.parametrize("world", planted.WORLDS)
def test_parents_probabilities_sum_to_one(world: str) -> None:
    tree = planted.Attachment(np.array([0, 2, 2, 1, 3, 0, 2, 2]), planted.rules_of(world, 0.7))
    for post, parent in enumerate((0, 1, 1, 0, 3, 5, 2), start=1):
        chance = tree.probabilities(post)
        assert chance.shape == (2, post)
        assert (chance >= 0).all()
        assert chance.sum(axis=1) == pytest.approx(1)
        tree.attach(parent)


def test_a_tree_without_its_camps_tells_nothing_of_the_class() -> None:
    rules, count = planted.rules_of("who-tells", 1.0), 4
    camps = list(product(range(planted.CAMPS), repeat=count))
    for tree in all_trees(count):
        summed = sum(likelihood(tree, some, rules) for some in camps)
        assert summed[0] == pytest.approx(summed[1], rel=1e-12)


def test_camps_decide_who_attaches_to_whom_in_one_class_only() -> None:
    rules = planted.rules_of("who-tells", 1.0)
    assert rules.affinity.tolist() == [1, 0]
    tree = planted.Attachment(np.array([0, 1, 2, 1]), rules)
    one, other = tree.probabilities(3)
    assert one[1] > 2 * other[1]
    faded = planted.rules_of("who-tells", 0.0)
    for by_class in (faded.affinity, planted.rules_of("both", 0.0).affinity):
        assert by_class[0] == by_class[1]


def test_early_links_do_not_differ_where_the_class_tells_late_ones() -> None:
    rules, count = planted.rules_of("class-tells-links", 1.0), 12
    tree = planted.Attachment(np.arange(count) % planted.CAMPS, rules)
    for post in range(1, count):
        one, other = tree.probabilities(post)
        assert np.allclose(one, other) == (post < planted.early_posts(count) or post == 1)
        tree.attach(post // 2)


@pytest.mark.parametrize("world", ["who-tells", "class-tells-links", "both", "apart"])
@pytest.mark.parametrize("label", [0, 1])
def test_best_predictions_equal_an_enumeration(world: str, label: int) -> None:
    rules, rng = planted.rules_of(world, 0.8), np.random.default_rng(label)
    camp, count = rng.integers(planted.CAMPS, size=8), 8
    words = np.log(rng.dirichlet((1, 1), size=count))
    grown = planted.grow(rng, camp, label, rules, words)
    observed = planted.early_posts(count)
    assert observed == 6
    seen = likelihood(tuple(grown.parent[:observed]), tuple(camp[:observed]), rules)
    # early_posts() of the shorter tree is another: late rules are not asked for here
    if rules.late is not None:
        tree, seen = planted.Attachment(camp, rules), np.ones(2)
        for post in range(1, observed):
            seen *= tree.probabilities(post)[:, grown.parent[post]]
            tree.attach(int(grown.parent[post]))
    spoken = np.exp(words.cumsum(axis=0))
    by_words = spoken[observed - 1] / spoken[observed - 1].sum()
    by_all = spoken[observed - 1] * seen / (spoken[observed - 1] * seen).sum()
    assert grown.uncoupled.probability == pytest.approx(by_words)
    assert grown.coupled.probability == pytest.approx(by_all)
    tree = planted.Attachment(camp, rules)
    for post in range(1, count):
        one, other = tree.probabilities(post)
        if post >= observed:
            belief = spoken[post] * seen / (spoken[post] * seen).sum()
            for best, mixed in (
                (grown.coupled, belief[0] * one + belief[1] * other),
                (grown.uncoupled, (one + other) / 2),
            ):
                ranking = np.argsort(-mixed, kind="stable").tolist()
                assert best.above[post] == ranking.index(grown.parent[post])
        tree.attach(int(grown.parent[post]))
    assert (grown.coupled.above[:observed] == -1).all()


def observed_texts(cascades: list[Cascade]) -> list[str]:
    return [" ".join(c.text[: planted.early_posts(len(c))]) for c in cascades]


def by_words(cascades: list[Cascade]) -> Floats:
    """Return each true class's probability by a regression on the words of the observed posts."""
    counts = CountVectorizer().fit_transform(observed_texts(cascades))
    label = labels(cascades)
    model = LogisticRegression(C=0.01, max_iter=1000)
    found: Floats = cross_val_predict(model, counts, label, cv=5, method="predict_proba")
    return found[np.arange(len(label)), label]


def labels(cascades: list[Cascade]) -> list[int]:
    return [planted.CLASSES.index(cascade.label or "") for cascade in cascades]


def accuracy(of_true_class: Floats) -> float:
    return float((of_true_class > 0.5).mean())


def test_words_tell_the_class_where_they_should_and_nowhere_else() -> None:
    clear = generate("class-tells-links")
    best = np.array([cascade.best["possible"].probability for cascade in clear])
    of_true_class = best[np.arange(len(clear)), labels(clear)]
    words = by_words(clear)
    assert accuracy(words) > 0.8
    # No model can be better; the log loss shows it on fewer cascades than the accuracy.
    assert np.log(words).mean() < np.log(of_true_class).mean()
    assert accuracy(by_words(generate("apart"))) > 0.8
    assert abs(accuracy(by_words(generate("who-tells"))) - 0.5) < 0.08
    assert abs(accuracy(by_words(generate("apart", strength=0))) - 0.5) < 0.08


def structure_and_times(cascade: Cascade) -> list[float]:
    """Describe the observed posts without their texts."""
    count = planted.early_posts(len(cascade))
    depth = np.zeros(count)
    for post in range(1, count):
        depth[post] = depth[cascade.parent[post]] + 1
    replies = np.bincount(cascade.parent[1:count], minlength=count)
    gaps = np.log(np.diff(cascade.delay_seconds[:count]))
    return [
        count, depth.mean(), depth.max(), (depth == 1).mean(), (replies == 0).mean(),
        replies.max() / count, gaps.mean(), gaps.std(), gaps[-1],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("world", ["who-tells", "both"])
def test_structure_and_times_show_no_class(world: str) -> None:
    cascades = generate(world)
    seen = np.array([structure_and_times(cascade) for cascade in cascades])
    label = np.array([cascade.label for cascade in cascades])
    model = RandomForestClassifier(100, min_samples_leaf=4, random_state=0)
    assert abs((cross_val_predict(model, seen, label, cv=5) == label).mean() - 0.5) < 0.08


def test_only_the_month_tells_the_class_in_the_world_of_dates() -> None:
    cascades = generate("date")
    month = [(cascade.posted_at - 1_577_836_800) // (30 * 86_400) % 2 for cascade in cascades]
    told = [planted.CLASSES[number] for number in month]
    assert told == [cascade.label for cascade in cascades]
    told_elsewhere = generate("both", cascades=80)
    month = [(cascade.posted_at - 1_577_836_800) // (30 * 86_400) % 2 for cascade in told_elsewhere]
    right = [planted.CLASSES[n] == c.label for n, c in zip(month, told_elsewhere, strict=True)]
    assert 0.3 < np.mean(right) < 0.7


def test_a_planted_cascade_depends_on_seed_and_number_only() -> None:
    few, many = generate("both", cascades=3), generate("both", cascades=9)
    other = generate("both", cascades=3, seed=1)
    for a, b, c in zip(few, many, other, strict=False):
        assert a.text == b.text
        assert a.parent.tolist() == b.parent.tolist()
        assert a.delay_seconds.tolist() == b.delay_seconds.tolist()
        assert a.text != c.text
        a.check()
