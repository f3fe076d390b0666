"""The tables of ``dgljoint benchmark speed``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table

_TITLES = {
    "preprocess": "preprocess: raw data to a cascade file",
    "structure": "structure: the graphs of all batches",
    "hidden": "hidden: the same, without a fifth of the edges",
    "batch": "batch: graphs and words of all batches",
    "epoch": "epoch: training on all cascades once",
    "inference": "inference: scoring all cascades once",
}
# From how many seconds on a time is shown in seconds.
_SECONDS = 1.0


def speed_tables(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Lay out what :func:`dgljoint_bench.speed.measure` returned."""
    yield from _heading(found)
    for name, section in found["sections"].items():
        read = section.get("a_second", {})
        rates = [f"{rate:,.0f} {what.replace('_', ' ')}" for what, rate in read.items()]
        told = f"{_TITLES[name]} · {', '.join(rates)} a second" if rates else _TITLES[name]
        yield titled(told, _rows(section["rows"]))
    scaling = found["scaling"]
    if scaling:
        yield titled("scaling: an epoch, by cascades a batch (median)", _batches(scaling["batch"]))
        yield titled("scaling: synthetic sets, each in processes of its own", _posts(
            scaling["posts"]
        ))
    for name, why in found["left_out"].items():
        yield f"left out: {name}: {why}"


def _heading(found: Mapping[str, Any]) -> Iterator[str]:
    machine, data = found["machine"], found["data"]
    named = [f"{name} {version}" for name, version in found["versions"].items() if version]
    yield f"{machine['processor']}, {machine['cores']} cores, threads: {machine['threads']}"
    yield ", ".join(named)
    if data:
        yield (
            f"{data['name']}: {data['cascades']:,} cascades, {data['posts']:,} posts, "
            f"{data['words']:,} words; {found['settings']['batch']} cascades a batch"
        )
    yield ""


def _rows(rows: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    made = Table("", "median", "least", "most", "ratio", numbers=True)
    for name, row in rows.items():
        seconds = row["seconds"]
        times = map(_time, (row["median_seconds"], min(seconds), max(seconds)))
        made.add_row(name, *times, f"{row['ratio']:.2f}")
    return made


def _batches(sizes: Sequence[Mapping[str, Any]]) -> RenderableType:
    names = list(sizes[0]["rows"])
    made = Table("", *(f"{size['batch']:,}" for size in sizes), numbers=True)
    for name in names:
        made.add_row(name, *(_time(size["rows"][name]["median_seconds"]) for size in sizes))
    return made


def _posts(sizes: Sequence[Mapping[str, Any]]) -> RenderableType:
    made = Table(
        "posts", "preprocess, posts a second", "peak MB", "train, s a million posts", "s an epoch",
        "peak MB", numbers=True,
    )
    for size in sizes:
        built, trained = size["build"], size["train"]
        made.add_row(
            f"{size['posts']:,}", f"{built['posts_a_second']:,.0f}",
            f"{built['peak_megabytes']:,.0f}", f"{trained['seconds_a_million_posts']:.2f}",
            f"{trained['seconds_an_epoch']:.2f}", f"{trained['peak_megabytes']:,.0f}",
        )
    return made


def _time(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds >= _SECONDS else f"{1000 * seconds:.3f} ms"
