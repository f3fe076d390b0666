"""Measure a whole build: a fresh interpreter reads a release and writes the cascade file.

    python benchmarks/preprocess.py twitter15 raw/twitter15
    python benchmarks/preprocess.py pheme raw/all-rnr-annotated-threads

Reads with one process and with two, in turns. Prints the seconds of each repeat (start of the
interpreter included), the ratio of the medians, edge lines or tweet files a second and the peak
memory of the largest process; fails below the bounds that are promised.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from dgljoint_bench.timing import Finished, run_fresh

# What is counted, and how many of it a second.
BOUNDS = {
    "twitter15": ("edge_lines", 150_000),
    "twitter16": ("edge_lines", 150_000),
    "pheme": ("tweet_files", 4_000),
}
PEAK_MEGABYTES = 700
JOBS = (1, 2)

_CHILD = """
import json, sys
from pathlib import Path
from dgljoint_data.build import build_store
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
name, source, output, jobs = sys.argv[1:]
spec = installed_registry().find(ReaderSpec, name)
reader = spec.build(spec.options())
summary = build_store(reader, reader_name=name, source=Path(source), output=Path(output),
                      jobs=int(jobs))
print(json.dumps(summary.to_dict()))
"""


def main() -> int:
    """Run the benchmark; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=list(BOUNDS))
    parser.add_argument("source", type=Path, help="folder of the release")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    runs: dict[int, list[Finished]] = {jobs: [] for jobs in JOBS}
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "out.h5")
        given = [arguments.reader, str(arguments.source), output]
        for _ in range(arguments.repeats):
            for jobs, done in runs.items():
                done.append(run_fresh([sys.executable, "-c", _CHILD, *given, str(jobs)]))
                sys.stdout.write(f"{jobs} processes: {done[-1].seconds:.2f} s\n")
    counted, bound = BOUNDS[arguments.reader]
    number = json.loads(runs[1][-1].stdout)["report"]["counts"][counted]
    seconds = {jobs: statistics.median(run.seconds for run in done) for jobs, done in runs.items()}
    megabytes = max(run.peak_megabytes for done in runs.values() for run in done)
    for jobs in JOBS:
        sys.stdout.write(
            f"{jobs} processes: {number / seconds[jobs]:,.0f} {counted.replace('_', ' ')} a second "
            f"(median), {seconds[jobs] / seconds[1]:.2f} of the time of one\n"
        )
    sys.stdout.write(f"peak {megabytes:.0f} MB\n")
    best = number / min(seconds.values())
    return int(best < bound or megabytes > PEAK_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
