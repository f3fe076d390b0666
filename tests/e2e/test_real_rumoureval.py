"""RumourEval 2017 and 2019: every count a correct reader reproduces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dgljoint.data.store import CascadeStore
from dgljoint_data import BuildSummary, build_store
from dgljoint_data.readers.rumoureval import RumourEvalReader

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")

FLAT = "reply that a flat structure.json puts below the source (attached to what it replies to)"
DISAGREES = "place in structure.json is not below the tweet replied to (structure.json counts)"


def build(archive: str, output: Path) -> BuildSummary:
    source = Path(RAW or "") / archive
    if not source.is_dir():
        pytest.skip(f"{archive} is not unpacked in DGLJOINT_RAW_DATA")
    return build_store(
        RumourEvalReader(), reader_name="rumoureval", source=source, output=output
    )


def repairs(summary: BuildSummary) -> dict[str, int]:
    return {reason: tally.count for reason, tally in summary.report.repairs.items()}


def test_the_counts_of_2019_are_reproduced(tmp_path: Path) -> None:
    summary = build("rumoureval2019-raw", tmp_path / "out.h5")
    counts = summary.report.counts
    assert summary.labels == {"false": 98, "true": 154, "unverified": 113}
    assert (summary.cascades, counts["threads_of_reddit"], summary.unlabelled) == (365, 40, 0)
    # 5,568 tweets; 1,115 posts of Reddit with a date and 19 without.
    assert counts["tweet_files"] == summary.posts == 6702 == 5568 + 1115 + 19
    stance = summary.targets["stance"]
    assert stance.labels == {"comment": 4700, "deny": 460, "query": 515, "support": 1027}
    assert stance.none == 0
    assert summary.events == 9 + 40
    found = repairs(summary)
    assert found["post without a date (given its parent's time)"] == 19
    # Their parent was not collected.
    [attached] = [number for reason, number in found.items() if "nearest above" in reason]
    assert attached == 2
    assert not {FLAT, DISAGREES} & set(found)
    assert not summary.report.refusals
    assert not summary.report.notes
    assert CascadeStore(summary.path).targets["stance"].per == "post"


def test_the_counts_of_2017_are_reproduced(tmp_path: Path) -> None:
    summary = build("rumoureval2017-raw", tmp_path / "out.h5")
    assert (summary.cascades, summary.posts, summary.unlabelled) == (297, 4519, 297)
    stance = summary.targets["stance"]
    assert stance.labels == {"comment": 2907, "deny": 344, "query": 358, "support": 910}
    assert not {FLAT, DISAGREES} & set(repairs(summary))
    assert not summary.report.notes
