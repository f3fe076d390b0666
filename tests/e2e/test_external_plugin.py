"""A method of somebody else's, in a package of its own: installed, listed, trained, resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import SMALL
from dgljoint.errors import InterruptedRunError
from dgljoint.testing import toy_store
from dgljoint_cli.main import run as dgljoint
from external_packages import EXTERNAL, installed
from runs import StopAfter, assert_same_run, metrics, run

NAME = "dgljoint-famo"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed(NAME, tmp_path_factory.mktemp("external")) as site:
        yield site


@pytest.mark.usefixtures("site")
def test_it_is_listed_with_its_distribution_and_its_paper(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert dgljoint(["plugins", "list", "--format", "json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "famo"]
    assert (row["distribution"], row["version"], row["module"]) == (NAME, "1.0", "dgljoint_famo")
    assert dgljoint(["plugins", "show", "famo", "--format", "json"]) == 0
    (component,) = json.loads(capsys.readouterr().out)["components"]
    assert component["reference"]["url"] == "https://arxiv.org/abs/2306.03792"


@pytest.mark.usefixtures("site")
def test_it_trains_and_its_weights_follow_the_losses(tmp_path: Path) -> None:
    store, out = toy_store(tmp_path / "toy.h5"), tmp_path / "run"
    command = ["train", str(store.path), "--plugin", "famo", "--plugin", "contrastive", *SMALL]
    assert dgljoint([*command, "--epochs", "2", "--out", str(out)]) == 0
    first, second = (line["weights"] for line in metrics(out))
    assert first.keys() == {"cascade", "rumor", "contrastive"}
    assert first.pop("contrastive") == second.pop("contrastive") == 1
    # each task's share of the gradient of the logarithms adds up to one
    assert all(sum(weights.values()) == pytest.approx(1, abs=1e-4) for weights in (first, second))
    assert first != second


@pytest.mark.usefixtures("site")
def test_it_goes_on_bit_for_bit(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "toy.h5")
    fields = {"plugins": ("adversarial", "famo"), "encoder": "gcn"}
    run(store, tmp_path / "whole", "train.epochs=2", **fields)
    out = tmp_path / "parts"
    with pytest.raises(InterruptedRunError):
        run(store, out, "train.epochs=2", callback=StopAfter(3), **fields)
    run(store, out, "train.epochs=2", resume=True, **fields)
    assert_same_run(tmp_path / "whole", out)


def test_its_own_tests_pass(site: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error",
         str(EXTERNAL / NAME / "tests"), "-c", os.devnull],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_uses_public_names_alone() -> None:
    public = {"dgljoint", "dgljoint.nn", "dgljoint.testing"}
    for file in (EXTERNAL / NAME).rglob("*.py"):
        words = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
        used = {line[1] for line in words if line[:1] in (["from"], ["import"])}
        assert {name for name in used if name.startswith("dgljoint.")} <= public
