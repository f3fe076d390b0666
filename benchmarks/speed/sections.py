"""What is timed in one process, in turns: reading raw data, batches, an epoch, scoring."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data import demo_store
from dgljoint_data.build import build_store

from . import structure
from .contender import Contender
from .release import write_release
from .request import OWN, Request
from .subject import Subject, contenders, open_subject, published
from .timing import SETTINGS, interleave

TWO_PROCESSES = f"{OWN}, two processes"
# Which of the reader's counts measure how much there was to read.
_COUNTED = ("edge_lines", "tweet_files")
_PACKAGES = ("dgljoint", "torch", "dgl", "torch_geometric", "numpy", "h5py")
_PASSES: dict[str, Callable[[Contender], Callable[[], object]]] = {
    "batch": lambda contender: contender.assemble,
    "epoch": lambda contender: contender.epoch,
    "inference": lambda contender: contender.inference,
}


def measure_sections(request: Request) -> dict[str, Any]:
    """Measure all that needs no process of its own: a speed file without ``scaling.posts``.

    Raises:
        DgljointError: the data cannot be used.
    """
    torch.manual_seed(request.seed)
    settings = {
        name: value for name, value in asdict(request).items()
        if name not in ("data", "raw", "posts", "batches")
    }
    found: dict[str, Any] = {
        "format": 1, "machine": _machine(), "versions": _versions(), "settings": settings,
        "data": None, "left_out": {}, "sections": {}, "scaling": {},
    }
    if request.asks_for("preprocess"):
        progress("preprocess")
        found["sections"]["preprocess"] = _preprocess(request)
    if request.asks_for("structure", "hidden", "scaling", *_PASSES):
        with tempfile.TemporaryDirectory() as folder:
            file = request.data or demo_store(Path(folder))
            _measure_on_data(open_subject(request, file), request, found)
    return found


def progress(text: str) -> None:
    """Write to stderr what is being measured."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _measure_on_data(subject: Subject, request: Request, found: dict[str, Any]) -> None:
    """Add what is measured on the cascades of a file."""
    found["data"], found["left_out"] = subject.facts(), dict(subject.left_out)
    for name, functions in _functions(request, subject):
        progress(name)
        found["sections"][name] = {"rows": interleave(functions, request.rounds).rows()}
    if request.asks_for("scaling"):
        found["scaling"]["batch"] = list(_over_batches(request, subject))


def _functions(
    request: Request, subject: Subject
) -> Iterator[tuple[str, structure.Functions]]:
    """Yield what each section times; made when it is its turn, since all hold the data."""
    if request.asks_for("structure"):
        yield "structure", structure.whole(subject)
    if request.asks_for("hidden"):
        yield "hidden", structure.hidden(subject)
    passes = [name for name in _PASSES if request.asks_for(name)]
    rows: Mapping[str, Contender] = contenders(subject) if passes else {}
    for name in passes:
        yield name, {row: _PASSES[name](contender) for row, contender in rows.items()}


def _over_batches(request: Request, subject: Subject) -> Iterator[dict[str, Any]]:
    for size in request.batches:
        progress(f"scaling, {size} cascades per batch")
        rows = published(subject.in_batches_of(size))
        epochs = {name: contender.epoch for name, contender in rows.items()}
        yield {"batch": size, "rows": interleave(epochs, request.rounds).rows()}


def _preprocess(request: Request) -> dict[str, Any]:
    spec = installed_registry().find(ReaderSpec, request.reader)
    summaries: list[Any] = []
    with _raw(request) as source, tempfile.TemporaryDirectory() as folder:

        def build(jobs: int) -> None:
            summaries.append(build_store(
                spec.build(spec.options()), reader_name=spec.name, source=source,
                output=Path(folder) / "out.h5", jobs=jobs,
            ))

        rows = interleave(
            {OWN: lambda: build(1), TWO_PROCESSES: lambda: build(2)}, request.rounds
        ).rows()
    summary = summaries[-1]
    counts = {"posts": summary.posts, **summary.report.counts}
    read = {name: counts[name] for name in ("posts", *_COUNTED) if name in counts}
    seconds = rows[OWN]["median_seconds"]
    return {
        "source": str(request.raw) if request.raw else "synthetic, in Twitter15's form",
        "reader": spec.name, "read": read,
        "a_second": {name: number / seconds for name, number in read.items()}, "rows": rows,
    }


@contextmanager
def _raw(request: Request) -> Iterator[Path]:
    if request.raw is not None:
        yield request.raw
        return
    with tempfile.TemporaryDirectory() as folder:
        write_release(Path(folder), request.seed)
        yield Path(folder)


def _machine() -> dict[str, object]:
    return {
        "platform": platform.platform(), "processor": _processor(), "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ.get(name) for name in SETTINGS},
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _versions() -> dict[str, str | None]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
