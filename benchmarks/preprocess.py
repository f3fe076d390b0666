"""Measure a whole build: a fresh interpreter reads a release and writes the cascade file.

    python benchmarks/preprocess.py twitter15 raw/twitter15
    python benchmarks/preprocess.py pheme raw/all-rnr-annotated-threads

Prints the seconds of each repeat (start of the interpreter included), edge lines or tweet files a
second and the peak memory of the child process; fails below the bounds that are promised.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from dgljoint_bench.timing import run_fresh

# What is counted, and how many of it a second.
BOUNDS = {
    "twitter15": ("edge_lines", 150_000),
    "twitter16": ("edge_lines", 150_000),
    "pheme": ("tweet_files", 4_000),
}
PEAK_MEGABYTES = 700

_CHILD = """
import json, sys
from pathlib import Path
from dgljoint_data.build import build_store
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
name, source, output = sys.argv[1:]
spec = installed_registry().find(ReaderSpec, name)
reader = spec.build(spec.options())
summary = build_store(reader, reader_name=name, source=Path(source), output=Path(output))
print(json.dumps(summary.to_dict()))
"""


def main() -> int:
    """Run the benchmark; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=list(BOUNDS))
    parser.add_argument("source", type=Path, help="folder of the release")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "out.h5")
        for _ in range(arguments.repeats):
            runs.append(
                run_fresh(
                    [sys.executable, "-c", _CHILD, arguments.reader, str(arguments.source), output]
                )
            )
            sys.stdout.write(f"{runs[-1].seconds:.2f} s\n")
    counted, bound = BOUNDS[arguments.reader]
    number = json.loads(runs[-1].stdout)["report"]["counts"][counted]
    rate = number / statistics.median(run.seconds for run in runs)
    megabytes = max(run.peak_megabytes for run in runs)
    sys.stdout.write(
        f"{number:,} {counted.replace('_', ' ')}, {rate:,.0f} a second (median), "
        f"peak {megabytes:.0f} MB\n"
    )
    return int(rate < bound or megabytes > PEAK_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
