"""Measure a whole build: a fresh interpreter reads a release and writes the cascade file.

    python benchmarks/preprocess.py twitter15 raw/twitter15
    python benchmarks/preprocess.py twitter15 raw/twitter15 --text-from raw/Rumor_RvNN
    python benchmarks/preprocess.py pheme raw/all-rnr-annotated-threads

Reads with one process and with two, in turns. Prints the seconds of each repeat (start of the
interpreter included), the ratio of the medians, posts (and edge lines or tweet files, where the
release has them) a second and the peak memory of the largest process; fails below the bounds that
are promised.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from dgljoint_bench.timing import Finished, run_fresh

# What is counted while reading, and how many of it a second are promised.
BOUNDS = {"edge_lines": 150_000, "tweet_files": 4_000}
READERS = ("twitter15", "twitter16", "pheme", "weibo", "jsonl")
PEAK_MEGABYTES = 700
JOBS = (1, 2)

_CHILD = """
import json, sys
from pathlib import Path
from dgljoint_data.build import build_store
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
name, source, output, jobs, options = sys.argv[1:]
spec = installed_registry().find(ReaderSpec, name)
reader = spec.build(spec.options(**json.loads(options)))
summary = build_store(reader, reader_name=name, source=Path(source), output=Path(output),
                      jobs=int(jobs))
print(json.dumps(summary.to_dict()))
"""


def main() -> int:
    """Run the benchmark; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("source", type=Path, help="folder of the release")
    parser.add_argument("--text-from", help="a second release, for the readers that take one")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    runs: dict[int, list[Finished]] = {jobs: [] for jobs in JOBS}
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "out.h5")
        options = {"text_from": arguments.text_from} if arguments.text_from else {}
        command = [sys.executable, "-c", _CHILD, arguments.reader, str(arguments.source), output]
        for _ in range(arguments.repeats):
            for jobs, done in runs.items():
                done.append(run_fresh([*command, str(jobs), json.dumps(options)]))
                sys.stdout.write(f"{jobs} processes: {done[-1].seconds:.2f} s\n")
    summary = json.loads(runs[1][-1].stdout)
    counts = summary["report"]["counts"]
    promised = {name: counts[name] for name in BOUNDS if name in counts}
    seconds = {jobs: statistics.median(run.seconds for run in done) for jobs, done in runs.items()}
    megabytes = max(run.peak_megabytes for done in runs.values() for run in done)
    for jobs in JOBS:
        rates = [
            f"{number / seconds[jobs]:,.0f} {name.replace('_', ' ')}"
            for name, number in {"posts": summary["posts"], **promised}.items()
        ]
        sys.stdout.write(
            f"{jobs} processes: {' and '.join(rates)} a second "
            f"(median), {seconds[jobs] / seconds[1]:.2f} of the time of one\n"
        )
    sys.stdout.write(f"peak {megabytes:.0f} MB\n")
    best = min(seconds.values())
    slow = any(number / best < BOUNDS[name] for name, number in promised.items())
    return int(slow or megabytes > PEAK_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
