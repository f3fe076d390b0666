"""The published CED files: every thread and post, counted by other means."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from dgljoint import ReadReport
from dgljoint_data.readers.weibo import WeiboReader, dgljoint_readers

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")

Summary = tuple[Counter[str | None], int, int, ReadReport]


@pytest.fixture(scope="module")
def ced() -> Summary:
    """Read all of it, without making features: half a minute."""
    folder = Path(RAW or "") / "ced-raw"
    if not folder.is_dir():
        pytest.skip("ced-raw is not unpacked in DGLJOINT_RAW_DATA")
    report = ReadReport()
    labels: Counter[str | None] = Counter()
    posts = deep = 0
    for cascade in WeiboReader().read(folder, report):
        cascade.check()
        labels[cascade.label] += 1
        posts += len(cascade)
        deep += int((cascade.parent > 0).sum())
    return labels, posts, deep, report


def test_every_thread_and_post_is_read(ced: Summary) -> None:
    labels, posts, deep, report = ced
    assert labels == {"rumor": 1538, "non-rumor": 1849}
    assert posts == 1_277_769
    # 1,275,180 entries name their parent, but for 785,808 that are below the source.
    assert 488_000 < deep < 1_275_180 - 785_808
    assert not report.refusals


def test_what_is_left_out_and_changed_is_counted(ced: Summary) -> None:
    _, posts, _, report = ced
    counts = report.counts
    assert (counts["posts_in_files"], counts["duplicate_posts"]) == (1_278_567, 724)
    assert report.posts_met == posts + report.posts_dropped
    assert counts["sources_without_profile"] == 87
    assert {reason: tally.count for reason, tally in report.repairs.items()} == {
        "post that occurs twice (the first is kept)": 724,
        "post that cannot be read": 74,  # dates without a year
        "post dated before its parent (given its parent's time)": 12,
    }
    assert not any("not read" in note for note in report.notes)


def test_the_release_is_recognised(ced: Summary) -> None:
    [spec] = dgljoint_readers()
    assert spec.recognises is not None
    assert spec.recognises(Path(RAW or "") / "ced-raw")
