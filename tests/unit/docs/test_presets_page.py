"""The page on presets, run as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dgljoint.config.presets import user_folder
from dgljoint.config.sources import resolve_config
from dgljoint_cli.main import run
from toys import toy_store

TEXT = Path(__file__).parents[3].joinpath("docs", "presets.md").read_text(encoding="utf-8")


def block_after(marker: str) -> str:
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found, marker
    return found[1]


def test_the_preset_is_used_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DGLJOINT_TRAIN__EPOCHS", "1")
    monkeypatch.setenv("DGLJOINT_MODEL__WIDTH", "8")
    toy_store(tmp_path / "cascades.h5")
    user_folder().mkdir(parents=True)
    for place in (user_folder(), tmp_path):
        (place / "mine.toml").write_text(block_after("preset"))
    for command in block_after("commands").splitlines():
        assert run(shlex.split(command)[1:]) == 0, command
    (folder,) = (tmp_path / "runs").iterdir()
    config = resolve_config(file=folder / "config.toml")
    assert (config.encoder, config.train.batch, config.train.epochs) == ("gcn", 64, 1)
    assert config.options["contrastive"]["temperature"] == 0.2
