"""Time the commands that must answer at once, each in fresh processes, interleaved.

Run ``python benchmarks/startup.py [ROUNDS]``. Prints the median of each command and its ratio to
the interpreter that only imports what a command line is made of.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

DGLJOINT = str(Path(sys.executable).with_name("dgljoint"))
COMMANDS = {
    'python -c "import click, rich"': [sys.executable, "-c", "import click, rich"],
    "dgljoint --help": [DGLJOINT, "--help"],
    "dgljoint plugins list": [DGLJOINT, "plugins", "list"],
    "dgljoint plugins list --format json": [DGLJOINT, "plugins", "list", "--format", "json"],
}


def measure(rounds: int) -> dict[str, float]:
    """Return the median seconds of each command over ``rounds``, after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ours
            if number:
                taken[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in taken.items()}


def main() -> None:
    """Measure and print."""
    medians = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    base = next(iter(medians.values()))
    for name, seconds in medians.items():
        sys.stdout.write(f"{name:<36} {seconds * 1000:6.0f} ms  {seconds / base:4.2f}\n")


if __name__ == "__main__":
    main()
