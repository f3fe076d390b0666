"""``dgljoint benchmark speed``: time and memory beside PyTorch Geometric and plain DGL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dgljoint.errors import UsageError
from dgljoint_cli.completion import complete_reader
from dgljoint_cli.console import (
    Talk,
    common_options,
    examples,
    format_option,
    print_json,
    to_json,
)
from dgljoint_cli.data_argument import CascadeFile
from dgljoint_cli.interruption import terminable
from dgljoint_cli.views.pictures import load_plots

_SCALING = "scaling"
# Those of dgljoint_bench.speed.request, which imports pydantic.
SECTIONS = ("preprocess", "structure", "hidden", "batch", "epoch", "inference", _SCALING)
_LEAST_POSTS, _MOST_POSTS, _MOST_BATCH = 1000, 100_000_000, 1_000_000


class _Sizes(click.ParamType[tuple[int, ...]]):
    """Whole numbers with commas between them, each once and in order."""

    name = "sizes"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Read them."""
        items = [item.strip() for item in str(value).split(",")]
        sizes = {int(item) for item in items if item.isdecimal() and len(item) < 10}
        if len(sizes) < len(items) or not self._least <= min(sizes) <= max(sizes) <= self._most:
            self.fail(
                f"{value!r} is no list of different whole numbers from {self._least} to "
                f"{self._most:,}, with commas between them", param, ctx,
            )
        return tuple(sorted(sizes))


@click.command(
    epilog=examples(
        "dgljoint benchmark speed",
        "dgljoint benchmark speed twitter15.h5 --only batch --only epoch --rounds 9",
        "dgljoint benchmark speed --only preprocess --raw RAW_DIR",
        "dgljoint benchmark speed --only scaling --posts 10000,100000,1000000,10000000 "
        "--plot scaling.svg",
        "dgljoint benchmark speed twitter15.h5 -o speed.json --format json",
    )
)
@click.argument("data", required=False, metavar="[DATA]", type=CascadeFile())
@click.option(
    "--only", "sections", multiple=True, type=click.Choice(SECTIONS), metavar="SECTION",
    help="Measure this section; repeatable, all by default: preprocess (raw data to a cascade "
    "file), structure (graphs of batches), hidden (the same without the edges to predict), batch "
    "(graphs and words), epoch (of training), inference (scoring all cascades), scaling (over "
    "posts and over cascades a batch).",
)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=5, show_default=True, metavar="N",
    help="How often each is timed; the median is told.",
)
@click.option(
    "--cascades", type=click.IntRange(min=1), metavar="N",
    help="Measure on so many cascades of DATA, drawn at random; all labelled ones by default.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=128, show_default=True, metavar="N",
    help="Cascades a batch.",
)
@click.option(
    "--width", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
    help="Of the models' layers.",
)
@click.option(
    "--raw", type=click.Path(path_type=Path), metavar="RAW_DIR",
    help="Raw data to preprocess; synthetic trees in Twitter15's form by default.",
)
@click.option(
    "--reader", metavar="NAME", shell_complete=complete_reader,
    help="Reader of RAW_DIR; by default the only one that recognises it.",
)
@click.option(
    "--posts", type=_Sizes(_LEAST_POSTS, _MOST_POSTS), metavar="LIST",
    help="Posts of the synthetic sets to scale over, each in processes of its own: "
    "10000,100000,1000000 by default. Ten million take 4 GB of disk and some ten minutes.",
)
@click.option(
    "--batches", type=_Sizes(1, _MOST_BATCH), metavar="LIST",
    help="Cascades a batch to scale over: 8,32,128,512 by default.",
)
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE",
    help="Draw how things scale, as .svg, .png or .pdf; needs the extra plots.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="Write all figures to FILE as JSON, beside what is shown.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="S",
              help="Seed of everything random.")
@click.option("--force", is_flag=True, help="Replace the files if they exist.")
@format_option
@common_options
@click.pass_obj
def speed(
    talk: Talk, /, data: Path | None, sections: tuple[str, ...], plot: Path | None,
    out: Path | None, force: bool, as_json: bool, **wanted: Any
) -> None:
    """Time dgljoint beside PyTorch Geometric and plain DGL on DATA, or on the demo set.

    The same cascades, model and batches, one thread, in one process and in turns: medians, and
    their ratios to the first row of each table. A library that is not installed is left out. Run
    it on a machine that does nothing else.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    _check_use(sections, given, plot)
    for file in (out, plot):
        _check_place(file, force=force)
    if out is not None and plot is not None and out.resolve() == plot.resolve():
        raise UsageError(f"-o and --plot are both {out}", hint="name another file")
    if plot is not None:
        load_plots().form_of(plot)
    from dgljoint_bench.speed import SpeedRequest, measure

    if (raw := given.get("raw")) is not None:
        given["reader"] = _reader_of(raw, given.get("reader"))
    request = SpeedRequest.model_validate({**given, "data": data, "sections": sections})
    with terminable():  # the sets to scale over are large, and must not be left behind
        found = measure(request, talk.say)
    if out is not None:
        from dgljoint._internal.files import write_text

        write_text(out, to_json(found) + "\n")
    if plot is not None:
        from dgljoint_bench.speed.plot import scaling

        load_plots().write(plot, lambda figure: scaling(figure, found))
    if as_json:
        print_json(found)
        return
    from dgljoint_cli.views.rendering import render
    from dgljoint_cli.views.speed_tables import speed_tables

    render(*speed_tables(found))


def _reader_of(raw: Path, named: str | None) -> str:
    """Return the name of the reader, of which there is one."""
    from dgljoint.plugins.registry import installed_registry
    from dgljoint.plugins.specs import ReaderSpec
    from dgljoint_cli.detection import detect_reader

    registry = installed_registry()
    if named is not None:
        return registry.find(ReaderSpec, named).name
    try:
        return detect_reader(registry, raw)
    except UsageError as error:
        raise UsageError(error.message, hint="name one: --reader NAME") from None


def _check_use(sections: tuple[str, ...], given: dict[str, Any], plot: Path | None) -> None:
    """Refuse an option of what is not measured."""
    if "reader" in given and "raw" not in given:
        raise UsageError("--reader is of the folder that --raw names", hint="add --raw RAW_DIR")
    owners = {"raw": "preprocess", "posts": _SCALING, "batches": _SCALING}
    used = [(name, owner) for name, owner in owners.items() if name in given]
    if plot is not None:
        used.append(("plot", _SCALING))
    for name, owner in used:
        if sections and owner not in sections:
            raise UsageError(
                f"--{name} is of the section {owner}, which --only leaves out",
                hint=f"add --only {owner}",
            )


def _check_place(file: Path | None, *, force: bool) -> None:
    """Find out before measuring what would be found after it."""
    if file is None:
        return
    if file.is_dir() or not file.parent.is_dir():
        why = "it is a folder" if file.is_dir() else "its folder does not exist"
        raise UsageError(f"cannot write {file}: {why}", hint="name another file")
    if file.exists() and not force:
        raise UsageError(f"{file} exists", hint="--force replaces it, or name another file")
