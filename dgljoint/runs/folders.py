"""Run folders by name and files: which is one, what it is called, and how it is read safely."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgljoint._internal.text import plural
from dgljoint.errors import DataError, UsageError, one_line

if TYPE_CHECKING:
    from dgljoint.config.run_config import RunConfig

DEFAULT_FOLDER = Path("runs")  # where training writes unless it is given a folder

_MARKS = {"config.toml", "manifest.json"}
_CHECKPOINTS = "checkpoints"
# A home folder or a whole disk may be near: what is looked at is bounded.
_MOST_FOLDERS = 500
_SHOWN = 3
_EXPECTED = "expected the folder of a run, with config.toml and checkpoints"


def is_marked(files: set[str], folders: set[str]) -> bool:
    """Return whether a folder has ``config.toml`` and ``manifest.json``, or one and checkpoints."""
    marks = len(_MARKS & files)
    return marks == len(_MARKS) or (marks > 0 and _CHECKPOINTS in folders)


def is_run_folder(folder: Path) -> bool:
    """Return whether ``folder`` is that of a run; what cannot be opened is none."""
    try:
        files = {name for name in _MARKS if (folder / name).is_file()}
        return is_marked(files, {_CHECKPOINTS} if (folder / _CHECKPOINTS).is_dir() else set())
    except OSError:
        return False


def no_run(path: Path) -> DataError:
    """Return the error for a path that is no run folder; it never proposes to begin a run."""
    inside = next((folder for folder in path.absolute().parents if is_run_folder(folder)), None)
    return DataError(
        f"{path} is no run folder: {_found(path)}; {_EXPECTED}",
        hint=f"it is inside a run, so name that: {_shown(inside)}" if inside else _near(path),
    )


def _found(path: Path) -> str:
    if not path.is_dir():
        return "it is a file" if path.exists() else "there is no such folder"
    within = list(runs_in(path))
    return f"it holds {plural(len(within), 'run')}" if within else "it has no config.toml"


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


def default_folder(
    config: RunConfig, data_name: str, parent: Path = Path("runs"), *, fold: str = "",
    seed: str = "",
) -> Path:
    """Name a run folder after the run, with a number when that one is taken."""
    parts = (
        data_name,
        config.encoder,
        "+".join(config.plugins),
        f"{config.split}{fold or config.fold}",
        f"s{seed or config.seed}",
    )
    name = re.sub(r"[^\w.+-]+", "_", "-".join(part for part in parts if part))
    folder, number = parent / name, 1
    while folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def resumed_folder(out: Path | None, *, force: bool) -> Path:
    """Return the folder of what is resumed."""
    if force:
        raise UsageError("--resume and --force exclude each other", hint="leave one out")
    if out is None:
        raise UsageError(
            "--resume does not know which run to go on with", hint="name its folder: --out DIR"
        )
    return out


def settings_of(folder: Path, *, several: bool = False, needed: bool = False) -> Path | None:
    """Return the file with the settings of a run, or of several in one folder, if there is any."""
    if several:
        written = folder / "settings.toml"
        return written if written.exists() else None
    from dgljoint.runs.stored import StoredRun  # pydantic, which a name need not wait for

    run = StoredRun(folder)
    # Killed in its first moment, a run has not written what it was to be; its own command has it.
    return run.config_file if needed or run.started else None


# A line of metrics takes about a kilobyte, so this is some fifty thousand epochs.
_MOST_BYTES = 1 << 26


def check_own(folder: Path, file: Path) -> None:
    """Refuse what would lead out of a run folder, or never end."""
    relative = file.relative_to(folder)
    for part in (relative, *relative.parents[:-1]):
        path = folder / part
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        wanted = stat.S_ISREG if part == relative else stat.S_ISDIR
        if not wanted(mode):
            what = "a link" if stat.S_ISLNK(mode) else "no regular file or folder"
            raise DataError(
                f"{path} is {what}; the files of a run folder must be in it",
                hint="put the file itself there",
            )


def read_plain(folder: Path, file: Path) -> bytes:
    """Read a file of a run folder."""
    check_own(folder, file)
    try:
        with file.open("rb") as handle:
            content = handle.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{file} is not readable ({error.strerror})") from error
    if len(content) > _MOST_BYTES:
        raise DataError(f"{file} is not readable: it is above {_MOST_BYTES >> 20} MiB")
    return content


def parse_object(content: bytes, what: str) -> dict[str, Any]:
    """Parse a JSON object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:  # RecursionError: nested too deeply
        raise DataError(f"{what} is not readable ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise DataError(f"{what} is not readable: no object")
    return found
