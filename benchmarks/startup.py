"""Time the commands that must answer at once, each in fresh processes, in turns.

    python benchmarks/startup.py [--rounds 20]

Prints the median of each command and its ratio to the interpreter that only imports what a command
line is made of.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from dgljoint_bench.timing import interleave, run_fresh

DGLJOINT = str(Path(sys.executable).with_name("dgljoint"))
COMMANDS = {
    'python -c "import click, rich"': [sys.executable, "-c", "import click, rich"],
    "dgljoint --help": [DGLJOINT, "--help"],
    "dgljoint plugins list": [DGLJOINT, "plugins", "list"],
    "dgljoint plugins list --format json": [DGLJOINT, "plugins", "list", "--format", "json"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    runs = {name: partial(run_fresh, command) for name, command in COMMANDS.items()}
    sys.stdout.write(interleave(runs, rounds).table() + "\n")


if __name__ == "__main__":
    main()
