"""``dgljoint preprocess``: raw data to a cascade file, with an account of everything odd."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.errors import UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry, Registry, installed_registry
from dgljoint_cli.console import Talk, common_options, examples, format_option, print_json

if TYPE_CHECKING:
    from dgljoint.cascade import Cascade
    from dgljoint.reading import Reader, ReadReport


@click.command(
    epilog=examples(
        "dgljoint preprocess RAW_DIR -o twitter15.h5",
        "dgljoint preprocess twitter15 RAW_DIR -o twitter15.h5",
        "dgljoint preprocess pheme RAW_DIR -o pheme.h5 --features bow_hashed:columns=65536 "
        "--features user",
        "dgljoint preprocess synthetic -o demo.h5 --seed 1",
    )
)
@click.argument("reader", metavar="[READER]")
@click.argument("raw", required=False, metavar="[RAW_DIR]", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT",
    help="Cascade file to write.",
)
@click.option("--name", metavar="NAME", help="Name of the data set; READER by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the folds.")
@click.option(
    "--option", "assignments", multiple=True, metavar="KEY=VALUE",
    help="Option of the reader; repeatable. plugins show READER lists them.",
)
@click.option(
    "--features", "chosen", multiple=True, metavar="NAME[:KEY=VALUE,...]",
    help="Feature to store; repeatable. By default bow, time, structure and all that the reader "
    "carries; data features lists them. Nothing is fitted here: which words count is chosen in "
    "training (-o features.words=N).",
)
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@format_option
@common_options
@click.pass_obj
def preprocess(
    talk: Talk, /, reader: str, raw: Path | None, output: Path, name: str | None, seed: int,
    assignments: tuple[str, ...], chosen: tuple[str, ...], force: bool, as_json: bool,
) -> None:
    """Turn raw data into a cascade file.

    The plugin READER reads RAW_DIR; everything it repairs or leaves out is counted and shown.
    Without READER it is the only one that recognises RAW_DIR.
    """
    registry = installed_registry()
    if raw is None and reader not in registry.names and Path(reader).exists():
        from dgljoint_cli.detection import detect_reader

        raw = Path(reader)
        reader = detect_reader(registry, raw)
        talk.say(f"{raw}: reader '{reader}'")
    source = build_reader(registry, reader, raw, assignments)
    if output.is_file() and not force:
        raise UsageError(f"{output} exists", hint="--force replaces it, or name another file")
    from dgljoint_data import build_store
    from dgljoint_data.features.catalogue import parse_features

    features = parse_features(chosen) or None
    with _counting(talk) as count:
        summary = build_store(
            source, reader_name=reader, source=raw, output=output, name=name, seed=seed,
            features=features, on_cascade=count,
        )
    if as_json:
        print_json(summary.to_dict())
        return
    from dgljoint_cli.rendering import render
    from dgljoint_cli.summary import summary_tables

    render(*summary_tables(summary))


def build_reader(
    registry: Registry, name: str, raw: Path | None, assignments: tuple[str, ...]
) -> Reader:
    """Build a reader with its options.

    Args:
        registry: where it is looked up.
        name: of the reader.
        raw: what it is to read, to check that it takes a source.
        assignments: its options as ``key=value``.

    Raises:
        UsageError: no such reader, options that are wrong, a source missing or superfluous.
        PluginError: the reader cannot be built.
    """
    from dgljoint.options import parse_options
    from dgljoint.plugins.specs import ReaderSpec

    spec = registry.find(ReaderSpec, name)
    if spec.needs_source and raw is None:
        raise UsageError(
            f"reader '{name}' needs the folder of the raw data",
            hint=f"dgljoint preprocess {name} RAW_DIR -o {name}.h5",
        )
    if raw is not None and not spec.needs_source:
        raise UsageError(
            f"reader '{name}' reads no raw data, found {raw}",
            hint=f"dgljoint preprocess {name} -o {name}.h5",
        )
    options = parse_options(spec.options, _parse(assignments), name)
    entry = registry.load(name).entry
    with guarded(entry, "build"):
        return _GuardedReader(entry, spec.build(options))


def _parse(assignments: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (equals and key.strip()):
            raise UsageError(
                f"option {assignment!r} is not of the form KEY=VALUE",
                hint="for example: --option cascades=200",
            )
        values[key.strip()] = value.strip()
    return values


class _GuardedReader:
    """A reader whose failures name its plugin."""

    def __init__(self, entry: PluginEntry, reader: Reader) -> None:
        self._entry = entry
        self._reader = reader
        self.label_names = reader.label_names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the cascades of the reader behind."""
        with guarded(self._entry, "read"):
            yield from self._reader.read(source, report)


@contextmanager
def _counting(talk: Talk) -> Iterator[Callable[[int], None] | None]:
    if talk.quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("reading") as status:
        yield lambda number: status.update(f"reading: {number:,} cascades")
