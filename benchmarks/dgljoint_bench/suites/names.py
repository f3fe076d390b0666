"""The names of the suites that ship, without reading one."""

from __future__ import annotations

from importlib import resources


def shipped_suites() -> list[str]:
    """Name the suites that ship."""
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
