"""Names: of the suites that ship, without reading one, and what may be a name."""

import re
from collections.abc import Iterable
from importlib import resources

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import UsageError

WITHOUT_MODEL = "without a model"  # the name of runs that train no model
_LONGEST = 100


def shipped_suites() -> list[str]:
    """Name the suites that ship."""
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def folder_name(name: str) -> str:
    """Return the name of the folder of something; see :func:`check_names`."""
    return re.sub(r"[^\w.+-]+", "_", name)


def check_names(names: Iterable[str], kind: str) -> None:
    """Refuse names that cannot be printed, or whose folders would be the same or elsewhere."""
    taken = {folder_name(WITHOUT_MODEL): WITHOUT_MODEL} if kind == "configuration" else {}
    for name in names:
        if not name.strip():
            raise ValueError(f"a {kind} has no name")
        if not name.isprintable() or name.startswith(".") or len(name) > _LONGEST:
            raise ValueError(
                f"a {kind} cannot be called {name[:_LONGEST]!r}: a name is printable, begins with "
                f"no dot and has at most {_LONGEST} characters"
            )
        other = taken.setdefault(folder_name(name), name)
        if other != name or name == WITHOUT_MODEL:
            raise ValueError(f"the {kind}s {other!r} and {name!r} would have one folder")


def check_known(names: Iterable[str], known: Iterable[str], message: str) -> None:
    """Refuse the first name that is not known; the message is without it."""
    offered = list(known)
    for name in names:
        if name not in offered:
            raise UsageError(f"{message} '{name}'", hint=did_you_mean(name, offered))
