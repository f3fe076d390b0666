"""The page on the architecture names packages and functions that exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(dgljoint\w*(?:\.\w+)+)`", PAGE)))
PICTURE = PAGE.split("<!-- rooms -->")[1].split("<!-- end rooms -->")[0]
FOLDERS = {
    "dgljoint": "dgljoint", "dgljoint_plugins": "plugins/dgljoint_plugins",
    "dgljoint_data": "data_prep/dgljoint_data", "dgljoint_cli": "cli/dgljoint_cli",
    "dgljoint_bench": "benchmarks/dgljoint_bench",
}


def drawn_rooms() -> dict[str, set[str]]:
    """Read the picture: a package per heading, its rooms as the indented names below."""
    found: dict[str, set[str]] = {}
    package = ""
    for line in PICTURE.splitlines():
        if heading := re.match(r"(dgljoint\w*)  ", line):
            package = heading[1]
            found[package] = set()
        elif room := re.match(r"  (\w+)/  ", line):
            found[package].add(room[1])
    return found


def test_the_rooms_of_the_picture_are_the_packages() -> None:
    packages = {
        name: {file.parent.name for file in (ROOT / folder).glob("*/__init__.py")}
        for name, folder in FOLDERS.items()
    }
    assert drawn_rooms() == packages


@pytest.mark.parametrize("name", NAMES)
def test_every_name_on_the_page_exists(name: str) -> None:
    module, _, rest = name, "", []
    while True:
        try:
            value: object = import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
            if not module:
                raise
    for attribute in rest:
        value = getattr(value, attribute)


def test_the_page_names_the_way_of_a_post_an_option_and_a_result() -> None:
    assert len(NAMES) > 30
    for heading in ("From a post to a metric", "From an option to a loss", "From a result to"):
        assert f"## {heading}" in PAGE
