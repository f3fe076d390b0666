"""The published Twitter15/16 trees: every count a correct reader reproduces."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dgljoint import Kind
from dgljoint.data.store import CascadeStore
from dgljoint_data import BuildSummary, build_store
from dgljoint_data.readers.twitter.readers import TwitterTreeReader

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")

# Read from the README of the data, not from the program.
EXPECTED = {
    "15": {
        "threads": 1490,
        "edge_lines": 624_458,
        "distinct_posts": 599_196,
        "duplicate_edge_lines": 17_169,
        "self_loop_edges": 1218,
        "threads_with_cycle": 810,
        "threads_with_several_parents": 1096,
        "posts_with_several_parents": 6250,
        "edges_child_earlier": 7017,
        "edges_child_delay_negative": 663,
        "threads_root_not_first": 17,
        "threads_root_is_another_tweet": 8,
        "posts_reachable": 591_313,
        "distinct_posts_per_thread_min": 56,
        "distinct_posts_per_thread_median": 260,
        "distinct_posts_per_thread_mean": 402,
        "distinct_posts_per_thread_max": 2990,
    },
    "16": {
        "threads": 818,
        "edge_lines": 363_536,
        "distinct_posts": 347_828,
        "duplicate_edge_lines": 10_549,
        "self_loop_edges": 953,
        "threads_with_cycle": 436,
        "threads_with_several_parents": 590,
        "posts_with_several_parents": 3657,
        "edges_child_earlier": 4510,
        "edges_child_delay_negative": 337,
        "threads_root_not_first": 10,
        "threads_root_is_another_tweet": 9,
        "posts_reachable": 344_508,
        "distinct_posts_per_thread_min": 74,
        "distinct_posts_per_thread_median": 271,
        "distinct_posts_per_thread_mean": 425,
        "distinct_posts_per_thread_max": 3089,
    },
}
LABELS = {
    "15": {"unverified": 374, "non-rumor": 374, "true": 372, "false": 370},
    "16": {"unverified": 201, "non-rumor": 205, "true": 207, "false": 205},
}
EVENTS = {"15": (298, 1390), "16": (182, 742)}
SHARES = {"15": (0.765, 0.89), "16": (0.724, 0.88)}  # at depth 1; without children


@pytest.fixture(scope="module", params=["15", "16"])
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, BuildSummary]:
    edition = request.param
    source = Path(RAW or "") / f"twitter{edition}-tree"
    if not source.is_dir():
        pytest.skip(f"twitter{edition}-tree is not unpacked in DGLJOINT_RAW_DATA")
    output = tmp_path_factory.mktemp("built") / "out.h5"
    return edition, build_store(
        TwitterTreeReader(edition), reader_name=f"twitter{edition}", source=source, output=output
    )


def test_the_counts_of_the_release_are_reproduced(built: tuple[str, BuildSummary]) -> None:
    edition, summary = built
    found = summary.report.counts
    assert {name: found[name] for name in EXPECTED[edition]} == EXPECTED[edition]
    assert summary.labels == LABELS[edition]
    assert not summary.report.refusals
    assert not summary.report.notes


def test_every_line_and_post_is_accounted_for(built: tuple[str, BuildSummary]) -> None:
    _, summary = built
    counts, repairs = summary.report.counts, summary.report.repairs
    dropped = sum(tally.count for tally in repairs.values())
    assert counts["edge_lines"] == counts["threads"] + summary.edges + dropped
    lost = sum(number for name, number in counts.items() if name.startswith("posts_dropped_"))
    assert counts["distinct_posts"] == summary.posts + lost


def test_the_shape_of_the_trees_is_reproduced(built: tuple[str, BuildSummary]) -> None:
    edition, summary = built
    counts = summary.report.counts
    depth_1, leaves = SHARES[edition]
    assert counts["posts_of_depth_1"] / counts["posts_reachable"] == pytest.approx(
        depth_1, abs=5e-4
    )
    assert counts["posts_without_children"] / counts["distinct_posts"] == pytest.approx(
        leaves, abs=5e-3
    )


def test_the_store_keeps_events_apart_and_parents_strictly_earlier(
    built: tuple[str, BuildSummary],
) -> None:
    edition, summary = built
    store = CascadeStore(summary.path)
    events, in_large_events = EVENTS[edition]
    sizes = np.bincount(store.event)
    assert (len(sizes), sizes[sizes > 1].sum()) == (events, in_large_events)
    fold = store.split("event").fold
    assert all(len(set(fold[store.event == event])) == 1 for event in range(events))
    columns = store.read(np.arange(len(store)))
    child = np.flatnonzero(columns.parent >= 0)
    assert (columns.delay_seconds[columns.parent[child]] < columns.delay_seconds[child]).all()
    assert (columns.kind[columns.parent < 0] == Kind.SOURCE).all()
    assert (columns.kind == Kind.RETWEET).mean() > 0.5
    filled = np.diff(store.sparse("bow").indptr) > 0
    assert not filled[columns.parent >= 0].any()
    assert filled[columns.parent < 0].mean() > 0.99
