"""``dgljoint preprocess``: raw data to a cascade file, with a summary of every repair."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from dgljoint.errors import InterruptedRunError, UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli import arguments, console, views

# A second Ctrl-C of an impatient user would stop the clean-up.
_CLEAN_UP_SECONDS = 5.0
_SECONDS_PER_LOOK = 0.5


@console.verb(
    "dgljoint preprocess RAW_DIR -o twitter15.h5",
    "dgljoint preprocess twitter15 RAW_DIR -o twitter15.h5",
    "dgljoint preprocess pheme RAW_DIR -o pheme.h5 --features bow_hashed:columns=65536 "
    "--features user",
    "dgljoint preprocess twitter16 RAW_DIR -o twitter16.h5 --against twitter15.h5 "
    "--report twitter16.json",
    "dgljoint preprocess synthetic -o demo.h5 --seed 1",
)
@click.argument("reader", metavar="[READER]", shell_complete=arguments.complete_reader)
@click.argument("raw", required=False, metavar="[RAW_DIR]", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), metavar="OUT",
    help="Cascade file to write.",
)
@click.option("--name", metavar="NAME", help="Name of the data set; READER by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the folds.")
@click.option(
    "-s", "--set", "assignments", multiple=True, metavar="KEY=VALUE",
    help="Option of the reader; repeatable. plugins show READER lists them.",
)
@click.option(
    "--text-from", type=click.Path(path_type=Path), metavar="DIR",
    help="Second release to take words from: -s text_from=DIR.",
)
@click.option("--labels", metavar="NAME", help="Labels to use: -s labels=NAME.")
@click.option(
    "--folds", type=click.Path(path_type=Path), metavar="DIR",
    help="Published RvNN folds, stored as the split 'published'.",
)
@click.option(
    "--features", "chosen", multiple=True, metavar="NAME[:KEY=VALUE,...]",
    help="Feature to store; repeatable. By default bow, time, structure, shape and all that the "
    "reader carries; data features lists them. Nothing is fitted here: which words count is "
    "chosen in training (-s features.words=N).",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Processes that read. OUT is the same whatever N.",
)
@click.option(
    "--against", multiple=True, type=arguments.CascadeFile(), metavar="OTHER",
    help="Another cascade file, to count what both contain; repeatable.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the whole summary as JSON, with every thread that was left out.",
)
@click.option(
    "--strict", is_flag=True,
    help="Write no OUT and exit with 3 if anything was repaired or left out.",
)
@click.option("--force", is_flag=True, help="Replace OUT and FILE if they exist.")
@click.pass_obj
def preprocess(
    talk: console.Talk, /, reader: str, raw: Path | None, out: Path, name: str | None, seed: int,
    assignments: tuple[str, ...], text_from: Path | None, labels: str | None, folds: Path | None,
    chosen: tuple[str, ...], jobs: int, against: tuple[Path, ...], report: Path | None,
    strict: bool, force: bool, as_json: bool,
) -> None:
    """Turn raw data into a cascade file.

    The plugin READER reads RAW_DIR; everything it repairs or leaves out is counted and shown.
    Without READER it is the only one that recognises RAW_DIR.
    """
    registry = installed_registry()
    if raw is None and reader not in registry.names and Path(reader).exists():
        raw = Path(reader)
        reader = arguments.detect_reader(raw)
        talk.info(f"{raw}: reader '{reader}'")
    flags = {"text_from": text_from, "labels": labels}
    assignments += tuple(f"{key}={value}" for key, value in flags.items() if value is not None)
    from dgljoint._internal.files import write_text
    from dgljoint.config.options import parse_assignments
    from dgljoint.plugins.guarded_reader import build_reader

    source = build_reader(registry, reader, raw, parse_assignments(assignments))
    if out.is_file() and not force:
        raise UsageError(f"{out} exists", hint="--force replaces it, or name another file")
    if report is not None:
        if report.resolve() == out.resolve():
            raise UsageError(f"OUT and --report are both {out}", hint="name another file")
        console.check_output(report, force=force)
    from dgljoint.data.store import CascadeStore
    from dgljoint_cli.progress import watching_build
    from dgljoint_data.build import StrictError, build_store
    from dgljoint_data.features.catalogue import parse_features

    features = parse_features(chosen) or None
    strict_error = None
    with interruptible(out), watching_build(talk) as watch:
        try:
            summary = build_store(
                source, reader_name=reader, source=raw, output=out, name=name, seed=seed,
                folds=folds, features=features, jobs=jobs, strict=strict,
                against=list(map(CascadeStore, against)), watch=watch,
            )
        except StrictError as error:
            strict_error, summary = error, error.summary
    plain = summary.to_dict()
    if report is not None:
        write_text(report, console.to_json(plain) + "\n")
    console.show(plain, lambda: views.holdings.summary_tables(summary, report), as_json=as_json)
    if strict_error is not None:
        raise strict_error


@contextmanager
def interruptible(output: Path) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into an error that names the ``output`` that was not written."""
    try:
        with terminable():
            yield
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"interrupted: {output} was not written", hint="run the same command again"
        ) from None


@contextmanager
def terminable() -> Iterator[None]:
    """Raise KeyboardInterrupt for SIGTERM too, and for neither signal during the clean-up.

    A timer raises it again where it was lost: code that C calls may raise in vain, as when NumPy
    asks for attributes and ignores every error.
    """
    ignore_until = 0.0

    def stop(number: int, frame: object) -> None:
        nonlocal ignore_until
        now = time.monotonic()
        if now >= ignore_until:
            ignore_until = now + _CLEAN_UP_SECONDS
            signal.setitimer(signal.ITIMER_REAL, _SECONDS_PER_LOOK, _SECONDS_PER_LOOK)
            raise KeyboardInterrupt

    def look(number: int, frame: object) -> None:
        error = sys.exception()
        while error is not None and not isinstance(error, KeyboardInterrupt):
            error = error.__context__
        if error is None:
            raise KeyboardInterrupt

    # Only the main thread may set handlers; what runs elsewhere is stopped by its owner.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGALRM: look}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
