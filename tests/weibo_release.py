"""A small Weibo release of our own, in the published layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint_data.readers.weibo import WeiboReader

Files = dict[str, bytes]  # by path under the release
Value = dict[str, object]

LABELS = {"500": 1, "600": 0, "700": 1, "800": 0, "900": 1}
START = 1_348_480_000


def post(number: int, seconds: object, parent: object = None, **more: object) -> Value:
    """Make a post, ``seconds`` after the first one."""
    time = START + seconds if isinstance(seconds, int) else seconds
    value = {
        "mid": str(number), "id": str(number), "uid": number % 7 + 1, "t": time,
        "parent": parent if parent is None else str(parent), "kids": [],
        "text": f"话 {number} 🔥", "original_text": f"话 {number} 🔥//@a", "reposts_count": 3,
    }
    return value | more


def thread(first: int) -> list[Value]:
    """Make a source, a repost without words and one with some, and one below it."""
    words = " ".join(f"{word}{first}" for word in ("地震", "救人", "辟谣", "消息"))
    return [
        post(first, 0, text=f"{words} 🔥"),
        post(first + 3, 50, first + 1),
        post(first + 1, 30, first, text="太可怕了"),
        post(first + 2, 40, first, text="转发微博"),
    ]


def dump(posts: object) -> bytes:
    return json.dumps(posts).encode()


def line(eid: str, label: object, posts: list[int]) -> bytes:
    return f"eid:{eid}\tlabel:{label}\t{' '.join(map(str, posts))} \n".encode()


def whole() -> Files:
    """Make five threads of four posts."""
    files = {
        "Weibo.txt": b"".join(
            line(eid, label, [int(eid) * 10 + n for n in range(4)])
            for eid, label in LABELS.items()
        )
    }
    return files | {f"Weibo/{eid}.json": dump(thread(int(eid) * 10)) for eid in LABELS}


def write(files: Mapping[str, bytes], target: Path) -> Path:
    for name, data in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    return target


def read(files: Mapping[str, bytes], target: Path) -> tuple[dict[str, Cascade], ReadReport]:
    """Read the release and check what holds for every one: sound cascades, nothing lost."""
    report = ReadReport()
    cascades = list(WeiboReader().read(write(files, target), report))
    for cascade in cascades:
        cascade.check()
    balance(cascades, report)
    return {cascade.id: cascade for cascade in cascades}, report


def balance(cascades: list[Cascade], report: ReadReport) -> None:
    """Assert that every thread and post was stored or stands in the report."""
    counts = report.counts
    assert counts["threads_met"] == len(cascades) + len(report.quarantine)
    assert counts["posts_in_files"] == counts["distinct_posts"] + counts["duplicate_posts"]
    assert counts["distinct_posts"] == sum(map(len, cascades)) + report.posts_dropped
