"""Say what a path is that was named as a run and is none, and which runs are near it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from dgljoint._internal.text import plural
from dgljoint.errors import DataError

DEFAULT_FOLDER = Path("runs")
"""Where training writes unless it is given a folder."""

_MARKS = {"config.toml", "manifest.json"}
_CHECKPOINTS = "checkpoints"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# A home folder or a whole disk may be near: what is looked at is bounded.
_MOST_FOLDERS = 500
_SHOWN = 3
_EXPECTED = "expected the folder of a run, with config.toml and checkpoints"


def is_marked(files: set[str], folders: set[str]) -> bool:
    """Say whether a folder with these files and folders in it is that of a run.

    It has ``config.toml`` and ``manifest.json``, or one of them beside ``checkpoints``.
    """
    marks = len(_MARKS & files)
    return marks == len(_MARKS) or (marks > 0 and _CHECKPOINTS in folders)


def is_run_folder(folder: Path) -> bool:
    """Say whether ``folder`` is that of a run; what cannot be opened is none."""
    try:
        files = {name for name in _MARKS if (folder / name).is_file()}
        return is_marked(files, {_CHECKPOINTS} if (folder / _CHECKPOINTS).is_dir() else set())
    except OSError:
        return False


def no_run(path: Path) -> DataError:
    """Return the error for a path that is no run folder.

    It never proposes to begin a run: whoever names one wants one that is there.
    """
    inside = next((folder for folder in path.absolute().parents if is_run_folder(folder)), None)
    return DataError(
        f"{path} is no run folder: {_found(path)}; {_EXPECTED}",
        hint=f"it is inside a run, so name that: {_shown(inside)}" if inside else _near(path),
    )


def _found(path: Path) -> str:
    if path.is_dir():
        within = list(runs_in(path))
        if within:
            return f"it holds {plural(len(within), 'run')}"
        try:
            empty = next(path.iterdir(), None) is None
        except OSError as error:
            return f"it cannot be opened ({error.strerror})"
        return "it is empty" if empty else "it has no config.toml"
    if not path.exists():
        return "there is no such folder"
    try:
        with path.open("rb") as file:
            return "it is a cascade file" if file.read(len(_HDF5)) == _HDF5 else "it is a file"
    except OSError:
        return "it is a file"


def _near(path: Path) -> str:
    within = list(runs_in(path)) if path.is_dir() else []
    if within:
        return f"name one of them: {_listed(within)}; `dgljoint runs list {path}` lists them all"
    place = next((one for one in path.parents if one.is_dir()), Path())
    known = {str(run): run for folder in (place, DEFAULT_FOLDER) for run in runs_in(folder)}
    if not known:
        return "no runs are near it: `dgljoint runs list DIR` lists those below a folder"
    names = {run.name: run for run in known.values()} | known
    # the folder of several runs is a RUN of some verbs
    names |= {run.parent.name: run.parent for run in known.values() if run.parent != path.parent}
    close = get_close_matches(str(path), known, n=2) or get_close_matches(path.name, names, n=2)
    if close:
        return "did you mean " + " or ".join(str(names[name]) for name in close) + "?"
    folder = next(iter(known.values())).parent
    return f"near it: {_listed(list(known.values()))}; `dgljoint runs list {folder}` lists them"


def _listed(runs: list[Path]) -> str:
    more = ", …" if len(runs) > _SHOWN else ""
    return ", ".join(map(str, runs[:_SHOWN])) + more


def runs_in(folder: Path) -> Iterator[Path]:
    """Yield the runs in a folder and in its folders, of which the first hundreds are looked at.

    Unlike :func:`~dgljoint.runs.listing.find_runs` it ends soon in any folder.
    """
    for one in _folders_of(folder):
        if is_run_folder(one):
            yield one
        else:
            yield from (two for two in _folders_of(one) if is_run_folder(two))


def _folders_of(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name for entry in islice(entries, _MOST_FOLDERS)
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def _shown(folder: Path) -> str:
    """Return an absolute path from the working folder where it is below that."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
