"""Feed readers with damaged releases: each is refused in words, or read with nothing lost.

    python benchmarks/mutants.py                          # 10,000 of each reader
    python benchmarks/mutants.py weibo pheme --mutants 500
    python benchmarks/mutants.py twitter15 --raw raw/twitter15
    python benchmarks/mutants.py twitter15 --seed 3 --only 17 --keep mutant

The releases that are damaged are small ones of our own, or a handful of threads of a real one
(``--raw``). Prints what came of the mutants, and for each one that failed the traceback and the
command that makes the same mutant again; exits 1 if one failed.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_bench.damage import Release, make_mutant, write_release
from dgljoint_bench.ordeal import SECONDS, undergo
from dgljoint_bench.releases import OWN, cut_release, own_releases

PEAK_MEGABYTES = 1000
_FAILURES_SHOWN = 5
_ADDRESS_SPACE = 8 << 30  # far above what a reader may need, below what would hurt the machine


@dataclass(slots=True)
class Tally:
    """What came of the mutants of one reader."""

    mutants: int = 0
    refused: int = 0
    kept: int = 0
    built: int = 0
    failed: int = 0
    seconds: float = 0.0
    slowest: float = 0.0

    def row(self, reader: str) -> str:
        """Lay out one line of the table."""
        return (
            f"{reader:<12}{self.mutants:9,}{self.refused:9,}{self.kept:9,}{self.built:9,}"
            f"{self.failed:9,}{self.seconds:9.1f}{1000 * self.slowest:9.0f}{_peak():9.0f}"
        )


_HEAD = (
    f"{'reader':<12}{'mutants':>9}{'refused':>9}{'read':>9}{'built':>9}{'failed':>9}"
    f"{'s':>9}{'most ms':>9}{'peak MB':>9}"
)


def main() -> int:
    """Run the mutants; 1 when one of them failed or memory ran away."""
    arguments = _parse()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    if arguments.only is None:
        _say(_HEAD)
    failed = 0
    for reader in arguments.readers:
        raw = arguments.raw
        releases = own_releases(reader) if raw is None else cut_release(reader, raw)
        failed += _run(reader, releases, arguments)
    if _peak() > PEAK_MEGABYTES:
        _say(f"peak memory {_peak():.0f} MB, at most {PEAK_MEGABYTES} promised")
        return 1
    return int(failed > 0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(OWN)}")
    parser.add_argument("--mutants", type=int, default=10_000, help="of each reader")
    parser.add_argument("--seed", type=int, default=0, help="of the series")
    parser.add_argument("--only", type=int, metavar="K", help="mutant K of the series alone")
    parser.add_argument("--raw", type=Path, help="a real release, instead of our own")
    parser.add_argument("--build-every", type=int, default=10, help="make a store of every n-th")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for one mutant")
    parser.add_argument("--keep", type=Path, help="with --only: where to leave the mutant")
    arguments = parser.parse_args()
    unknown = [reader for reader in arguments.readers if reader not in OWN]
    if unknown:
        parser.error(f"no releases of {', '.join(unknown)}; there are {', '.join(OWN)}")
    if arguments.raw is not None and len(arguments.readers) != 1:
        parser.error("--raw needs the name of its reader")
    if arguments.keep is not None and arguments.only is None:
        parser.error("--keep needs --only")
    arguments.readers = arguments.readers or list(OWN)
    return arguments


def _run(reader: str, releases: Sequence[Release], arguments: argparse.Namespace) -> int:
    """Run one reader's mutants; return how many failed."""
    spec = installed_registry().find(ReaderSpec, reader)
    tally = Tally()
    started = time.perf_counter()
    only = arguments.only
    for number in range(arguments.mutants) if only is None else [only]:
        mutant = make_mutant(reader, releases, seed=arguments.seed, number=number)
        if arguments.keep is not None:
            _say(f"written to {write_release(mutant.files, arguments.keep)}")
        build = number % arguments.build_every == 0 or only is not None
        with tempfile.TemporaryDirectory() as folder:
            outcome = undergo(spec, mutant, Path(folder), build=build, seconds=arguments.seconds)
        tally.mutants += 1
        tally.failed += bool(outcome.failure)
        tally.kept += not outcome.failure and outcome.cascades > 0
        tally.refused += not outcome.failure and outcome.cascades == 0
        tally.built += outcome.built
        tally.slowest = max(tally.slowest, outcome.seconds)
        if outcome.failure and tally.failed <= _FAILURES_SHOWN:
            raw = "" if arguments.raw is None else f" --raw {arguments.raw}"
            again = f"python benchmarks/mutants.py {reader} --seed {arguments.seed}{raw}"
            steps = "\n  ".join(map(ascii, mutant.steps))
            _say(f"\n{again} --only {number}\n  {steps}\n{outcome.failure}")
        elif only is not None:
            steps = "\n  ".join(map(ascii, mutant.steps))
            _say(f"  {steps}\n{outcome.cascades} cascades, built: {outcome.built}")
    tally.seconds = time.perf_counter() - started
    if only is None:
        _say(tally.row(reader))
    return tally.failed


def _peak() -> float:
    """Return the most memory that the process held at once, in MB."""
    # Not getrusage, which counts towards a process what its parent held.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1000


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
