"""Which program a job is planned with: it changes with the sources, wherever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.plugins.registry import PluginEntry
from dgljoint.runs.many import job as program
from dgljoint.runs.many.job import program_of

MINE = PluginEntry("mine", "dgljoint-mine", "1.0", "mine_plugin.hooks")
SHIPPED = PluginEntry("gcn", "dgljoint", "0.1.0", "dgljoint_plugins.encoders.gcn")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    sources = program._digest_of_sources.__wrapped__
    monkeypatch.setattr(program, "_digest_of_sources", sources)
    package = tmp_path / "mine_plugin"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "hooks.py", "inner/__init__.py"):
        (package / name).touch()
    return package


def test_only_what_is_used_counts(place: Path) -> None:
    bare, shipped, mine = (program_of(some) for some in ([], [SHIPPED], [SHIPPED, MINE]))
    assert bare == shipped
    assert mine == {**bare, "source of dgljoint-mine": mine["source of dgljoint-mine"]}
    assert {"torch", "dgl", "source of dgljoint"} <= bare.keys()


@pytest.mark.parametrize(
    ("file", "content", "same"),
    [
        ("hooks.py", "x = 1", False), ("inner/__init__.py", "x = 1", False), ("new.py", "", False),
        ("notes.txt", "x = 1", True),
    ],
)
def test_a_source_that_changes_makes_another_program(
    place: Path, file: str, content: str, same: bool
) -> None:
    before = program_of([MINE])
    (place / file).write_text(content)
    assert (program_of([MINE]) == before) == same


def test_a_module_alone_has_a_source_too(place: Path) -> None:
    (place.parent / "alone_plugin.py").write_text("x = 1")
    entry = PluginEntry("alone", "dgljoint-alone", "1.0", "alone_plugin")
    before = program_of([entry])
    (place.parent / "alone_plugin.py").write_text("x = 2")
    assert program_of([entry]) != before
