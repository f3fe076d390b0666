"""The runs in one folder: those that can be taken together, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgljoint._internal.text import number_list, plural
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.comparable import differing_settings
from dgljoint.runs.listing import find_runs
from dgljoint.runs.near import is_run_folder, no_run, runs_in
from dgljoint.runs.plainfiles import parse_object, read_plain
from dgljoint.runs.protocol import recorded_protocol
from dgljoint.runs.stored import StoredRun, section

_HINT = "name the folder of one study, or single runs; `dgljoint runs list {folder}` shows them"
_BY_CELL = {"fold", "seed", "data"}
_SHOWN = 3
_SUMMARY = "summary.json"  # of a study: how each of its runs ended


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """The finished runs below a folder, by fold and seed.

    Attributes:
        folder: that was named.
        runs: at least one; of the same tasks, classes, features and data.
        notes: which runs are left out, and by which settings the others differ.
    """

    folder: Path
    runs: tuple[StoredRun, ...]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name the folds and seeds, and what was kept apart."""
        configs = [run.config() for run in self.runs]
        folds, seeds = {c.fold for c in configs}, {c.seed for c in configs}
        protocol = recorded_protocol(configs[0], self.runs[0].manifest())
        return (
            f"{plural(len(self.runs), 'run')} in {self.folder}, {protocol.data}, split "
            f"{protocol.split}, folds {number_list(list(folds))}, seeds "
            f"{number_list(list(seeds))}: {protocol.kept}"
        )


def holds_several(path: Path) -> bool:
    """Say whether a path is a folder of runs and not that of a single one."""
    return not is_run_folder(path) and next(runs_in(path), None) is not None


def several_runs(folder: Path) -> Several:
    """Gather the finished runs below a folder.

    Raises:
        DataError: there are none, one cannot be read, or none has ended.
        UsageError: they are not of the same tasks, classes, features and data.
    """
    found = [StoredRun(path) for path in find_runs(folder)] if folder.is_dir() else []
    if not found:
        raise no_run(folder)
    runs = [run for run in found if run.finished]
    if not runs:
        raise DataError(
            f"none of the {plural(len(found), 'run')} in {folder} has ended",
            hint=f"dgljoint runs list {folder} shows how they are",
        )
    runs.sort(key=lambda run: (run.config().fold, run.config().seed, run.path))
    _check_alike(folder, runs)
    missing = {run.path: "its run has not ended" for run in found if run not in runs}
    missing |= _failed(folder, {run.path for run in runs})
    notes = [f"{path} is left out: {why}" for path, why in sorted(missing.items())]
    return Several(folder, tuple(runs), (*notes, *_differences(runs)))


def _failed(folder: Path, finished: Container[Path]) -> dict[Path, str]:
    """Return the runs that a study lists and that have no result, each with the reason.

    Raises:
        DataError: its summary is damaged.
    """
    file = folder / _SUMMARY
    if not file.is_file():
        return {}
    missing = {}
    for cell in parse_object(read_plain(folder, file), str(file)).get("cells", ()):
        if not isinstance(cell, dict):
            raise DataError(f"{file} is not readable: a run is no object")
        path = folder / str(cell.get("run"))
        if path not in finished:
            message = f": {cell['message']}" if cell.get("message") else ""
            missing[path] = f"{cell.get('state')}{message}"
    return missing


def _check_alike(folder: Path, runs: Sequence[StoredRun]) -> None:
    """Refuse runs whose scores or probabilities have no common mean."""
    aspects: dict[str, Callable[[StoredRun], Any]] = {
        "splits": lambda run: run.config().split,
        "tasks": lambda run: ", ".join(run.config().train.task_names),
        "classes": lambda run: ", ".join(map(str, _data(run).get("labels", ()))),
        "features": lambda run: ", ".join(run.config().features.use),
        "data": lambda run: f"{_data(run).get('name')} {_data(run).get('content_digest', '')}",
    }
    for name, aspect in aspects.items():
        groups: dict[str, list[str]] = {}
        for run in runs:
            groups.setdefault(str(aspect(run)), []).append(run.path.name)
        if len(groups) > 1:
            said = "; ".join(f"{what or 'none'} in {_few(who)}" for what, who in groups.items())
            raise UsageError(
                f"{folder} holds runs of different {name}, which have no common result: {said}",
                hint=_HINT.format(folder=folder),
            )


def _data(run: StoredRun) -> Any:
    return section(run.manifest(), "data")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _differences(runs: Sequence[StoredRun]) -> list[str]:
    """Name the settings by which runs differ beside fold and seed."""
    first, *others = (run.config() for run in runs)
    names = {name for other in others for name in differing_settings(first, other)} - _BY_CELL
    if not names:
        return []
    return [f"the runs differ in more than fold and seed: {', '.join(sorted(names))}"]
