"""How things scale, drawn: time and memory over posts, an epoch over cascades per batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator

from dgljoint_bench.reporting.plots import COLOURS, MARKERS, PANEL_HEIGHT, WIDTH


def scaling(figure: Figure, found: Mapping[str, Any]) -> None:
    """Draw the part ``scaling`` of a speed file.

    Args:
        figure: to draw on.
        found: with ``scaling``.
    """
    figure.set_size_inches(WIDTH, 2 * PANEL_HEIGHT)
    axes = figure.subplot_mosaic([["seconds", "memory"], ["batch", "batch"]])
    _over_posts(axes["seconds"], axes["memory"], found["scaling"]["posts"])
    _over_batches(axes["batch"], found["scaling"]["batch"])
    figure.supxlabel(_caption(found), fontsize=7, color="0.4")


def _over_posts(times: Axes, memory: Axes, sizes: Sequence[Mapping[str, Any]]) -> None:
    posts = [size["posts"] for size in sizes]
    building = [1e6 / size["build"]["posts_a_second"] for size in sizes]
    training = [size["train"]["seconds_a_million_posts"] for size in sizes]
    _lines(times, posts, {"preprocess": building, "train": training}.items())
    _lines(memory, posts, [
        (name, [size[part]["peak_megabytes"] for size in sizes])
        for name, part in (("preprocess", "build"), ("train", "train"))
    ])
    for axes, title in ((times, "seconds per million posts"), (memory, "peak memory, MB")):
        axes.set(xscale="log", xlabel="posts of the set", title=title)
        axes.set_ylim(bottom=0)


def _over_batches(axes: Axes, sizes: Sequence[Mapping[str, Any]]) -> None:
    cascades = [size["batch"] for size in sizes]
    _lines(axes, cascades, [
        (name, [size["rows"][name]["median_seconds"] for size in sizes])
        for name in sizes[0]["rows"]
    ])
    axes.set(
        xscale="log", yscale="log", xlabel="cascades per batch", title="seconds per epoch (median)"
    )
    axes.set_xticks(cascades, [str(size) for size in cascades])
    # Within a decade or two the usual ticks are too few to read a time by.
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.minorticks_off()


def _lines(
    axes: Axes, at: Sequence[int], lines: Iterable[tuple[str, Sequence[float]]]
) -> None:
    for (name, values), colour, marker in zip(lines, COLOURS, MARKERS, strict=False):
        axes.plot(at, values, color=colour, marker=marker, label=name)
    axes.legend(frameon=False)


def _caption(found: Mapping[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {found['versions'][name]}" for name in ("dgljoint", "torch", "dgl")
    )
    machine = found["machine"]
    return f"{versions} · {machine['processor']}, threads: {machine['threads']}"
