"""Compare an epoch in one process with an epoch that several share under torchrun.

    python -m benchmarks.speed.processes twitter16.h5
    python -m benchmarks.speed.processes twitter16.h5 --processes 2 --rounds 5 --plugin attention

Trains one and several processes in turns, each of one thread, and prints the seconds of an epoch,
its validation included, and their ratio. The first epoch of a run is not counted. Each process
needs a core of its own, and the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from .timing import Timings, report, run_fresh

_TRAIN = (sys.executable, "-c", "from dgljoint_cli.main import run; raise SystemExit(run())")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="cascade file")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="of a round; the first is left out")
    parser.add_argument("--plugin", action="append", default=[], help="as of dgljoint train")
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {}
    for number in range(arguments.rounds):
        for size in (1, arguments.processes)[:: 1 if number % 2 else -1]:
            seconds.setdefault(f"{size} processes", []).extend(_epochs(arguments, size))
    ordered = {name: seconds[name] for name in sorted(seconds)}
    report(
        {"one epoch": Timings(ordered)}, data=arguments.data.name,
        plugins=arguments.plugin, cores=os.cpu_count(),
    )


def _epochs(arguments: argparse.Namespace, size: int) -> list[float]:
    torchrun = (
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
        str(size), "--no-python",
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        plugins = [part for name in arguments.plugin for part in ("--plugin", name)]
        command = [
            *(torchrun if size > 1 else ()), *_TRAIN, "train", str(arguments.data), *plugins,
            "--epochs", str(arguments.epochs), "--out", str(out), "--device", "cpu", "-q",
        ]
        run_fresh(command, environment={**os.environ, "OMP_NUM_THREADS": "1"})
        lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["seconds"] for line in lines[1:]]


if __name__ == "__main__":
    main()
