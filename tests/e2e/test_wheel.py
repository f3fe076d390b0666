"""The wheel in an environment of its own, outside the checkout: the whole way of a new user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packages import FOLDERS, ROOT, Run, environment

WHERE = """
import json, sys
import dgljoint, dgljoint_bench, dgljoint_cli, dgljoint_data, dgljoint_plugins
packages = (dgljoint, dgljoint_bench, dgljoint_cli, dgljoint_data, dgljoint_plugins)
print(json.dumps([[package.__file__ for package in packages], sys.path]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, own_wheel: Path) -> Run:
    """Run a program of an environment that has the wheel, and borrows its dependencies."""
    return environment(tmp_path_factory.mktemp("elsewhere"), own_wheel)


def test_imports_come_from_the_wheel_and_not_from_the_checkout(run):
    files, path = json.loads(run("python", "-c", WHERE))
    assert all("elsewhere" in file for file in files)
    roots = {str(ROOT), *(str(ROOT / folder) for folder in FOLDERS)}
    assert not roots & set(path)


def test_version_and_plugins(run):
    from dgljoint import __version__

    assert run("dgljoint", "--version") == f"dgljoint {__version__}\n"
    rows = json.loads(run("dgljoint", "plugins", "list", "--load", "--format", "json"))
    assert {row["name"] for row in rows} >= {"bigcn", "contrastive", "meta_weight", "twitter15"}
    assert {row["status"] for row in rows} == {"ok"}
    assert not any(row["clashes_with"] for row in rows)


def test_the_demo_trains(run):
    result = json.loads(
        run("dgljoint", "train", "--plugin", "contrastive", "--plugin", "meta_weight",
            "--epochs", "1", "--out", "demo", "--format", "json")
    )
    assert result["run"] == "demo"
    assert 0 <= result["test"]["rumor"]["accuracy"] <= 1
