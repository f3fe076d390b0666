"""Measure a whole build: a fresh interpreter reads a release and writes the cascade file.

    python benchmarks/preprocess.py twitter15 raw/twitter15

Prints the seconds of each repeat (start of the interpreter included), edge lines a second and the
peak memory of the child process; fails below the bounds that are promised.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINES_A_SECOND = 150_000
PEAK_MEGABYTES = 700

_CHILD = """
import json, sys
from pathlib import Path
from dgljoint_data.build import build_store
from dgljoint_data.twitter import dgljoint_readers
name, source, output = sys.argv[1:]
spec = next(spec for spec in dgljoint_readers() if spec.name == name)
reader = spec.build(spec.options())
summary = build_store(reader, reader_name=name, source=Path(source), output=Path(output))
print(json.dumps(summary.to_dict()))
"""


def main() -> int:
    """Run the benchmark; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=["twitter15", "twitter16"])
    parser.add_argument("source", type=Path, help="folder of the release")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.repeats):
            started = time.perf_counter()
            child = subprocess.run(  # noqa: S603  # this interpreter and the user's own folder
                [sys.executable, "-c", _CHILD, arguments.reader, str(arguments.source),
                 str(Path(folder) / "out.h5")],
                check=True, capture_output=True, text=True,
            )
            seconds.append(time.perf_counter() - started)
            sys.stdout.write(f"{seconds[-1]:.2f} s\n")
    lines = json.loads(child.stdout)["report"]["counts"]["edge_lines"]
    rate = lines / statistics.median(seconds)
    # Linux gives kilobytes.
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    sys.stdout.write(
        f"{lines:,} edge lines, {rate:,.0f} a second (median), peak {megabytes:.0f} MB\n"
    )
    return int(rate < LINES_A_SECOND or megabytes > PEAK_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
