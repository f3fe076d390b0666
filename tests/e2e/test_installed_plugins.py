"""Wheels of broken plugins, installed by pip: real processes, and what is left of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from commands import SMALL
from packages import pip
from processes import PATIENCE_SECONDS
from toys import toy_store

DGLJOINT = Path(sys.executable).with_name("dgljoint")

GOOD = """
    import dgljoint

    def build(options, context):
        from dgljoint.nn import Interaction
        return Interaction()

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [
            dgljoint.InteractionSpec(name=name, summary="quiet", build=build)
            for name in ("twin", "slow")
        ]
"""
UNRULY = """
    import os, subprocess, sys, threading, time
    import dgljoint

    def shout(where):
        print("print in", where)
        os.write(1, b"written in %s\\n" % where.encode())
        subprocess.run(["echo", "started in", where])

    def linger():
        while True:
            time.sleep(0.1)
            print("print in linger")

    shout("import")

    def build(options, context):
        from dgljoint.nn import Interaction

        class Unruly(Interaction):
            def couple(self, reps, batch):
                shout("couple")
                return reps

        shout("build")
        threading.Thread(target=linger, daemon=True).start()
        return Unruly()

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="unruly", summary="", build=build)]
"""
# distribution: version, and the modules of its plugins by name
DISTRIBUTIONS = {
    "dgljoint-many": (
        "1.2",
        {
            "raising": "raise RuntimeError('no licence')",
            "needy": "import a_library_nobody_has",
            "exiting": "raise SystemExit(0)",
            "misspelt": "import dgljoint\n@dgljoint.hookimpl\ndef dgljoint_encoder(): return []",
            "wrong": "import dgljoint\n@dgljoint.hookimpl\ndef dgljoint_encoders(): return 3",
            "twin": GOOD,
        },
    ),
    "dgljoint-other": ("3.4", {"twin": GOOD, "slow": "import time; time.sleep(1.1)\n" + GOOD}),
    "dgljoint-unruly": ("0.7", {"unruly": UNRULY}),
}
SETUP = """
    from setuptools import setup
    setup(name={name!r}, version={version!r}, py_modules={modules!r},
          entry_points={{"dgljoint.plugins": {points!r}}})
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheels and install them with pip; return the folder they are installed in."""
    folder = tmp_path_factory.mktemp("installed")
    trees = []
    for name, (version, plugins) in DISTRIBUTIONS.items():
        tree = folder / name
        tree.mkdir()
        prefix = name.replace("-", "_")
        modules = [f"{prefix}_{plugin}" for plugin in plugins]
        for module, source in zip(modules, plugins.values(), strict=True):
            (tree / f"{module}.py").write_text(_dedented(source))
        points = [f"{plugin} = {prefix}_{plugin}" for plugin in plugins]
        setup = SETUP.format(name=name, version=version, modules=modules, points=points)
        (tree / "setup.py").write_text(dedent(setup))
        trees.append(tree)
    wheels = folder / "wheels"
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", wheels, *trees)
    pip("install", "--no-deps", "--no-index", "--target", folder / "site", *wheels.iterdir())
    return folder / "site"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(toy_store(tmp_path_factory.mktemp("toy") / "toy.h5").path)


def _dedented(source: str) -> str:
    first, _, rest = source.partition("\n    ")
    return f"{first}\n{dedent('    ' + rest)}" if rest else source


def dgljoint(
    site: Path, *arguments: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DGLJOINT, *map(str, arguments)], capture_output=True, text=True, check=False,
        timeout=PATIENCE_SECONDS, env={**os.environ, "PYTHONPATH": str(site), **environment},
    )


def test_all_are_listed_and_those_that_are_broken_say_why(site: Path) -> None:
    done = dgljoint(site, "plugins", "list", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {(row["name"], row["distribution"]): row for row in json.loads(done.stdout)}
    assert rows["raising", "dgljoint-many"]["version"] == "1.2"
    assert rows["twin", "dgljoint-many"]["clashes_with"] == ["dgljoint-other"]

    done = dgljoint(site, "plugins", "list", "--load", "--format", "json")
    assert done.returncode == 0
    loaded = {(row["name"], row["distribution"]): row for row in json.loads(done.stdout)}
    causes = {name: row["cause"] for (name, _), row in loaded.items() if row["status"] == "broken"}
    for name, cause in {
        "raising": "failed in import of dgljoint_many_raising: RuntimeError: no licence",
        "needy": "failed in import of dgljoint_many_needy: ModuleNotFoundError: No module named",
        "exiting": "failed in import of dgljoint_many_exiting: SystemExit: 0",
        "misspelt": "implements an unknown hook 'dgljoint_encoder'",
        "wrong": ": dgljoint_encoders returned int, expected a list of EncoderSpec",
    }.items():
        owner, _, said = causes.pop(name).partition(")")
        assert f"{owner})" == f"plugin '{name}' (dgljoint-many 1.2)"
        assert said.strip().startswith(cause)
    twins = "plugin 'twin' is offered by dgljoint-many 1.2 and dgljoint-other 3.4"
    assert causes.pop("twin") == twins
    assert not causes
    assert loaded["slow", "dgljoint-other"]["seconds"] >= 1.1


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("raising", "failed in import of", "raised in <module>, dgljoint_many_raising.py line 1"),
        ("needy", "failed in import of", "dgljoint-many needs 'a_library_nobody_has', which is"),
        ("misspelt", "implements an unknown hook", "did you mean 'dgljoint_encoders'"),
    ],
)
def test_naming_a_broken_one_ends_with_4(site: Path, name: str, message: str, hint: str) -> None:
    done = dgljoint(site, "train", "--plugin", name)
    assert (done.returncode, done.stdout) == (4, "")
    said, mended = done.stderr.splitlines()
    assert said.startswith(f"error: plugin '{name}' (dgljoint-many 1.2) {message}")
    assert mended.startswith(f"hint: {hint}")


def test_one_that_prints_here_and_in_a_thread_does_not_spoil_the_result(
    site: Path, data: str, tmp_path: Path
) -> None:
    done = dgljoint(
        site, "train", data, "--out", tmp_path / "a", *SMALL, "--epochs", "1", "--plugin", "unruly",
        "--format", "json",
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["best_epoch"] == 1
    for where in ("import", "build", "couple"):
        for how in ("print", "written", "started"):
            assert f"{how} in {where}" in done.stderr
    assert "print in linger" in done.stderr
    assert "Traceback" not in done.stderr


def test_trains_with_some_of_them_disabled(site: Path, data: str, tmp_path: Path) -> None:
    done = dgljoint(
        site, "train", data, "--out", tmp_path / "a", *SMALL, "--epochs", "1", "--plugin",
        "contrastive", "--format", "json", DGLJOINT_DISABLED_PLUGINS="raising, unruly",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["best_epoch"] == 1
