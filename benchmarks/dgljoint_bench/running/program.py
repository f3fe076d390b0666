"""Which program a cell is run with: versions, and the sources that figures hang on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from dgljoint.plugins.registry import PluginEntry

OWN = "dgljoint"
_LIBRARIES = ("torch", "dgl", "numpy", "scipy", "scikit-learn")
# What makes tables and draws has no part in figures.
_OWN_PACKAGES = ("dgljoint", "dgljoint_plugins", "dgljoint_data", "dgljoint_bench.running")


def program_of(plugins: Iterable[PluginEntry]) -> dict[str, str]:
    """Return versions of libraries and digests of sources, by name.

    Args:
        plugins: that are used; of those that do not ship, the package they stand in counts.
    """
    packages = {OWN: set(_OWN_PACKAGES)}
    for entry in plugins:
        if entry.distribution != OWN:
            packages.setdefault(entry.distribution, set()).add(entry.module.partition(".")[0])
    return {name: metadata.version(name) for name in _LIBRARIES} | {
        f"source of {name}": _digest(tuple(sorted(some))) for name, some in packages.items()
    }


@cache
def _digest(packages: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    for package in packages:
        for name, file in _files(package):
            found.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return found.hexdigest()[:12]


def _files(package: str) -> Iterable[tuple[str, Path]]:
    """Return the sources of a package, or of a module, by a name that hangs on no place."""
    spec = find_spec(package)
    if spec is None:
        return
    for folder in map(Path, spec.submodule_search_locations or ()):
        for file in sorted(folder.rglob("*.py")):
            yield f"{package}/{file.relative_to(folder).as_posix()}", file
    if not spec.submodule_search_locations and spec.origin and Path(spec.origin).is_file():
        yield package, Path(spec.origin)
