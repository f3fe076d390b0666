"""The plot of how things scale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dgljoint.errors import RunFailedError, UsageError
from dgljoint_bench.speed.plot import check_plot, write_plot

PNG = b"\x89PNG"


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


def test_an_svg_is_the_same_whenever_it_is_drawn(tmp_path):
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for file in files:
        write_plot(file, found())
    one, other = (file.read_text(encoding="utf-8") for file in files)
    assert one == other
    assert "<dc:date>" not in one
    for text in ("peak memory, MB", "seconds a million posts", "cascades a batch",
                 "plain DGL, sparse words", "a processor, threads: 1"):
        assert text in one
    assert sorted(tmp_path.iterdir()) == files


def test_other_figures_give_another_plot(tmp_path):
    other = found()
    other["scaling"]["posts"][1]["train"]["peak_megabytes"] *= 2
    for name, figures in (("a.svg", found()), ("b.svg", other)):
        write_plot(tmp_path / name, figures)
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()


def test_a_png_is_drawn_by_its_name(tmp_path):
    write_plot(tmp_path / "a.PNG", found())
    assert (tmp_path / "a.PNG").read_bytes().startswith(PNG)


def test_a_plot_that_cannot_be_written_is_said_in_words(tmp_path):
    with pytest.raises(RunFailedError, match="cannot write"):
        write_plot(tmp_path / "none" / "a.svg", found())


@pytest.mark.parametrize("name", ["a.pdf", "a", "svg"])
def test_other_forms_are_refused(name):
    with pytest.raises(UsageError, match="no form of a picture") as caught:
        check_plot(Path(name))
    assert caught.value.hint == "end it in .png or .svg"


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match="a plot needs matplotlib") as caught:
        check_plot(Path("a.svg"))
    assert caught.value.hint == "pip install 'dgljoint[plots]'"
