"""Files of JSON lines with few threads, few events or few labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

_TEXTS = ("storm hits the coast", "minister resigns over it", "cat found on roof", "new bridge")


def thread(name: str, label: str | None, event: str, posts: int = 6) -> dict[str, object]:
    """Return a thread as the reader jsonl takes it: a post a minute, each answers one of two."""
    made: list[dict[str, object]] = [
        {
            "id": f"{name}-{number}",
            "parent": None if number == 0 else f"{name}-{max(0, number - 1 - number % 2)}",
            "delay_seconds": 60 * number,
            "text": f"{_TEXTS[(number + len(name)) % len(_TEXTS)]} {name} {number}",
        }
        for number in range(posts)
    ]
    return {"id": name, "event": event, "posts": made} | ({"label": label} if label else {})


def write_threads(
    file: Path, count: int, *, labels: Sequence[str | None] = ("true", "false"), events: int = 8,
    prefix: str = "t", posts: int = 6,
) -> Path:
    """Write threads named ``prefix`` and a number, whose labels and events take turns."""
    lines = [
        thread(f"{prefix}{n}", labels[n % len(labels)], f"e{n % events}", posts)
        for n in range(count)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file
