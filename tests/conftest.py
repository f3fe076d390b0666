"""Settings of the whole suite, and plugins made on the spot: real distributions in a folder."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

from dgljoint.plugins.registry import Registry, discover, installed_registry
from gate import PLUGIN, Gate
from packages import build_wheel

# Small tensors: a second thread costs more than it brings. Subprocesses inherit it.
os.environ["OMP_NUM_THREADS"] = "1"
# What runs tests in several processes tells them its terminal's width: tables are as wide as where
# there is no terminal.
os.environ.pop("COLUMNS", None)
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# Whole runs, commands and releases: what is below these folders is slow.
SLOW = ("integration", "e2e", "fuzz")
# Packages of their own, which are installed by tests and then run theirs.
collect_ignore = ["external"]


@pytest.hookimpl(tryfirst=True)  # before items are deselected by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of some folders as slow."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in SLOW:
            item.add_marker("slow")


class Site:
    """A folder of installed distributions.

    Attributes:
        path: to put on ``PYTHONPATH`` for another process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(
        self, distribution: str, entry_points: Mapping[str, str], *,
        version: str = "1.0", group: str = "dgljoint.plugins", **modules: str,
    ) -> None:
        """Write a distribution: its entry points by name, its modules' sources by name."""
        folder = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        lines = [f"{name} = {value}" for name, value in entry_points.items()]
        (folder / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        for name, source in modules.items():
            (self.path / f"{name}.py").write_text(dedent(source))
        importlib.invalidate_caches()

    def registry(self) -> Registry:
        """Return what is installed now."""
        return Registry(discover())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a folder on the path for distributions of this test alone."""
    made = Site(tmp_path / "site")
    made.path.mkdir()
    monkeypatch.syspath_prepend(made.path)
    before = set(sys.modules)
    installed_registry.cache_clear()
    yield made
    installed_registry.cache_clear()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(made.path)):
            del sys.modules[name]


@pytest.fixture
def gate(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Install the plugin ``gated``, for processes that the test starts, too."""
    site.install("dgljoint-gated", {"gated": "gated_module"}, gated_module=PLUGIN)
    monkeypatch.setenv("PYTHONPATH", str(site.path))
    made = Gate(site.path)
    yield made
    made.open()


@pytest.fixture(scope="session")
def own_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this tree, once for all who want it."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))
