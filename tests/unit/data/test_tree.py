"""One tree file: what is kept, what is dropped, and that every line is accounted for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint_data.readers.twitter.readers import _cascade
from dgljoint_data.readers.twitter.tree import EDGE_REASONS, Tree, TreeFile, choose_tree, parse_tree
from twitter_release import SMALL_TREE, Post, edge, root

SOURCE: Post = (1, 500, "0.0")


def parsed(*lines: str) -> TreeFile:
    file = parse_tree("\n".join(lines).encode())
    assert file is not None
    return file


def tree_of(*edges: tuple[Post, Post]) -> Tree:
    return choose_tree(parsed(root(SOURCE), *(edge(*pair) for pair in edges)))


def dropped(tree: Tree) -> dict[str, int]:
    numbers = zip(EDGE_REASONS[1:], tree.edges[1:], strict=True)
    return {reason: number for reason, number in numbers if number}


def test_posts_come_in_time_order_with_delays_in_seconds() -> None:
    tree = choose_tree(parsed(*SMALL_TREE))
    assert tree.delay_seconds.tolist() == [0, 30, 90, 615]
    assert tree.parent.tolist() == [-1, 0, 0, 2]
    assert dropped(tree) == {}


def test_delays_are_counted_from_a_source_posted_before_time_zero() -> None:
    tree = choose_tree(parsed(root((1, 499, "-5.0")), edge((1, 499, "-5.0"), (2, 501, "1.0"))))
    assert tree.delay_seconds.tolist() == [0, 360]


@pytest.mark.parametrize(
    ("edges", "reason"),
    [
        ([(SOURCE, (2, 501, "1.0"))] * 2, "duplicate edge line"),
        ([((2, 501, "1.0"), (2, 501, "1.0"))], "self-loop"),
        ([((2, 501, "1.0"), SOURCE)], "edge into the source post"),
        ([(SOURCE, (2, 501, "-1.0"))], "child posted before the thread's time zero"),
        ([(SOURCE, (2, 501, "0.0"))], "child not later than its parent"),
        ([((2, 501, "1.0"), (3, 502, "2.0"))], "not reachable from the source"),
    ],
)
def test_an_edge_is_dropped_for_one_reason(edges: list[tuple[Post, Post]], reason: str) -> None:
    assert dropped(tree_of(*edges)) == {reason: 1}


def test_the_latest_earlier_parent_is_chosen() -> None:
    early, late, later = (2, 501, "1.0"), (3, 502, "2.0"), (5, 504, "9.0")
    child: Post = (4, 503, "3.0")
    tree = tree_of(
        (SOURCE, late), (SOURCE, early), (SOURCE, later), (late, child), (early, child),
        (later, child),
    )
    assert tree.parent.tolist() == [-1, 0, 0, 2, 0]
    assert dropped(tree) == {
        "another parent of the post is later": 1, "child not later than its parent": 1
    }
    assert tree.counts["posts_with_several_parents"] == 1


def test_among_equally_late_parents_the_first_listed_is_chosen() -> None:
    one, two, child = (2, 501, "1.0"), (3, 502, "1.0"), (4, 503, "3.0")
    first = tree_of((SOURCE, one), (SOURCE, two), (two, child), (one, child))
    second = tree_of((SOURCE, one), (SOURCE, two), (one, child), (two, child))
    assert first.parent.tolist() == [-1, 0, 0, 2]
    assert second.parent.tolist() == [-1, 0, 0, 1]


def test_cycles_are_counted_and_broken() -> None:
    a, b, c = (2, 501, "1.0"), (3, 502, "2.0"), (4, 503, "3.0")
    cyclic = tree_of((SOURCE, a), (a, b), (b, c), (c, a))
    assert cyclic.counts["threads_with_cycle"] == 1
    assert cyclic.parent.tolist() == [-1, 0, 1, 2]
    # A backward edge and a self-loop are no cycle.
    straight = tree_of((SOURCE, a), (SOURCE, b), (b, a), (c, c))
    assert straight.counts["threads_with_cycle"] == 0


def test_a_post_with_two_delays_is_one_post_with_the_first() -> None:
    file = parsed(
        root(SOURCE), edge(SOURCE, (2, 501, "1.0")), edge((2, 501, "4.0"), (3, 502, "2.0"))
    )
    assert file.two_delays == 1
    assert choose_tree(file).delay_seconds.tolist() == [0, 60, 120]


def test_dropped_posts_stand_under_one_reason_each() -> None:
    early, orphan, below = (2, 501, "0.0"), (3, 502, "1.0"), (4, 503, "2.0")
    counts = tree_of((SOURCE, early), (orphan, below)).counts
    assert counts["posts_dropped_no_earlier_parent"] == 1
    assert counts["posts_dropped_never_a_child"] == 1
    assert counts["posts_dropped_below_a_dropped_post"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "['1', '500', '0.0']->['7', '507', '1",  # cut short
        "nonsense",
        "['1', '500', '0.0']->['', '507', '1.0']",
        "['1', '500', '0.0']->['-7', '507', '1.0']",
        "['1', '500', '0.0']->['7', '99999999999999999999', '1.0']",
        "['1', '500', '0.0']->['7', '9999999999999999999', '1.0']",
        "['1', '500', '0.0']->['7', '507', '1-2.0']",
        "['1', '500', '0.0']->['7', '507', '" + "9" * 400 + ".0']",
        "['1', '500', '0.0']->['ROOT', '507', '1.0']",
        "['1', '500', '0.0']5->['6', '507', '1.0']",
        "['1', '500', '0.0']-->['6', '507', '1.0']",
        "7['1', '500', '0.0']->['6', '507', '1.0']",
        "['1', '500', '0.0']->['6', '507', '1.0']9",
        "['1',- '500', '0.0']->['6', '507', '1.0']",
        "\udcff\udcfe",
    ],
)
def test_a_bad_line_is_left_out_and_its_number_kept(line: str) -> None:
    lines = [*SMALL_TREE, line]
    file = parse_tree("\n".join(lines).encode(errors="surrogateescape"))
    assert file is not None
    assert file.not_edges == [5]
    assert len(file.edge_parent) == 3


@pytest.mark.parametrize("form", ["\r\n", "\n\n", "\n  ", " \n"])
def test_line_ends_blanks_and_indents_do_not_matter(form: str) -> None:
    file = parse_tree(form.join(SMALL_TREE).encode())
    assert file is not None
    assert file.not_edges == []
    assert choose_tree(file).parent.tolist() == [-1, 0, 0, 2]


def test_a_byte_order_mark_and_whole_minutes_are_read() -> None:
    text = "\ufeff" + "\n".join(SMALL_TREE).replace("'1.5'", "'1'").replace("', '", "','")
    file = parse_tree(text.encode())
    assert file is not None
    assert choose_tree(file).delay_seconds.tolist() == [0, 30, 60, 615]


def test_further_root_lines_are_counted() -> None:
    file = parsed(SMALL_TREE[1], root(SOURCE), SMALL_TREE[2], root((9, 509, "3.0")))
    assert (file.root_line, file.other_roots, int(file.tweet[0])) == (1, 1, 500)


@pytest.mark.parametrize("data", [b"", b"\n", SMALL_TREE[1].encode(), b"\xff\x00"])
def test_no_root_line_gives_no_tree(data: bytes) -> None:
    assert parse_tree(data) is None


def test_a_source_alone_is_a_tree() -> None:
    tree = choose_tree(parsed(root(SOURCE)))
    assert tree.parent.tolist() == [-1]


POSTS = st.tuples(
    st.integers(1, 4), st.integers(500, 505),
    st.sampled_from(["-3.0", "-0.5", "0.0", "0.01", "1.0", "1", "2.5", "7.13"]),
)
LINES = st.one_of(
    st.tuples(POSTS, POSTS).map(lambda pair: edge(*pair)),
    POSTS.map(root),
    st.sampled_from(["", "garbage", "['1', '500'"]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(before=st.lists(LINES, max_size=8), source=POSTS, after=st.lists(LINES, max_size=25))
def test_every_line_and_post_of_a_random_file_is_accounted_for(
    before: list[str], source: Post, after: list[str]
) -> None:
    lines = [*before, root(source), *after]
    file = parsed(*lines)
    tree = choose_tree(file)
    filled = [line for line in lines if line]
    assert len(filled) == 1 + file.other_roots + len(file.not_edges) + sum(tree.edges)
    assert tree.counts["edge_lines"] == len(filled) - len(file.not_edges)
    assert tree.edges[0] == tree.counts["posts_reachable"] == len(tree.parent) - 1
    lost = sum(number for name, number in tree.counts.items() if "dropped" in name)
    assert tree.counts["distinct_posts"] == len(tree.parent) + lost
    assert (tree.parent[1:] < np.arange(1, len(tree.parent))).all()
    assert (tree.delay_seconds[tree.parent[1:]] < tree.delay_seconds[1:]).all()
    _cascade("500", "", "true", "", file, tree).check()
    pairs = set(zip(file.user.tolist(), file.tweet.tolist(), strict=True))
    assert len(pairs) == len(file.user)
