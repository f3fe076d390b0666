"""``plugins new``: what is written, which names are refused, and that nothing is left half done."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from commands import ends, everything
from dgljoint import __version__
from dgljoint.plugins import scaffold
from dgljoint.plugins.scaffold import KINDS, LONGEST
from dgljoint_cli.main import run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_has_all_that_pip_pytest_and_github_want(kind, capsys):
    assert run(["plugins", "new", "my-scheme", "--kind", kind, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert (found["name"], found["kind"]) == ("my_scheme", kind)
    folder = Path(found["folder"])
    assert folder == Path("dgljoint-my-scheme")
    assert {folder / name for name in found["files"]} == everything(folder)
    assert {
        "pyproject.toml", "README.md", ".gitignore", ".github/workflows/test.yml",
        "src/dgljoint_my_scheme/__init__.py", "src/dgljoint_my_scheme/module.py",
        "src/dgljoint_my_scheme/py.typed", "tests/test_my_scheme.py",
    } <= set(found["files"])

    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == found["distribution"] == "dgljoint-my-scheme"
    assert project["entry-points"] == {"dgljoint.plugins": {"my_scheme": "dgljoint_my_scheme"}}
    assert project["license"]
    (needed,) = map(Requirement, project["dependencies"])
    assert needed.name == "dgljoint"
    assert __version__ in needed.specifier
    workflow = (folder / ".github" / "workflows" / "test.yml").read_text()
    assert "${{ matrix.python }}" in workflow
    assert found["next"][3] in workflow
    for path in everything(folder) - {folder / ".github" / "workflows" / "test.yml"}:
        assert "$" not in path.read_text()


def test_what_was_written_is_listed_and_what_comes_next_is_said(capsys):
    assert run(["plugins", "new", "csv", "--kind", "reader", "some where"]) == 0
    out, err = capsys.readouterr()
    assert {Path(line) for line in out.splitlines()} == everything(Path("some where"))
    assert "  cd 'some where'\n" in err
    assert "  dgljoint plugins check csv --raw tests/sample.csv\n" in err
    assert "  dgljoint preprocess csv posts.csv -o posts.h5\n" in err

    assert run(["plugins", "new", "deep", "--kind", "encoder", "a/b", "-q"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "a/b/pyproject.toml\n" in out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["z", "z" * LONGEST], ids=["short", "long"])
def test_what_is_written_is_clean(kind, name):
    pytest.importorskip("ruff")
    assert run(["plugins", "new", name, "--kind", kind, "made", "-q"]) == 0
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."], cwd="made",
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_plugin_uses_public_names_alone_and_nothing_heavy_at_import(kind):
    assert run(["plugins", "new", "mine", "--kind", kind, "-q"]) == 0
    for path in Path("dgljoint-mine").rglob("*.py"):
        tree = ast.parse(path.read_text())
        modules = {
            node.module for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "dgljoint"
        }
        assert modules <= {"dgljoint", "dgljoint.nn", "dgljoint.testing"}, path
    top = ast.parse(Path("dgljoint-mine/src/dgljoint_mine/__init__.py").read_text()).body
    at_import = [ast.unparse(node) for node in top if isinstance(node, ast.Import | ast.ImportFrom)]
    assert at_import == [
        "from __future__ import annotations", "import dgljoint", "from pydantic import Field",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My Scheme", "for example my-scheme"),
        ("2nd", "for example nd"),
        ("a--b", "for example a-b"),
        ("ends-", "for example ends"),
        ("schéma", "for example sch-ma"),
        ("../up", "for example up"),
        ("!", "words joined by '-'"),
        ("x" * (LONGEST + 1), f"at most {LONGEST}"),
        ("dgljoint-mine", "leave the prefix out: mine"),
        ("train", "section"),
        ("rumor", "task's loss"),
        ("contrastive", "(dgljoint 0"),
        ("meta-weight", "plugin 'meta_weight'"),
        ("bench", "package dgljoint_bench"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(name, said, capsys, tmp_path):
    assert said in ends(capsys, 2, "plugins", "new", name, "--kind", "encoder")
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_installed_is_refused(site, capsys):
    site.install("dgljoint-other", {"mine": "other"}, version="2.5")
    said = ends(capsys, 2, "plugins", "new", "mine", "--kind", "encoder", "made")
    assert "plugin 'mine' (dgljoint-other 2.5) is installed" in said.error
    assert "pip uninstall dgljoint-other" in said


def test_a_kind_that_is_none_is_refused(capsys):
    assert "--kind" in ends(capsys, 2, "plugins", "new", "mine")
    assert "'weighter'" in ends(capsys, 2, "plugins", "new", "mine", "--kind", "weigher")


def test_a_folder_with_something_in_it_is_left_alone(capsys, tmp_path):
    (tmp_path / "dgljoint-mine").mkdir()
    (tmp_path / "dgljoint-mine" / ".hidden").touch()
    said = ends(capsys, 2, "plugins", "new", "mine", "--kind", "encoder")
    assert "dgljoint-mine is there and not empty" in said.error
    assert "dgljoint-mine/.hidden is there" in ends(
        capsys, 2, "plugins", "new", "mine", "--kind", "encoder", "dgljoint-mine/.hidden"
    ).error
    assert [path.name for path in everything(tmp_path)] == [".hidden"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "made").mkdir()
    assert run(["plugins", "new", "mine", "--kind", "encoder", "made", "-q"]) == 0
    assert (tmp_path / "made" / "pyproject.toml").is_file()


def test_the_current_folder_is_refused(capsys, tmp_path):
    for folder in (".", tmp_path):
        said = ends(capsys, 2, "plugins", "new", "mine", "--kind", "encoder", folder)
        assert "hint: name a folder inside it, such as dgljoint-mine" in said


def test_a_full_disk_leaves_nothing_behind(capsys, tmp_path, monkeypatch):
    written = []

    def write_text(path, *arguments, **settings):
        written.append(path)
        if len(written) > 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_text)
    said = ends(capsys, 1, "plugins", "new", "mine", "--kind", "encoder")
    assert "the disk is full" in said.error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("version", "needed"),
    [("0.1.0", "dgljoint>=0.1.0,<0.2"), ("0.9.3", "dgljoint>=0.9.3,<0.10"),
     ("1.4.2", "dgljoint>=1.4.2,<2"), ("0.2.0.dev3", "dgljoint>=0.2.0.dev3,<0.3")],
)
def test_the_range_ends_where_the_interface_may_break(version, needed):
    assert scaffold.requirement(version) == needed
