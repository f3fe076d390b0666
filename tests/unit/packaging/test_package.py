"""What is declared, what stands in the tree and what a wheel carries are the same."""

from __future__ import annotations

import configparser
import re
from email.parser import Parser
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dgljoint
from packages import FOLDERS, ROOT


def declared() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def import_roots() -> dict[str, Path]:
    """Where each import root stands in the tree."""
    folders = {"dgljoint": Path("dgljoint")}
    for line in declared()["options"]["package_dir"].split("\n")[1:]:
        name, folder = line.split(" = ")
        folders[name] = Path(folder)
    return folders


def in_the_tree(pattern: str) -> set[str]:
    """Name the files of the import roots as they are imported."""
    return {
        (PurePosixPath(name) / path.relative_to(ROOT / folder).as_posix()).as_posix()
        for name, folder in import_roots().items()
        for path in (ROOT / folder).rglob(pattern)
        if "__pycache__" not in path.parts and path.is_file()
    }


@pytest.fixture(scope="module")
def wheel(own_wheel: Path) -> ZipFile:
    return ZipFile(own_wheel)


def test_every_folder_with_an_import_root_is_declared():
    assert {folder.parts[0] for folder in import_roots().values()} == set(FOLDERS)


def test_packages_listed_are_the_packages_of_the_tree():
    listed = declared()["options"]["packages"].split()
    found = {str(PurePosixPath(name).parent) for name in in_the_tree("__init__.py")}
    assert set(listed) == {name.replace("/", ".") for name in found}
    assert listed == sorted(listed)


def test_the_wheel_carries_every_file_of_the_import_roots(wheel):
    carried = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert carried == in_the_tree("*")


def test_every_import_root_says_that_it_is_typed(wheel):
    assert {f"{name}/py.typed" for name in import_roots()} <= set(wheel.namelist())


def test_metadata_of_the_wheel(wheel):
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    found = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert (found["Name"], found["Version"]) == ("dgljoint", dgljoint.__version__)
    assert found["Requires-Python"] == ">=3.11"
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    points = wheel.read(f"{folder}/entry_points.txt").decode()
    assert "dgljoint = dgljoint_cli.main:main" in points


def test_every_entry_point_stands_for_a_module_of_the_tree():
    files = in_the_tree("*.py")
    modules = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files
    }
    points = declared()["options.entry_points"]["dgljoint.plugins"].split("\n")[1:]
    assert {point.split(" = ")[1] for point in points} <= modules


def test_every_plugin_of_the_tree_is_an_entry_point():
    folder = ROOT / import_roots()["dgljoint_plugins"]
    plugins = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    points = declared()["options.entry_points"]["dgljoint.plugins"]
    assert plugins == set(re.findall(r"= dgljoint_plugins\.(\w+)$", points, re.MULTILINE))


def test_every_preset_of_the_tree_is_an_entry_point():
    points = declared()["options.entry_points"]["dgljoint.presets"].split("\n")[1:]
    offered = {f"{package.replace('.', '/')}/{name}.toml"
               for name, package in (point.split(" = ") for point in points)}
    assert offered == {name for name in in_the_tree("*.toml") if "/presets/" in name}


def test_constraints_pin_what_is_required_inside_its_range():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pins: dict[str, list[str]] = {}
    for requirement in map(Requirement, lines):
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        pins.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    extras = declared()["options.extras_require"]
    wanted = "\n".join(
        (declared()["options"]["install_requires"],
         *(extras[name] for name in ("plots", "tensorboard", "test", "dev")))
    )
    lines = [line for line in wanted.splitlines() if line and not line.startswith(("#", "%"))]
    required = [Requirement(line) for line in lines]
    assert len(required) > 15
    for requirement in required:
        versions = pins[canonicalize_name(requirement.name)]
        assert all(version in requirement.specifier for version in versions), requirement
