"""Every preset that ships plans and trains, all its plugins being installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgljoint.config.presets import discover_presets
from dgljoint_cli.main import run
from toys import toy_store

SHIPPED = [preset.name for preset in discover_presets() if preset.source.startswith("dgljoint ")]
SMALL = ("-s", "model.width=8", "-s", "train.batch=16", "--epochs", "1", "-q")


@pytest.fixture(autouse=True)
def no_own_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_there_is_something_to_test() -> None:
    assert SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_plans_and_trains(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(toy_store(tmp_path / "toy.h5").path)
    asked = ["train", data, "--preset", name, *SMALL, "--format", "json"]
    assert run([*asked, "--dry-run"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert run([*asked, "--out", "run"]) == 0
    line = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert list(line["losses"]) == plan["losses"]
    assert run(["train", "--config", "run/config.toml", "-q", "--out", "again"]) == 0
    again = json.loads((tmp_path / "again" / "metrics.jsonl").read_text())
    assert {**line, "seconds": 0} == {**again, "seconds": 0}
