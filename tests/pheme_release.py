"""Small PHEME releases of our own, in each of the published layouts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint_data.readers.pheme import PhemeOptions, PhemeReader

Files = dict[str, bytes]  # by path under the release
LAYOUTS = ("2018", "2016", "rumoureval")

# Thread, event, rumour, annotation.
_THREADS = (
    ("600", "alpha", True, {"is_rumour": "rumour", "misinformation": 0, "true": "1"}),
    ("700", "alpha", False, {"is_rumour": "nonrumour"}),
    ("800", "beta", True, {"is_rumour": "rumour", "misinformation": "1", "true": 0}),
    ("900", "gamma", True, {"is_rumour": "rumour", "misinformation": 0}),
)
_FOLDERS = {
    "2018": ("source-tweets", "reactions"),
    "2016": ("source-tweet", "reactions"),
    "rumoureval": ("source-tweet", "replies"),
}


def tweet(number: int, seconds: int, answers: int | None = None, **more: object) -> bytes:
    """Write a tweet of 13 August 2014, ``seconds`` after 01:00."""
    minute, second = divmod(seconds, 60)
    value = {
        "created_at": f"Wed Aug 13 01:{minute:02}:{second:02} +0000 2014",
        "id": number, "id_str": str(number), "text": f"text no{number} 🔥",
        "in_reply_to_status_id": answers,
        "in_reply_to_status_id_str": None if answers is None else str(answers),
        "user": {"id": number % 7 + 1, "id_str": str(number % 7 + 1)},
    }
    return json.dumps(value | more).encode()


def folder(thread: str, layout: str = "2018") -> str:
    """Return the folder of a thread under the release."""
    event, rumour = next((row[1], row[2]) for row in _THREADS if row[0] == thread)
    category = "rumours/" if rumour else "non-rumours/"
    if layout == "2018":
        return f"all-rnr-annotated-threads/{event}-all-rnr-threads/{category}{thread}"
    if layout == "2016":
        return f"pheme-rnr-dataset/{event}/{category}{thread}"
    return f"rumoureval-data/{event}/{thread}"


def whole(layout: str = "2018") -> Files:
    """Make four threads of three events; in each a source, two replies to it and one below."""
    files = {}
    for thread, _, _, annotation in _THREADS:
        base, first = folder(thread, layout), int(thread)
        sources, replies = _FOLDERS[layout]
        files[f"{base}/{sources}/{thread}.json"] = tweet(first, 10)
        for number, seconds, answers in (
            (first + 1, 30, first), (first + 2, 50, first + 1), (first + 3, 40, first)
        ):
            files[f"{base}/{replies}/{number}.json"] = tweet(number, seconds, answers)
        if layout != "2016":
            structure = {thread: {str(first + 1): {str(first + 2): []}, str(first + 3): []}}
            files[f"{base}/structure.json"] = json.dumps(structure).encode()
        if layout == "2018":
            files[f"{base}/annotation.json"] = json.dumps(annotation).encode()
    return files


def write(files: Mapping[str, bytes], target: Path) -> Path:
    for name, data in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    return target


def read(
    files: Mapping[str, bytes], target: Path, labels: str = "veracity"
) -> tuple[dict[str, Cascade], ReadReport]:
    """Read the release and check what holds for every one: sound cascades, nothing lost."""
    report = ReadReport()
    reader = PhemeReader(PhemeOptions.model_validate({"labels": labels}))
    cascades = list(reader.read(write(files, target), report))
    for cascade in cascades:
        cascade.check()
    balance(cascades, report)
    return {cascade.id: cascade for cascade in cascades}, report


def balance(cascades: list[Cascade], report: ReadReport) -> None:
    """Assert that every tweet file was stored or stands in the report."""
    counts = report.counts
    dropped = sum(number for name, number in counts.items() if name.startswith("posts_dropped_"))
    assert counts["tweet_files"] == counts["distinct_posts"] + counts["duplicate_tweet_files"]
    assert counts["distinct_posts"] == sum(map(len, cascades)) + dropped
