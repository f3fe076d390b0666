"""Words of the RvNN release joined to the trees: matched for certain or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint import Cascade, DataError, ReadReport
from dgljoint.data.cascade import SparseBlock, parents_precede
from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader
from dgljoint_data.readers.twitter.readers import TwitterTreeReader
from dgljoint_data.readers.twitter.rvnn import FEATURE
from dgljoint_data.readers.twitter.rvnn_join import match_rows, reply_tree
from twitter_release import SMALL_TREE, Release, RvnnRelease, edge, root, row, words_of


def block(*rows: str) -> SparseBlock:
    """Give each row one word, told by its letter."""
    return SparseBlock(
        indptr=np.arange(len(rows) + 1), indices=np.array(list(map(ord, rows)), np.int32),
        values=np.ones(len(rows), np.float32),
    )


def joined(
    tmp_path: Path, tree: tuple[str, ...], rows: tuple[str, ...]
) -> tuple[Cascade, ReadReport]:
    trees = Release(trees={"500": tree}, labels=b"true:500").write(tmp_path / "trees")
    place = RvnnRelease(rows=rows).write(tmp_path / "rvnn")
    report = ReadReport()
    [cascade] = TwitterTreeReader("15", place).read(trees, report)
    cascade.check()
    return cascade, report


def test_replies_in_places_of_their_own_get_the_words_of_that_place(tmp_path: Path) -> None:
    trees, place = Release().write(tmp_path / "trees"), RvnnRelease().write(tmp_path / "rvnn")
    report = ReadReport()
    reader = TwitterReader("15", TwitterOptions(text_from=str(place)))
    first = next(iter(list(reader.read(trees, report))))
    # In time order: the source, its retweet, a reply, a reply to that.
    assert words_of(first) == [{3: 2, 7: 1}, {}, {0: 4, 12: 1}, {4999: 1}]
    assert first.text[0] == "Breaking: 🔥 URL"
    assert first.delay_seconds.tolist() == [0, 30, 90, 615]
    counts = report.counts
    assert (counts["rvnn_trees_of_a_thread"], counts["rvnn_trees_of_the_same_shape"]) == (5, 5)
    assert (counts["rvnn_posts"], counts["rvnn_posts_matched"]) == (15, 15)
    assert (counts["replies"], counts["replies_matched"]) == (10, 10)
    assert "10 replies" in report.notes[-1]


STAR = (
    root((1, 500, "0.0")), edge((1, 500, "0.0"), (2, 501, "1.0")),
    edge((1, 500, "0.0"), (3, 502, "2.0")),
)


def star(*words: str) -> tuple[str, ...]:
    parents = 2 if words[1:] else 1
    return (
        row("500", "None", 1, words[0], parents=parents),
        *(row("500", 1, 2 + n, word, parents=parents) for n, word in enumerate(words[1:])),
    )


@pytest.mark.parametrize(
    ("rows", "expected", "shape"),
    [
        (star("1:1", "2:1", "2:1"), [{1: 1}, {2: 1}, {2: 1}], 1),  # either way the same
        (star("1:1", "2:1", "3:1"), [{1: 1}, {}, {}], 1),  # which is which is not known
        (star("1:1", "2:1"), [{1: 1}, {}, {}], 0),
        (star("1:1", "2:1", "2:1", "2:1"), [{1: 1}, {}, {}], 0),
        (star("1:1"), [{1: 1}, {}, {}], 0),
    ],
)
def test_exchangeable_replies_get_words_only_if_these_are_equal(
    tmp_path: Path, rows: tuple[str, ...], expected: list[dict[int, float]], shape: int
) -> None:
    cascade, report = joined(tmp_path, STAR, rows)
    assert words_of(cascade) == expected
    counts = report.counts
    assert counts["rvnn_trees_of_the_same_shape"] == shape
    assert counts["rvnn_posts"] == counts["rvnn_posts_matched"] + counts["rvnn_posts_unmatched"]


@pytest.mark.parametrize(
    "extra",
    [
        (row("500", 77, 9, "1:1"),),  # a row is lost
        (),  # and here the rows' own number of parents says that some are missing
    ],
)
def test_a_tree_known_to_lack_rows_is_matched_at_its_source_alone(
    tmp_path: Path, extra: tuple[str, ...]
) -> None:
    rows = tuple(line.replace("\t3\t4\t", "\t4\t4\t") for line in RvnnRelease().rows[:3])
    cascade, report = joined(tmp_path, SMALL_TREE, (*rows, *extra))
    assert words_of(cascade)[1:] == [{}, {}, {}]
    assert words_of(cascade)[0] == {3: 2, 7: 1}
    assert report.counts["rvnn_posts_matched"] == 1


def test_a_thread_that_lost_a_reply_is_matched_at_its_source_alone(tmp_path: Path) -> None:
    older = edge((9, 599, "-5.0"), (8, 598, "-4.0"))
    cascade, report = joined(tmp_path, (*SMALL_TREE, older), RvnnRelease().rows[:3])
    assert report.counts["replies_matched"] == 0
    assert words_of(cascade)[0] == {3: 2, 7: 1}


def test_trees_and_threads_on_one_side_alone_are_counted(tmp_path: Path) -> None:
    trees = Release().write(tmp_path / "trees")
    rows = RvnnRelease().rows
    assert isinstance(rows, tuple)
    other = (*rows[:3], *(line.replace("500", "4242") for line in rows[:3]), row("600", 3, 1, ""))
    report = ReadReport()
    cascades = list(
        TwitterTreeReader("15", RvnnRelease(rows=other).write(tmp_path / "r")).read(trees, report)
    )
    counts = report.counts
    assert [len(cascade.features[FEATURE].indptr) - 1 for cascade in cascades] == [4] * 5
    assert counts["threads_without_rvnn_tree"] == 3
    assert (counts["rvnn_trees_of_a_thread"], counts["rvnn_trees_of_no_thread"]) == (2, 1)
    assert counts["rvnn_posts"] == 7 == sum(
        counts[f"rvnn_posts_{where}"] for where in ("matched", "unmatched", "of_no_thread")
    )
    assert "RvNN tree without a source (its words are not used)" in report.repairs


def test_the_second_source_is_in_the_fingerprint(tmp_path: Path) -> None:
    trees = Release().write(tmp_path / "trees")
    place = RvnnRelease().write(tmp_path / "rvnn")
    other = RvnnRelease(rows=RvnnRelease().rows[:3]).write(tmp_path / "other")
    digests = {
        TwitterTreeReader("15", second).fingerprint(trees) for second in (None, place, other)
    }
    assert len(digests) == 3


def test_a_second_source_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    trees = Release().write(tmp_path / "trees")
    rvnn = RvnnRelease().write(tmp_path / "rvnn")
    strange = RvnnRelease(rows=(row("1", "None", 1, ""),)).write(tmp_path / "strange")
    for source, place, message in (
        (trees, trees, "holds no file of RvNN rows: no words can be joined"),
        (trees, tmp_path / "nothing", "is no folder"),
        (trees, strange, "is of a thread that was read"),
        (rvnn, rvnn, "is the RvNN release, which has its own words"),
    ):
        reader = TwitterReader("15", TwitterOptions(text_from=str(place)))
        with pytest.raises(DataError, match=message) as caught:
            list(reader.read(source, ReadReport()))
        assert "--text-from" in str(caught.value.hint)


def test_a_reply_to_a_retweet_answers_the_tweet() -> None:
    parent = np.array([-1, 0, 1, 2], np.int32)
    post, above = reply_tree(parent, np.array([500, 500, 501, 502]))
    assert (post.tolist(), above) == ([0, 2, 3], [-1, 0, 1])


@st.composite
def trees(draw: st.DrawFn) -> list[int]:
    size = draw(st.integers(1, 9))
    return [-1, *(draw(st.integers(0, node - 1)) for node in range(1, size))]


@given(trees(), st.randoms(use_true_random=False), st.booleans())
def test_a_match_is_never_wrong_and_misses_no_place_of_its_own(
    tree: list[int], random: object, distinct: bool
) -> None:
    size = len(tree)
    # The same tree with its nodes in another order, parents first.
    order = [0]
    left = list(range(1, size))
    while left:
        ready = [node for node in left if tree[node] in order]
        chosen = random.choice(ready)  # type: ignore[attr-defined]  # random.Random
        order.append(chosen)
        left.remove(chosen)
    place = {node: position for position, node in enumerate(order)}
    rows = [-1] + [place[tree[node]] for node in order[1:]]
    assert parents_precede(np.array(rows), np.array([0, size]))
    words = block(*(chr(node if distinct else 0) for node in order))
    matched, same_shape = match_rows(tree, rows, words, whole=True)
    assert same_shape
    if not distinct:
        assert set(matched) == set(range(size))
    for post, at in matched.items():
        # Whatever the true row of the post is, its words are those of the row found.
        assert words.indices[at] == words.indices[place[post]]
    if len(set(tree)) == size:  # a chain: every place is its own
        assert len(matched) == size


def test_leaves_of_different_depth_are_told_apart() -> None:
    matched, _ = match_rows([-1, 0, 0, 2], [-1, 0, 0, 1], block("a", "b", "c", "d"), whole=True)
    assert matched == {0: 0, 1: 2, 2: 1, 3: 3}


def test_trees_of_equal_size_and_other_shape_are_matched_at_the_source_alone() -> None:
    words = block("a", "b", "c", "d")
    matched, same_shape = match_rows([-1, 0, 1, 2], [-1, 0, 0, 1], words, whole=True)
    assert (matched, same_shape) == ({0: 0}, False)


def test_a_very_deep_tree_is_matched() -> None:
    deep = list(range(-1, 5_000))
    words = SparseBlock(
        np.zeros(len(deep) + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)
    )
    assert len(match_rows(deep, deep, words, whole=True)[0]) == len(deep)
