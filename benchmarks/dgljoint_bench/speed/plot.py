"""How things scale, drawn: time and memory over posts, an epoch over cascades a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint.errors import UsageError
from dgljoint.files import replacing, writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMS = (".png", ".svg")
_SETTINGS: dict[Any, Any] = {
    # Without it an SVG has other ids every time.
    "svg.hashsalt": "dgljoint",
    # Text that can be searched and read aloud.
    "svg.fonttype": "none",
    "axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False,
    "font.size": 9,
}
_MARKERS = "o^v"  # of our library, plain DGL and PyTorch Geometric
_INCHES_A_PANEL, _INCHES_HIGH = 4.2, 3.6


def check_plot(file: Path) -> None:
    """Find out whether a plot can be drawn, before what is drawn is measured.

    Raises:
        UsageError: the name ends in another form, or matplotlib is not installed.
    """
    if file.suffix.lower() not in FORMS:
        raise UsageError(
            f"--plot {file}: no form of a picture", hint=f"end it in {' or '.join(FORMS)}"
        )
    try:
        import matplotlib.figure  # noqa: F401  # whether it does
    except ImportError as error:
        raise UsageError(
            f"a plot needs matplotlib: {error}", hint="pip install 'dgljoint[plots]'"
        ) from None


def write_plot(file: Path, found: Mapping[str, Any]) -> None:
    """Draw the part ``scaling`` of what :func:`dgljoint_bench.speed.measure` returned.

    The same figures give the same file.

    Args:
        file: ``.svg`` or ``.png``; appears whole or not at all.
        found: with ``scaling``.

    Raises:
        RunFailedError: the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    form = file.suffix.lower().removeprefix(".")
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(3 * _INCHES_A_PANEL, _INCHES_HIGH), layout="constrained")
        figure.suptitle(_caption(found), fontsize=8, color="0.4")
        times, memory, batches = figure.subplots(1, 3)
        _over_posts(times, memory, found["scaling"]["posts"])
        _over_batches(batches, found["scaling"]["batch"])
        with replacing(file) as temporary, writing(file):
            # The date would be another one every time.
            metadata = {"Date": None} if form == "svg" else None
            figure.savefig(temporary, format=form, dpi=150, metadata=metadata)


def _over_posts(times: Axes, memory: Axes, sizes: Sequence[Mapping[str, Any]]) -> None:
    posts = [size["posts"] for size in sizes]
    building = [1e6 / size["build"]["posts_a_second"] for size in sizes]
    training = [size["train"]["seconds_a_million_posts"] for size in sizes]
    for name, seconds, marker in (("preprocess", building, "s"), ("train", training, "o")):
        times.plot(posts, seconds, marker=marker, label=name)
    for part, name, marker in (("build", "preprocess", "s"), ("train", "train", "o")):
        peaks = [size[part]["peak_megabytes"] for size in sizes]
        memory.plot(posts, peaks, marker=marker, label=name)
    for axes, title in ((times, "seconds a million posts"), (memory, "peak memory, MB")):
        axes.set(xscale="log", xlabel="posts of the set", title=title)
        axes.set_ylim(bottom=0)
        axes.legend()


def _over_batches(axes: Axes, sizes: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.ticker import FormatStrFormatter, LogLocator

    cascades = [size["batch"] for size in sizes]
    for name, marker in zip(sizes[0]["rows"], _MARKERS, strict=False):
        seconds = [size["rows"][name]["median_seconds"] for size in sizes]
        axes.plot(cascades, seconds, marker=marker, label=name)
    axes.set(
        xscale="log", yscale="log", xlabel="cascades a batch", title="seconds an epoch (median)"
    )
    axes.set_xticks(cascades, [str(size) for size in cascades])
    # Within a decade or two the usual ticks are too few to read a time by.
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.minorticks_off()
    axes.legend()


def _caption(found: Mapping[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {found['versions'][name]}" for name in ("dgljoint", "torch", "dgl")
    )
    machine = found["machine"]
    return f"{versions} · {machine['processor']}, threads: {machine['threads']}"
