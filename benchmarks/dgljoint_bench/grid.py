"""Configurations times folds times seeds, each trained by a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from dgljoint.config import ENVIRONMENT_PREFIX
from dgljoint.errors import UsageError
from dgljoint.files import write_text
from dgljoint.options import Options, parse_options
from dgljoint_bench.timing import run_fresh

_DGLJOINT = str(Path(sys.executable).with_name("dgljoint"))
_LINES_SHOWN = 5


class Grid(Options):
    """What is trained, as a TOML file says it."""

    split: str = Field("event", description="name of the split")
    folds: tuple[int, ...] = Field((0,), min_length=1, description="folds tested, one a run")
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="seeds, one a run")
    reference: str = Field("", description="configuration that the others are compared with")
    arguments: tuple[str, ...] = Field((), description="of dgljoint train, for all")
    configurations: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="of dgljoint train, by name"
    )


def read_grid(file: Path) -> Grid:
    """Read a grid.

    Raises:
        UsageError: the file cannot be read, or says something else.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    grid = parse_options(Grid, values, file.name)
    if not grid.configurations:
        raise UsageError(f"{file} names no configurations")
    if grid.reference and grid.reference not in grid.configurations:
        raise UsageError(f"{file}: reference '{grid.reference}' is none of its configurations")
    folders = {_folder_name(name) for name in grid.configurations}
    if len(folders) < len(grid.configurations):
        raise UsageError(f"{file}: two configurations would share a folder")
    return grid


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a grid.

    Attributes:
        configuration: its name.
        fold: that is tested.
        seed: of everything random.
        folder: the run folder; its log and the record of its process lie beside it.
        arguments: of ``dgljoint train``, without the folder.
    """

    configuration: str
    fold: int
    seed: int
    folder: Path
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.configuration}, fold {self.fold}, seed {self.seed}"

    @property
    def record(self) -> Path:
        """What is known of its process: a JSON file."""
        return self.folder.with_suffix(".json")

    @property
    def log(self) -> Path:
        """What its process wrote to stderr."""
        return self.folder.with_suffix(".log")

    @property
    def finished(self) -> bool:
        """Whether its figures are there."""
        return (self.folder / "scores.json").is_file()


def cells(grid: Grid, data: Path, out: Path) -> list[Cell]:
    """List the runs of a grid, fold by fold: the first folds of all configurations come first."""
    return [
        Cell(
            configuration=name,
            fold=fold,
            seed=seed,
            folder=out / _folder_name(name) / f"{_folder_name(grid.split)}{fold}-seed{seed}",
            arguments=(
                str(data.resolve()), *grid.arguments, *own, "--split", grid.split,
                "--fold", str(fold), "--seed", str(seed),
            ),
        )
        for seed in grid.seeds
        for fold in grid.folds
        for name, own in grid.configurations.items()
    ]


def _folder_name(configuration: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", configuration)


def run_cells(chosen: Sequence[Cell], jobs: int, say: Callable[[str], None]) -> dict[Cell, str]:
    """Train the cells that have no figures yet, a number of them at a time.

    Args:
        chosen: in this order.
        jobs: how many at a time, each of one thread.
        say: is told what ended.

    Returns:
        The cells that failed, each with what it said.
    """
    failed: dict[Cell, str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        left = iter(chosen)
        running = {pool.submit(_run, cell): cell for cell in islice(left, jobs)}
        while running:
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                cell = running.pop(done)
                problem = done.result()
                say(f"{cell}: {'done' if problem is None else 'FAILED'}")
                if problem is not None:
                    failed[cell] = problem
                running |= {pool.submit(_run, more): more for more in islice(left, 1)}
    return failed


def _run(cell: Cell) -> str | None:
    """Train one cell unless it is there; return what went wrong."""
    # A run that was interrupted is gone on with; what ended before its first epoch is no loss.
    started = (cell.folder / "checkpoints" / "last.safetensors").is_file()
    known = read_record(cell) if started else {}
    if known and known["arguments"] != list(cell.arguments):
        return f"{cell.folder} was trained with other arguments; take it away to train again"
    if cell.finished:
        return None
    arguments = [*cell.arguments, "--resume" if started else "--force", "--format", "json", "-q"]
    command = [_DGLJOINT, "train", *arguments, "--out", str(cell.folder)]
    cell.folder.parent.mkdir(parents=True, exist_ok=True)
    _write_record(cell, known.get("peak_megabytes"))
    try:
        with cell.log.open("w", encoding="utf-8") as log:
            finished = run_fresh(command, stderr=log, environment=_environment())
    except subprocess.CalledProcessError as error:
        said = cell.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"exit code {error.returncode}", *said[-_LINES_SHOWN:]])
    _write_record(cell, max(finished.peak_megabytes, known.get("peak_megabytes") or 0.0))
    return None


def _environment() -> dict[str, str]:
    """Return the variables of a run: one thread, and no settings but those of the grid."""
    plain = {key: v for key, v in os.environ.items() if not key.startswith(ENVIRONMENT_PREFIX)}
    return {**plain, "OMP_NUM_THREADS": "1"}


def read_record(cell: Cell) -> dict[str, Any]:
    """Return what is known of a cell's process; nothing of one that never ran."""
    if not cell.record.is_file():
        return {}
    found: dict[str, Any] = json.loads(cell.record.read_text(encoding="utf-8"))
    return found


def _write_record(cell: Cell, peak_megabytes: float | None) -> None:
    record = {"arguments": list(cell.arguments), "peak_megabytes": peak_megabytes}
    write_text(cell.record, json.dumps(record, indent=2) + "\n")
