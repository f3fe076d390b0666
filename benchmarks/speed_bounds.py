"""Hold what `dgljoint benchmark speed -o FILE` found against what is promised.

    python benchmarks/speed_bounds.py speed.json

Prints what is promised beside what was found, for what the file holds; fails when a promise is
missed. The promises are of Twitter15: an epoch of the published model 60 times as fast as on dense
words in PyTorch Geometric and 2.5 times as on sparse ones, graphs of batches 3 times as fast as
`dgl.batch` makes them of ready ones; and of synthetic sets that ten times the posts take at most
1.2 times the memory in training, from a million posts on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

LEAST = {
    ("epoch", "PyTorch Geometric, sparse words"): 2.5,
    ("epoch", "PyTorch Geometric, dense words"): 60.0,
    ("structure", "plain DGL"): 3.0,
}
MOST_MEMORY = 1.2
# Below, a set is so small that its steps differ in size.
_POSTS = 900_000


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of a figure, and what it was found to be."""

    text: str
    found: float
    kept: bool


def main() -> int:
    """Print; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    promises = list(promises_of(json.loads(parser.parse_args().file.read_text(encoding="utf-8"))))
    for promise in promises:
        verdict = "kept" if promise.kept else "MISSED"
        sys.stdout.write(f"{promise.text}: {promise.found:.2f}, {verdict}\n")
    if not promises:
        sys.stdout.write("nothing is promised of what this file holds\n")
    return int(not all(promise.kept for promise in promises))


def promises_of(found: dict[str, Any]) -> Iterator[Promise]:
    """Yield the promises that a speed file tells something of."""
    for (section, row), least in LEAST.items():
        timed = found["sections"].get(section, {"rows": {}})["rows"].get(row)
        if timed is not None:
            text = f"{section}, {row}: at least {least:g} times our time"
            yield Promise(text, timed["ratio"], timed["ratio"] >= least)
    sizes = [size for size in found["scaling"].get("posts", []) if size["posts"] >= _POSTS]
    for small, large in pairwise(sizes):
        ratio = large["train"]["peak_megabytes"] / small["train"]["peak_megabytes"]
        text = f"memory of {large['posts']:,} posts: at most {MOST_MEMORY} of {small['posts']:,}"
        yield Promise(text, ratio, ratio <= MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
