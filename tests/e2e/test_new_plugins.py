"""What ``plugins new`` writes, from the empty folder to a run: built, installed, tested, used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import SMALL
from dgljoint.plugins.scaffold import KINDS
from dgljoint_cli.main import run as dgljoint
from packages import Run, environment, pip


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write a package of each kind, called ``a-KIND``."""
    folder = tmp_path_factory.mktemp("sources")
    made = {kind: folder / f"dgljoint-a-{kind}" for kind in KINDS}
    for kind, path in made.items():
        assert dgljoint(["plugins", "new", f"a-{kind}", str(path), "--kind", kind, "-q"]) == 0
    return made


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, sources: dict[str, Path], own_wheel: Path
) -> Run:
    """Install wheels of all of them beside that of dgljoint in a fresh environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", folder / "wheels",
        *sources.values())
    wheels = sorted((folder / "wheels").glob("*.whl"))
    assert [wheel.name for wheel in wheels] == [
        f"dgljoint_a_{kind}-0.1.0-py3-none-any.whl" for kind in sorted(KINDS)
    ]
    return environment(folder, own_wheel, *wheels)


def test_they_are_listed_and_importing_them_is_cheap(run):
    rows = json.loads(run("dgljoint", "plugins", "list", "--load", "--format", "json"))
    found = {row["name"]: row for row in rows if row["distribution"] != "dgljoint"}
    assert {name: (row["distribution"], row["status"]) for name, row in found.items()} == {
        f"a_{kind}": (f"dgljoint-a-{kind}", "ok") for kind in KINDS
    }


def test_their_own_tests_pass(run, sources):
    folders = [str(source / "tests") for source in sources.values()]
    settings = str(sources["encoder"] / "pyproject.toml")
    said = run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", settings, *folders)
    assert " passed" in said


def test_all_pass_the_check(run, sources):
    # without a name: all that are not dgljoint's own
    found = json.loads(run("dgljoint", "plugins", "check", "--no-timing", "--format", "json"))
    assert {report["name"]: report["passed"] for report in found} == {
        f"a_{kind}": True for kind in KINDS
    }
    notes = {
        (finding["check"], finding["found"])
        for report in found for finding in report["findings"] if finding["outcome"] == "note"
    }
    # Meeting half-way changes the views from the first step on.
    assert {check for check, _ in notes} <= {
        "names its source", "is imported quickly", "leaves the views alone at the start"
    }
    assert not [found for _, found in notes if "it imports" in found]


def test_the_reader_passes_on_its_sample(run, sources):
    sample = str(sources["reader"] / "tests" / "sample.csv")
    (found,) = json.loads(
        run("dgljoint", "plugins", "check", "a_reader", "--raw", sample, "--format", "json")
    )
    assert found["passed"]
    assert "accounts for all it met" in [finding["check"] for finding in found["findings"]]
    run("dgljoint", "preprocess", "a_reader", sample, "-o", "sample.h5")
    shown = json.loads(run("dgljoint", "data", "info", "sample.h5", "--format", "json"))
    assert shown["reader"] == "a_reader"


def test_they_train_together(run):
    result = json.loads(
        run("dgljoint", "train", "--plugin", "a_interaction", "--plugin", "a_weighter",
            *SMALL, "--encoder", "a_encoder", "-s", "a_interaction.weight=0.2", "--epochs", "1",
            "--out", "together", "--format", "json")
    )
    assert 0 <= result["test"]["rumor"]["accuracy"] <= 1
