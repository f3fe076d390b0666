"""Finding a suite: by the name of one that ships, or by its file."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from dgljoint._internal.text import did_you_mean
from dgljoint.config.options import parse_options
from dgljoint.errors import UsageError
from dgljoint_bench.suites.names import shipped_suites
from dgljoint_bench.suites.suite import Suite


def find_suite(name: str) -> Suite:
    """Read a suite."""
    known = shipped_suites()
    if name in known:
        text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
        return _parsed(text, name, f"suite '{name}'")
    file = Path(name)
    if file.suffix != ".toml":
        raise UsageError(
            f"there is no suite '{name}'",
            hint=f"{did_you_mean(name, known)}; or name a file that ends with .toml",
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    return _parsed(text, file.stem, str(file))


def _parsed(text: str, name: str, origin: str) -> Suite:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{origin} is not TOML: {error}") from error
    return parse_options(Suite, {**values, "name": values.get("name") or name}, origin)
