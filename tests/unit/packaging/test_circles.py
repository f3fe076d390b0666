"""No circle of imports at run time: a module can be read from its imports upwards."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOMS = ("dgljoint", "dgljoint_bench", "dgljoint_cli", "dgljoint_data", "dgljoint_plugins")


def modules() -> dict[str, Path]:
    found = {}
    for room in ROOMS:
        spec = find_spec(room)
        assert spec is not None
        folder = Path(str(spec.origin)).parent
        for file in folder.rglob("*.py"):
            parts = file.relative_to(folder.parent).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = file
    return found


def run_time_imports(nodes: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run when the module is imported."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from run_time_imports(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from run_time_imports(ast.iter_child_nodes(node))


def imported(source: str, known: set[str]) -> set[str]:
    """Name the modules among ``known`` that a source imports at run time."""
    names = []
    for node in run_time_imports(ast.parse(source).body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        else:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [name if name in known else str(node.module) for name in inner]
    return known.intersection(names)


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_module_imports_itself_through_others() -> None:
    files = modules()
    graph = {name: imported(file.read_text("utf-8"), set(files)) for name, file in files.items()}
    assert len(graph) > 100
    assert not (found := circle(graph)), " -> ".join(found)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from a import b", {"a.b"}),
        ("from a.b import c", {"a.b"}),
        ("try:\n    import a.b\nexcept ImportError:\n    pass", {"a.b"}),
        ("class C:\n    from a import b", {"a.b"}),
        ("def f():\n    from a import b", set()),
        ("if TYPE_CHECKING:\n    from a import b\nelse:\n    import a", {"a"}),
    ],
)
def test_imports_that_run_with_the_module_count(source: str, expected: set[str]) -> None:
    assert imported(source, {"a", "a.b"}) == expected


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})
