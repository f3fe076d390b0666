"""Read the small text files of a run folder, which may come from somebody else."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from dgljoint.errors import DataError, one_line

# A line of metrics takes about a kilobyte, so this is some fifty thousand epochs.
_MOST_BYTES = 1 << 26


def check_own(folder: Path, file: Path) -> None:
    """Refuse what would lead out of a run folder, or never end.

    Raises:
        DataError: on the way from ``folder`` to ``file`` is a link, or ``file`` exists and is a
            device, a pipe or a folder.
    """
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
                f"{path} is {what}; what a run folder holds must lie in it",
                hint="put the file itself there",
            )


def read_plain(folder: Path, file: Path) -> bytes:
    """Read a file of a run folder.

    Raises:
        DataError: it is missing, unreadable, too large, or :func:`check_own` refuses it.
    """
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
    """Parse a JSON object.

    Args:
        content: UTF-8.
        what: where it stands, for the message.

    Raises:
        DataError: it is none.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:  # RecursionError: nested too deeply
        raise DataError(f"{what} is not readable ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise DataError(f"{what} is not readable: no object")
    return found
