"""``--preset`` and ``plugins presets``; what is laid over what is tested with the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgljoint import training
from dgljoint.training import RunResult
from dgljoint_cli.main import run
from toys import toy_store

MINE = 'summary = "two [of] them"\nplugins = ["contrastive", "meta_weight"]\nencoder = "gcn"\n'
SMALL = ("-s", "model.width=8", "-s", "train.batch=8", "--epochs", "1", "-q")


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "config" / "dgljoint" / "presets"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(MINE)
    return folder


@pytest.fixture
def asked(monkeypatch, scores):
    """Record the configuration the engine is asked for instead of training."""
    configs = []

    def train(inputs, out, **rest):
        configs.append(inputs.config)
        return RunResult(out, 1, scores, scores)

    monkeypatch.setattr(training, "train", train)
    return configs


def test_presets_are_listed_with_where_they_stand_and_what_is_wrong(own, capsys):
    (own / "bad.toml").write_text("seed =")
    assert run(["plugins", "presets"]) == 0
    shown = capsys.readouterr()
    lines = {line.split()[0]: line for line in shown.out.splitlines()}
    assert "two [of] them" in lines["mine"]
    assert str(own / "mine.toml") in lines["mine"]
    assert "is not TOML" in lines["bad"]
    assert str(own) in shown.err

    assert run(["plugins", "presets", "--format", "json", "-q"]) == 0
    shown = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(shown.out)}
    assert rows["mine"] == {
        "name": "mine", "source": str(own / "mine.toml"), "summary": "two [of] them", "cause": None
    }
    assert "is not TOML" in rows["bad"]["cause"]
    assert shown.err == ""


def test_every_preset_that_ships_is_listed_with_its_summary(capsys):
    assert run(["plugins", "presets", "--format", "json", "-q"]) == 0
    shipped = [r for r in json.loads(capsys.readouterr().out) if r["source"].startswith("dgljoint")]
    assert shipped
    assert all(row["summary"] and row["cause"] is None for row in shipped)


def test_a_preset_reaches_the_engine_under_what_else_is_given(asked, tmp_path, monkeypatch):
    data = str(toy_store(tmp_path / "toy.h5").path)
    assert run(["train", data, "--preset", "mine"]) == 0
    assert run(["train", data, "--preset", "mine", "--plugin", "fixed", "--encoder", "bigcn"]) == 0
    monkeypatch.setenv("DGLJOINT_PRESET", "mine")
    assert run(["train", data]) == 0
    assert [(config.encoder, config.plugins) for config in asked] == [
        ("gcn", ("contrastive", "meta_weight")), ("bigcn", ("fixed",)),
        ("gcn", ("contrastive", "meta_weight")),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [("mien", "did you mean 'mine'?"), ("none.toml", "No such file"), ("bad", "is not TOML")],
)
def test_a_preset_that_cannot_be_used_exits_2(own, asked, capsys, name, message):
    (own / "bad.toml").write_text("seed =")
    assert run(["train", "--preset", name]) == 2
    assert message in capsys.readouterr().err
    assert asked == []


def test_the_run_folder_repeats_the_run_without_the_preset(own, tmp_path, capsys):
    data = str(toy_store(tmp_path / "toy.h5").path)
    assert run(["train", data, "--preset", "mine", *SMALL, "--out", "one"]) == 0
    (own / "mine.toml").unlink()
    assert run(["train", "--config", "one/config.toml", "-q", "--out", "two"]) == 0
    files = [Path(folder, "config.toml").read_text() for folder in ("one", "two")]
    assert files[0] == files[1]
    assert 'encoder = "gcn"' in files[0]
    assert "preset" not in files[0]
