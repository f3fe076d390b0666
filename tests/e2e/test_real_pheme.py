"""The PHEME threads and RumourEval: every count a correct reader reproduces."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dgljoint import Kind
from dgljoint.data.store import CascadeStore
from dgljoint_data import BuildSummary, build_store
from dgljoint_data.readers.pheme import PhemeOptions, PhemeReader

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")


def build(archive: str, output: Path, **options: str) -> BuildSummary:
    source = Path(RAW or "") / archive
    if not source.is_dir():
        pytest.skip(f"{archive} is not unpacked in DGLJOINT_RAW_DATA")
    reader = PhemeReader(PhemeOptions.model_validate(options))
    return build_store(reader, reader_name="pheme", source=source, output=output)


@pytest.fixture(scope="module")
def pheme(tmp_path_factory: pytest.TempPathFactory) -> BuildSummary:
    return build("pheme-derived-layout", tmp_path_factory.mktemp("pheme") / "out.h5")


@pytest.fixture(scope="module")
def rumoureval(tmp_path_factory: pytest.TempPathFactory) -> BuildSummary:
    return build("rumoureval2017-raw", tmp_path_factory.mktemp("rumoureval") / "out.h5")


def repairs(summary: BuildSummary) -> dict[str, int]:
    return {reason: tally.count for reason, tally in summary.report.repairs.items()}


def test_the_counts_of_pheme_are_reproduced(pheme: BuildSummary) -> None:
    assert (pheme.cascades, pheme.events) == (1982, 6)
    # Of a count by another program.
    assert pheme.labels == {"false": 428, "true": 482, "unverified": 228, "non-rumor": 844}
    assert pheme.report.counts["tweet_files"] == 18_915
    # 18,484 ids stand in the structures; of the 431 tweets in none, 180 reply to one another.
    assert pheme.posts == 18_484
    assert repairs(pheme) == {
        "post whose parent is not in the thread": 251, "post below one that is left out": 180
    }
    assert not pheme.report.refusals
    assert not pheme.report.notes


def test_the_counts_of_rumoureval_are_reproduced(rumoureval: BuildSummary) -> None:
    assert (rumoureval.cascades, rumoureval.events, rumoureval.unlabelled) == (297, 8, 297)
    assert rumoureval.report.counts["tweet_files"] == rumoureval.posts == 4519
    assert repairs(rumoureval) == {
        "id in structure.json without a tweet file": 341,
        "root in structure.json that is not the source": 21,
        "thread without a folder of replies": 1,
    }
    assert not rumoureval.report.refusals


@pytest.mark.parametrize(
    ("labels", "expected", "refused"),
    [
        ("rumor", {"rumor": 1138, "non-rumor": 844}, 0),
        ("veracity3", {"false": 428, "true": 482, "unverified": 228}, 844),
    ],
)
def test_labels_by_option(
    tmp_path: Path, labels: str, expected: dict[str, int], refused: int
) -> None:
    summary = build("pheme-derived-layout", tmp_path / "out.h5", labels=labels)
    assert summary.labels == expected
    assert sum(tally.count for tally in summary.report.refusals.values()) == refused
    counts = summary.report.counts
    lost = sum(number for name, number in counts.items() if name.startswith("posts_dropped_"))
    assert counts["tweet_files"] == 18_915 == summary.posts + lost


def test_every_post_has_a_text_and_a_parent_that_came_before(pheme: BuildSummary) -> None:
    store = CascadeStore(pheme.path)
    columns = store.read(np.arange(len(store)))
    child = np.flatnonzero(columns.parent >= 0)
    assert (columns.delay_seconds[columns.parent[child]] < columns.delay_seconds[child]).all()
    assert (columns.kind[child] == Kind.REPLY).all()
    assert (np.diff(store.sparse("bow").indptr) > 0).mean() > 0.99
