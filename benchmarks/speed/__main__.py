"""Time dgljoint next to PyTorch Geometric and plain DGL, from a clone.

    python -m benchmarks.speed [DATA] [-o speed.json]
    python -m benchmarks.speed DATA --only batch --only epoch --rounds 9
    python -m benchmarks.speed --only preprocess --raw RAW_DIR --reader pheme
    python -m benchmarks.speed --only scaling --posts 1000000,10000000 --plot scaling.svg
    python -m benchmarks.speed --compare before.json after.json --time-tolerance 1.2
    python -m benchmarks.speed --promises speed.json

DATA is a cascade file; the demo set by default. The same cascades, model and batches, one thread,
in one process and in turns: medians, and their ratios to the first row of each table. A library
that is not installed is left out. Use an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dgljoint._internal.files import write_text
from dgljoint.errors import DgljointError, RegressionError, UsageError

from .request import SECTIONS, Request
from .timing import rows_table, settle, show_time, table

_TITLES = {
    "preprocess": "preprocess: raw data to a cascade file",
    "structure": "structure: the graphs of all batches",
    "hidden": "hidden: the same, without a fifth of the edges",
    "batch": "batch: graphs and words of all batches",
    "epoch": "epoch: training on all cascades once",
    "inference": "inference: scoring all cascades once",
}
_PICTURES = (".svg", ".png", ".pdf")


def main() -> int:
    """Measure or compare; return the exit code."""
    arguments = _parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.compare:
            first, second = arguments.compare
            _compare(first, second, arguments.time_tolerance)
        elif arguments.promises:
            return _promises(arguments.promises)
        else:
            _measure(arguments)
    except DgljointError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error.message}{hint}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    return 0


def _parse() -> argparse.Namespace:
    wanted = Request()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("data", nargs="?", type=Path, metavar="DATA")
    add("--only", dest="sections", action="append", choices=SECTIONS, default=[],
        help="measure this section; repeatable, all by default")
    add("--rounds", type=_count, default=wanted.rounds, help="how often each is timed")
    add("--cascades", type=_count, help="so many cascades of DATA, drawn at random")
    add("--batch", type=_count, default=wanted.batch, help="cascades per batch")
    add("--width", type=_count, default=wanted.width, help="of the models' layers")
    add("--raw", type=Path, help="raw data to preprocess; synthetic Twitter15 trees by default")
    add("--reader", default=wanted.reader, help="of --raw; twitter15 by default")
    add("--posts", type=_counts, default=wanted.posts,
        help="sizes of the synthetic sets to scale over; ten million take 4 GB of disk")
    add("--batches", type=_counts, default=wanted.batches,
        help="cascades per batch to scale over")
    add("--seed", type=int, default=wanted.seed, help="of everything random")
    add("--plot", type=Path, help="draw the section scaling as .svg, .png or .pdf")
    add("-o", "--out", type=Path, help="write everything to this JSON file, too")
    add("--json", action="store_true", help="print JSON instead of tables")
    add("--compare", nargs=2, type=Path, metavar=("A", "B"), help="compare two speed files")
    add("--time-tolerance", type=float, metavar="X",
        help="with --compare, exit with 6 when a row of ours takes more than X times as long")
    add("--promises", type=Path, metavar="FILE",
        help="check a speed file against what is promised; exit with 1 when something is missed")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({_count(item) for item in text.split(",")}))


def _measure(arguments: argparse.Namespace) -> None:
    given = {name: getattr(arguments, name) for name in Request.__slots__}
    request = Request(**{**given, "sections": tuple(arguments.sections)})
    out, plot = arguments.out, arguments.plot
    for file in filter(None, (out, plot)):
        if not file.parent.is_dir() or file.is_dir():
            raise UsageError(f"cannot write {file}", hint="name a file in a folder that exists")
    if plot and (plot.suffix not in _PICTURES or not request.asks_for("scaling")):
        raise UsageError(
            f"--plot {plot} draws the section scaling, as {', '.join(_PICTURES)}",
            hint="add --only scaling, or leave --plot out",
        )
    settle()
    from .scaling import over_posts
    from .sections import measure_sections, progress

    found = measure_sections(request)
    if request.asks_for("scaling"):
        progress("scaling, posts")
        found["scaling"]["posts"] = list(over_posts(request.posts, request.seed))
    text = json.dumps(found, indent=2, default=str)
    if out:
        write_text(out, text + "\n")
    if plot:
        from dgljoint_bench.reporting.plots import write

        from .plot import scaling

        write(plot, lambda figure: scaling(figure, found))
    sys.stdout.write((text if arguments.json else "\n".join(show(found))) + "\n")


def show(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a speed file as text, table by table."""
    machine, data = found["machine"], found["data"]
    yield f"{machine['processor']}, {machine['cores']} cores, threads: {machine['threads']}"
    yield ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    if data:
        yield (
            f"{data['name']}: {data['cascades']:,} cascades, {data['posts']:,} posts, "
            f"{data['words']:,} words; {found['settings']['batch']} cascades per batch"
        )
    for name, section in found["sections"].items():
        rates = [
            f"{rate:,.0f} {what.replace('_', ' ')} per second"
            for what, rate in section.get("a_second", {}).items()
        ]
        yield f"\n{' · '.join((_TITLES[name], *rates))}\n{rows_table(section['rows'])}"
    if found["scaling"]:
        yield f"\nscaling: an epoch by cascades per batch\n{_batches(found['scaling']['batch'])}"
        yield f"\nscaling: synthetic sets\n{_posts(found['scaling']['posts'])}"
    for name, why in found["left_out"].items():
        yield f"\nleft out: {name}: {why}"


def _batches(sizes: Sequence[Mapping[str, Any]]) -> str:
    return table(("", *(f"{size['batch']:,}" for size in sizes)), (
        (name, *(show_time(size["rows"][name]["median_seconds"]) for size in sizes))
        for name in sizes[0]["rows"]
    ))


def _posts(sizes: Sequence[Mapping[str, Any]]) -> str:
    head = ("posts", "built per s", "peak MB", "train, s per million", "s per epoch", "peak MB")
    return table(head, (
        (f"{size['posts']:,}", f"{built['posts_a_second']:,.0f}",
         f"{built['peak_megabytes']:,.0f}", f"{trained['seconds_a_million_posts']:.2f}",
         f"{trained['seconds_an_epoch']:.2f}", f"{trained['peak_megabytes']:,.0f}")
        for size, built, trained in ((size, size["build"], size["train"]) for size in sizes)
    ))


def _compare(first: Path, second: Path, tolerance: float | None) -> None:
    from .compare import compare, read_speeds, remarks, slower

    one, other = read_speeds(first), read_speeds(second)
    rows = compare(one, other)
    sys.stdout.write(f"A = {first}, B = {second}\n" + table(
        ("", "A", "B", "B / A", "machine apart"),
        ((f"{row.section}: {row.row}", show_time(row.first), show_time(row.second),
          f"{row.ratio:.2f}", "" if row.relative is None else f"{row.relative:.2f}")
         for row in rows),
    ) + "".join(f"\n{remark}" for remark in remarks(one, other)) + "\n")
    worse = [] if tolerance is None else slower(rows, tolerance)
    if worse:
        raise RegressionError("\n  ".join((
            f"{len(worse)} rows take more than {tolerance:g} times as long, the machine apart:",
            *(f"{row.section}, {row.row}: {row.relative:.2f}" for row in worse),
        )))


def _promises(file: Path) -> int:
    from .compare import promises, read_speeds

    found = list(promises(read_speeds(file)))
    for text, value, kept in found:
        sys.stdout.write(f"{text}: {value:,.2f}, {'kept' if kept else 'MISSED'}\n")
    if not found:
        sys.stdout.write("nothing is promised of what this file holds\n")
    return int(not all(kept for _, _, kept in found))


if __name__ == "__main__":
    sys.exit(main())
