"""Time the commands that must answer at once, or a run until its first step, in turns.

    python -m benchmarks.speed.startup [--rounds 20]
    python -m benchmarks.speed.startup --first-step twitter15.h5 [--against OTHER/bin/python]

Each is timed in fresh processes. The first form prints the median of each command and its ratio to
the interpreter that only imports what a command line is made of. The second trains with a plugin
of each kind until the first optimizer step, and how often the cascade file was opened; with
``--against`` also in another environment, in turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .timing import interleave, report, run_fresh

DGLJOINT = str(Path(sys.executable).with_name("dgljoint"))
COMMANDS = {
    'python -c "import click, rich"': [sys.executable, "-c", "import click, rich"],
    "dgljoint --help": [DGLJOINT, "--help"],
    "dgljoint plugins list": [DGLJOINT, "plugins", "list"],
    "dgljoint plugins list --format json": [DGLJOINT, "plugins", "list", "--format", "json"],
}
# Ends the process after the first optimizer step, and reports how often h5py opened the file.
_FIRST_STEP = """
import os, sys
import h5py
from torch.optim import optimizer

opened = 0
File = h5py.File.__init__

def counted(self, name, *args, **kwargs):
    global opened
    opened += str(name).endswith(sys.argv[2])
    File(self, name, *args, **kwargs)

def end(*_):
    os.write(2, f"opened {opened} times\\n".encode())
    os._exit(0)

h5py.File.__init__ = counted
optimizer.register_optimizer_step_post_hook(end)
from dgljoint_cli.main import main
main()
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--first-step", type=Path, metavar="FILE")
    parser.add_argument("--against", metavar="PYTHON")
    given = parser.parse_args()
    runs: dict[str, Callable[[], object]]
    if given.first_step is None:
        runs = {name: partial(run_fresh, command) for name, command in COMMANDS.items()}
    else:
        others = {given.against: given.against} if given.against else {}
        runs = {
            name: partial(_until_first_step, python, given.first_step)
            for name, python in {**others, "this environment": sys.executable}.items()
        }
    rounds = given.rounds or (20 if given.first_step is None else 5)
    report({"starting": interleave(runs, rounds)})


def _until_first_step(python: str, data: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        train = ["train", str(data.resolve()), "--out", f"{folder}/run", "--quiet"]
        plugins = ["--plugin", "contrastive", "--plugin", "meta_weight"]
        done = subprocess.run(  # noqa: S603  # a list of our own, no shell
            [python, "-P", "-c", _FIRST_STEP, *train, *plugins],
            check=True, capture_output=True, text=True,
        )
    sys.stderr.write(f"{python}: {done.stderr}")


if __name__ == "__main__":
    main()
