"""What is timed in one process, in turns: reading raw data, batches, an epoch, scoring."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_bench.speed import structure
from dgljoint_bench.speed.contender import Contender
from dgljoint_bench.speed.machine import machine, versions
from dgljoint_bench.speed.release import READER, write_release
from dgljoint_bench.speed.request import Section, SpeedRequest
from dgljoint_bench.speed.subject import OWN, Subject, contenders, open_subject, published
from dgljoint_bench.timing import Timings, interleave
from dgljoint_data import demo_store
from dgljoint_data.build import build_store

# Of what readers count, what tells how much there was to read.
_COUNTED = ("edge_lines", "tweet_files")
_PASSES: dict[Section, Callable[[Contender], Callable[[], object]]] = {
    "batch": lambda contender: contender.assemble,
    "epoch": lambda contender: contender.epoch,
    "inference": lambda contender: contender.inference,
}

Tell = Callable[[str], None]


def measure_sections(request: SpeedRequest, tell: Tell) -> dict[str, Any]:
    """Measure all that is asked for and needs no process of its own.

    Args:
        request: what to measure.
        tell: is told what is being measured.

    Returns:
        All of a speed file but ``scaling.posts``.

    Raises:
        DgljointError: the data cannot be used.
    """
    torch.manual_seed(request.seed)
    found: dict[str, Any] = {
        "machine": machine(), "versions": versions(),
        "settings": request.model_dump(mode="json", exclude={"data", "raw", "posts", "batches"}),
        "data": None, "left_out": {}, "sections": {}, "scaling": {},
    }
    if request.asks_for("preprocess"):
        tell("preprocess")
        found["sections"]["preprocess"] = _preprocess(request)
    if not any(map(request.asks_for, ("structure", "hidden", *_PASSES, "scaling"))):
        return found
    with tempfile.TemporaryDirectory() as folder:
        _measure_on_data(
            open_subject(request, request.data or demo_store(Path(folder))), request, tell, found
        )
    return found


def _measure_on_data(
    subject: Subject, request: SpeedRequest, tell: Tell, found: dict[str, Any]
) -> None:
    """Add what is measured on the cascades of a file."""
    found["data"], found["left_out"] = subject.facts(), dict(subject.left_out)
    for name, functions in _functions(request, subject):
        tell(name)
        found["sections"][name] = {"rows": rows_of(interleave(functions, request.rounds))}
    if request.asks_for("scaling"):
        found["scaling"]["batch"] = list(_over_batches(request, subject, tell))


def rows_of(timings: Timings) -> dict[str, dict[str, Any]]:
    """Return, by row, the median, its ratio to the first row's, and every round's seconds."""
    return {
        name: {
            "median_seconds": timings.medians[name], "ratio": timings.ratios[name],
            "seconds": list(seconds),
        }
        for name, seconds in timings.seconds.items()
    }


def _functions(
    request: SpeedRequest, subject: Subject
) -> Iterator[tuple[Section, structure.Functions]]:
    """Yield what each section times; made when it is its turn, since all hold the data."""
    if request.asks_for("structure"):
        yield "structure", structure.whole(subject)
    if request.asks_for("hidden"):
        yield "hidden", structure.hidden(subject, np.random.default_rng(request.seed))
    asked = [name for name in _PASSES if request.asks_for(name)]
    rows: Mapping[str, Contender] = contenders(subject) if asked else {}
    for name in asked:
        yield name, {row: _PASSES[name](contender) for row, contender in rows.items()}


def _over_batches(
    request: SpeedRequest, subject: Subject, tell: Tell
) -> Iterator[dict[str, Any]]:
    for size in request.batches:
        tell(f"scaling, {size} cascades a batch")
        rows = published(subject.in_batches_of(size))
        epochs = {name: contender.epoch for name, contender in rows.items()}
        yield {"batch": size, "rows": rows_of(interleave(epochs, request.rounds))}


def _preprocess(request: SpeedRequest) -> dict[str, Any]:
    spec = installed_registry().find(ReaderSpec, request.reader if request.raw else READER)
    with _raw(request) as source, tempfile.TemporaryDirectory() as folder:

        def build() -> None:
            summaries.append(build_store(
                spec.build(spec.options()), reader_name=spec.name, source=source,
                output=Path(folder) / "out.h5",
            ))

        summaries: list[Any] = []
        timings = interleave({OWN: build}, request.rounds)
    summary = summaries[-1]
    read = {"posts": summary.posts} | {
        name: summary.report.counts[name] for name in _COUNTED if name in summary.report.counts
    }
    seconds = timings.medians[OWN]
    return {
        "source": str(request.raw) if request.raw else "made, in the form of Twitter15's trees",
        "reader": spec.name, "read": read,
        "a_second": {name: number / seconds for name, number in read.items()},
        "rows": rows_of(timings),
    }


@contextmanager
def _raw(request: SpeedRequest) -> Iterator[Path]:
    if request.raw is not None:
        yield request.raw
        return
    with tempfile.TemporaryDirectory() as folder:
        write_release(Path(folder), request.seed)
        yield Path(folder)
