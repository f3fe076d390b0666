"""The plot of how things scale."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.speed.plot import scaling
from dgljoint_bench.reporting.plots import write


def found() -> dict[str, Any]:
    """Return figures of two sizes, with a peer and without Geometric."""

    def size(posts: int) -> dict[str, Any]:
        return {
            "posts": posts,
            "build": {"posts_a_second": 30_000.0, "peak_megabytes": 200.0},
            "train": {"seconds_a_million_posts": 12.0, "peak_megabytes": 500.0 + posts / 1000},
        }

    rows = {"dgljoint, the published model": 0.05, "plain DGL, sparse words": 0.1}
    batches = [
        {"batch": batch, "rows": {
            name: {"median_seconds": seconds / batch} for name, seconds in rows.items()
        }}
        for batch in (8, 32)
    ]
    return {
        "machine": {"processor": "a processor", "threads": 1},
        "versions": {"dgljoint": "0.1", "torch": "2.13", "dgl": "1.1.3"},
        "scaling": {"posts": [size(10_000), size(100_000)], "batch": batches},
    }


def drawn(figures: dict[str, Any]) -> dict[str, Axes]:
    figure = Figure()
    scaling(figure, figures)
    return {axes.get_title(): axes for axes in figure.axes}


def test_each_panel_has_a_line_a_row_with_its_figures():
    panels = drawn(found())
    lines = {
        title: {str(line.get_label()): [*map(float, line.get_ydata())] for line in axes.lines}
        for title, axes in panels.items()
    }
    assert lines == {
        "seconds per million posts": {
            "preprocess": pytest.approx([100 / 3] * 2), "train": [12.0, 12.0]
        },
        "peak memory, MB": {"preprocess": [200.0, 200.0], "train": [510.0, 600.0]},
        "seconds per epoch (median)": {
            "dgljoint, the published model": pytest.approx([0.05 / 8, 0.05 / 32]),
            "plain DGL, sparse words": pytest.approx([0.1 / 8, 0.1 / 32]),
        },
    }
    assert [*panels["peak memory, MB"].lines[0].get_xdata()] == [10_000, 100_000]


def test_the_picture_says_where_it_was_measured():
    figure = Figure()
    scaling(figure, found())
    assert figure.get_supxlabel() == (
        "dgljoint 0.1, torch 2.13, dgl 1.1.3 · a processor, threads: 1"
    )


def test_an_svg_is_the_same_whenever_it_is_drawn(tmp_path):
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for file in files:
        write(file, lambda figure: scaling(figure, found()))
    one, other = (file.read_text(encoding="utf-8") for file in files)
    assert one == other
    assert sorted(tmp_path.iterdir()) == files
