"""Measure that ten million posts take the time of a small set a post, and little memory.

    python benchmarks/preprocess_scale.py
    python benchmarks/preprocess_scale.py --posts 1000000

Builds small synthetic sets before and after one large set, each in a fresh interpreter, and prints
posts a second and peak memory of each. Fails when the small sets' median rate is more than 1.3
times the large one's, or when the large build needs 1.5 GB. The large file takes 0.2 GB a
million posts, twice while it is made.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from dgljoint_bench.timing import run_fresh

MOST_RATIO = 1.3
PEAK_MEGABYTES = 1500

_CHILD = """
import json, sys, time
from pathlib import Path
from dgljoint_bench.speed.building import build
posts, jobs = map(int, sys.argv[1:3])
built = build(Path(sys.argv[3]), posts, 0, jobs)
print(json.dumps([built["posts"], built["seconds"], time.process_time(), built["feature"]]))
"""


def main() -> int:
    """Run the benchmark; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=10_000_000, help="of the large set")
    parser.add_argument("--small-posts", type=int, default=300_000, help="of a small set")
    parser.add_argument("--small", type=int, default=4, help="small builds")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    half = arguments.small // 2
    small = [arguments.small_posts] * half
    before = [_build(posts, arguments.jobs)[0] for posts in small]
    large, peak = _build(arguments.posts, arguments.jobs)
    after = [_build(posts, arguments.jobs)[0] for posts in small]
    ratio = statistics.median(before + after) / large
    sys.stdout.write(f"small sets {ratio:.2f} times as fast a post, peak {peak:.0f} MB\n")
    return int(ratio > MOST_RATIO or peak > PEAK_MEGABYTES)


def _build(posts: int, jobs: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        done = run_fresh(
            [sys.executable, "-c", _CHILD, str(posts), str(jobs), str(Path(folder) / "out.h5")]
        )
    stored, seconds, busy, bow = json.loads(done.stdout)
    sys.stdout.write(
        f"{stored:,} posts, bow {bow}: {seconds:.1f} s ({busy:.1f} s of one processor), "
        f"{stored / seconds:,.0f} posts a second, peak {done.peak_megabytes:.0f} MB\n"
    )
    sys.stdout.flush()
    return stored / seconds, done.peak_megabytes


if __name__ == "__main__":
    sys.exit(main())
