"""One tree file of the Twitter15/16 release: from its bytes to a tree in time order.

A line is an edge, ``['user', 'tweet', 'minutes']->['user', 'tweet', 'minutes']``; that from
``['ROOT', 'ROOT', ...]`` names the source. A post is the pair (user, tweet): a retweet keeps the
tweet id. Files in the published form take a path without a loop over lines.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOT_AN_EDGE = "not an edge line"
TWO_DELAYS = "a post given with several delays (the first is kept)"

# Why an edge was dropped, in the order in which the reasons are tried: every dropped edge counts
# under exactly one.
EDGE_REASONS = (
    "kept",
    "duplicate edge line",
    "self-loop",
    "edge into the source post",
    "child posted before the thread's time zero",
    "child not later than its parent",
    "another parent of the post is later",
    "not reachable from the source",
)
ANOTHER_ROOT = "another ROOT line"
ROOT_LINE = "['ROOT', 'ROOT', '0.0']->['USER', 'TWEET', '0.0']"

_BOM = b"\xef\xbb\xbf"
_DIGITS_AND_SIGN = b"0123456789-"
_EDGE_WITHOUT_DIGITS = b"['', '', '.']>['', '', '.']\n"
_ROOT_START = b"['ROOT', 'ROOT', '"
_POST = rb"\[\s*'(\d{1,19})'\s*,\s*'(\d{1,19})'\s*,\s*'(-?\d{1,12}(?:\.\d{0,12})?)'\s*\]"
_EDGE_LINE = re.compile(rb"\s*" + _POST + rb"\s*->\s*" + _POST + rb"\s*")
_ROOT_LINE = re.compile(
    rb"\s*\[\s*'ROOT'\s*,\s*'ROOT'\s*,\s*'-?[\d.]+'\s*\]\s*->\s*" + _POST + rb"\s*"
)
_LARGEST_ID = 2**63 - 1


class _Lines(NamedTuple):
    """The edge lines of a file in the published form without ROOT's, and ROOT's child."""

    edges: bytes
    root: bytes
    root_line: int
    other_roots: int
    not_edges: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class TreeFile:
    """The content of a tree file: n posts in the order first named (the source first), E edges.

    ``user``, ``tweet`` and ``minutes`` are (n,), ``edge_parent`` and ``edge_child`` (E,) positions,
    without ROOT's line, which ``root_line`` edges precede; ``not_edges`` are numbers of lines from
    1.
    """

    user: Ints
    tweet: Ints
    minutes: NDArray[np.float64]
    edge_parent: Ints
    edge_child: Ints
    root_line: int
    other_roots: int
    two_delays: int
    not_edges: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The tree chosen from a file: N stored posts in time order.

    ``post`` (N,) are positions in the file's arrays, the source's first, ``parent`` (N,) positions
    among the stored posts, -1 for the source; ``edges`` are numbers by reason, as EDGE_REASONS.
    """

    post: Ints
    parent: NDArray[np.int32]
    delay_seconds: NDArray[np.float64]
    edges: list[int]
    counts: dict[str, int]


def parse_tree(data: bytes) -> TreeFile | None:
    """Read the bytes of a tree file; ``None`` when no line names the source."""
    # Sifting would do with any line end; this keeps such files on the quick path.
    data = data.removeprefix(_BOM).replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    lines = _published_form(data)
    if lines is not None:
        try:
            return _index(lines)
        except (ValueError, OverflowError):
            pass  # a field without digits, or of too many: sift the lines
    lines = _sift(data)
    return None if lines is None else _index(lines)


def _published_form(data: bytes) -> _Lines | None:
    """Split a file whose every line has the published form; ``None`` for any other file."""
    start = data.find(_ROOT_START)
    if start < 0 or (start and data[start - 1] != ord("\n")):
        return None
    end = data.index(b"\n", start)
    match = _ROOT_LINE.fullmatch(data, start, end)
    edges = data[:start] + data[end + 1 :]
    # An edge line without its digits is one constant: a comparison of bytes.
    form = edges.translate(None, _DIGITS_AND_SIGN)
    if match is None or form != _EDGE_WITHOUT_DIGITS * edges.count(b"\n"):
        return None
    return _Lines(edges, _post_token(*match.groups()), data.count(b"\n", 0, start), 0, [])


def _sift(data: bytes) -> _Lines | None:
    edges: list[bytes] = []
    roots: list[bytes] = []
    not_edges: list[int] = []
    root_line = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        root = _ROOT_LINE.fullmatch(line)
        match = root or _EDGE_LINE.fullmatch(line)
        groups = match.groups() if match else ()
        if not match or any(int(one) > _LARGEST_ID for one in (*groups[0::3], *groups[1::3])):
            not_edges.append(number)
        elif root:
            root_line = root_line if roots else len(edges)
            roots.append(_post_token(*groups))
        else:
            edges.append(_post_token(*groups[:3]) + b"->" + _post_token(*groups[3:]) + b"\n")
    if not roots:
        return None
    return _Lines(b"".join(edges), roots[0], root_line, len(roots) - 1, not_edges)


def _post_token(user: bytes, tweet: bytes, minutes: bytes) -> bytes:
    return b"['%b', '%b', '%b']" % (user, tweet, minutes)


def _index(lines: _Lines) -> TreeFile:
    """Number the posts and turn the edges into pairs; ValueError or OverflowError if it fails."""
    tokens = (lines.root + b"\n" + lines.edges.replace(b"]->[", b"]\n[")).split(b"\n")[:-1]
    place = dict.fromkeys(tokens)
    fields = b"\n".join(place).split(b"'")
    # The published form was compared without digits: they might be between the fields as well.
    between = {b"]\n" + fields[0], fields[-1] + b"\n[", *fields[6:-1:6]}
    if between != {b"]\n["} or {*fields[2::6], *fields[4::6]} != {b", "}:
        raise ValueError("digits outside the quotes")
    user = np.array(list(map(int, fields[1::6])), np.int64)
    tweet = np.array(list(map(int, fields[3::6])), np.int64)
    minutes = np.array(list(map(float, fields[5::6])), np.float64)
    if min(user.min(), tweet.min()) < 0 or not np.isfinite(minutes).all():
        raise ValueError("a field is out of range")
    number = dict(zip(place, range(len(place)), strict=True))
    edges = np.fromiter(map(number.__getitem__, tokens), np.int64, len(tokens))[1:]
    two_delays = 0
    # The sum wraps round: unequal sums prove unequal posts, and equal ones are compared.
    if len(np.unique(user * 1_000_003 + tweet)) < len(user):
        first, edges, two_delays = _merge(user, tweet, edges)
        user, tweet, minutes = user[first], tweet[first], minutes[first]
    return TreeFile(
        user, tweet, minutes, edge_parent=edges[0::2], edge_child=edges[1::2],
        root_line=lines.root_line, other_roots=lines.other_roots, two_delays=two_delays,
        not_edges=lines.not_edges,
    )


def _merge(user: Ints, tweet: Ints, edges: Ints) -> tuple[Ints, Ints, int]:
    """Make one post of those that differ in their delay only; the first named stays."""
    _, first, group = np.unique(
        np.stack([user, tweet]), axis=1, return_index=True, return_inverse=True
    )
    group = group.reshape(-1)
    several = int((np.bincount(group) > 1).sum())
    kept = np.sort(first)
    return kept, np.searchsorted(kept, first[group])[edges], several


def choose_tree(file: TreeFile) -> Tree:
    """Choose one parent for every post and keep what is then connected to the source.

    The parent is the latest of those strictly earlier, so that no cycle remains; a post older than
    the thread's tweet is no response to it.
    """
    parent, child = file.edge_parent, file.edge_child
    count = len(file.user)
    # To the millisecond: the published hundredths of minutes are multiples of 0.6 seconds.
    delay = np.round((file.minutes - file.minutes[0]) * 60.0, 3)
    _, first = np.unique(parent * count + child, return_index=True)
    duplicate = np.ones(len(parent), np.bool_)
    duplicate[first] = False
    loop = parent == child
    negative = file.minutes[child] < 0
    reason = np.select(
        [duplicate, loop, child == 0, negative, delay[child] <= delay[parent]], [1, 2, 3, 4, 5]
    )
    # Of several assignments to one place the last one stays: the latest parent's.
    good = np.flatnonzero(reason == 0)[::-1]
    good = good[np.argsort(delay[parent[good]], kind="stable")]
    edge_of = np.full(count, -1)
    edge_of[child[good]] = good
    parent_of = np.where(edge_of < 0, np.arange(count), parent[edge_of] if len(parent) else 0)
    reached = _tops(parent_of) == 0
    chosen = edge_of[edge_of >= 0]
    reason[good] = 6
    reason[chosen] = np.where(reached[child[chosen]], 0, 7)

    post = np.flatnonzero(reached)
    post = post[np.argsort(delay[post], kind="stable")]
    position = np.empty(count, np.int32)
    position[post] = np.arange(len(post))
    stored_parent = position[parent_of[post]]
    stored_parent[0] = -1
    return Tree(
        post=post, parent=stored_parent, delay_seconds=delay[post],
        edges=np.bincount(reason, minlength=len(EDGE_REASONS)).tolist(),
        counts=_count(file, duplicate, loop, negative)
        | _count_posts(file, reached, edge_of, stored_parent),
    )


def _tops(parent_of: Ints) -> Ints:
    """Follow parents to the end: (n,) the post above each that is its own parent."""
    top = parent_of
    while True:
        higher = top[top]
        if np.array_equal(higher, top):
            return top
        top = higher


def _count(file: TreeFile, duplicate: Bools, loop: Bools, negative: Bools) -> dict[str, int]:
    """Count the content of a file; the counts overlap, unlike the reasons edges are dropped for."""
    parent, child = file.edge_parent, file.edge_child
    parents = np.bincount(child[~duplicate], minlength=1)
    several = int((parents > 1).sum())
    later = file.minutes[child] > file.minutes[parent]
    forward = bool((later | loop).all())
    return {
        "threads": 1,
        "edge_lines": len(parent) + 1 + file.other_roots,
        "distinct_posts": len(file.user),
        "duplicate_edge_lines": int(duplicate.sum()),
        "self_loop_edges": int(loop.sum()),
        "threads_with_cycle": int(not forward and _has_cycle(parent[~loop], child[~loop])),
        "threads_with_several_parents": int(several > 0),
        "posts_with_several_parents": several,
        "edges_child_earlier": int((file.minutes[child] < file.minutes[parent]).sum()),
        "edges_child_delay_negative": int(negative.sum()),
        "threads_root_not_first": int(file.root_line > 0),
    }


def _has_cycle(parent: Ints, child: Ints) -> bool:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count = int(max(parent.max(), child.max())) + 1
    graph = csr_array((np.ones(len(parent), np.int8), (parent, child)), (count, count))
    return bool(connected_components(graph, connection="strong", return_labels=False) < count)


def _count_posts(
    file: TreeFile, reached: Bools, edge_of: Ints, stored_parent: NDArray[np.int32]
) -> dict[str, int]:
    """Count what became of the posts of a file, each but the source reachable or dropped."""
    named_as_child = np.zeros(len(reached), np.bool_)
    named_as_child[file.edge_child] = True
    lost = ~reached
    parentless = lost & (edge_of < 0)
    with_children = np.zeros(len(stored_parent), np.bool_)
    with_children[stored_parent[1:]] = True
    return {
        "posts_reachable": len(stored_parent) - 1,
        "posts_of_depth_1": int((stored_parent == 0).sum()),
        "posts_without_children": int(len(stored_parent) - with_children.sum()),
        "posts_dropped_never_a_child": int((parentless & ~named_as_child).sum()),
        "posts_dropped_no_earlier_parent": int((parentless & named_as_child).sum()),
        "posts_dropped_below_a_dropped_post": int((lost & (edge_of >= 0)).sum()),
    }
