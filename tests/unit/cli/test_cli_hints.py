"""What a wrong command line is answered with: the command that was meant."""

from __future__ import annotations

import pytest

from commands import ends
from dgljoint_cli.main import run

REPLIES = '{"id": "1", "posts": [{"id": "1", "text": "a"}]}\n'


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("train", "--lr", "0.1"), "-s train.learning_rate=0.1?"),
        (("train", "--lr=0.1"), "-s train.learning_rate=0.1?"),
        (("train", "--weight-decay", "0.1", "--seed", "1"), "-s train.weight_decay=0.1?"),
        (("train", "--dropout", "--seed", "1"), "-s model.dropout=VALUE?"),
        (("train", "--batch-size", "3"), "--batch-posts or -s train.batch=3?"),
        (("train", "--epoch", "3"), "did you mean --epochs?"),
        (("train", "--encoder", "gat", "--heads", "2"), "-s gat.heads=2?"),
        (("train", "--plugin", "contrastive", "--temperature", "1"), "-s contrastive.temperat"),
        (("train", "--temperature", "1"), "it is -s NAME.temperature=1 with one of "),
        (("train", "--negatives", "4"), "did you mean --plugin contrastive -s contrastive.nega"),
        (("preprocess", "synthetic", "--cascades", "3"), "did you mean -s cascades=3?"),
        (("preprocess", "synthetic", "--output", "x.h5"), "did you mean --out?"),
        (("evaluate", "run", "--lr", "1"), "hint: dgljoint evaluate -h"),
        (("train", "-s", "train.lr=1"), "did you mean 'learning_rate'?"),
        (("train", "-s", "lr=1"), "did you mean -s train.learning_rate=1?"),
        (("train", "-s", "seed=1"), "did you mean --seed 1?"),
        (("train", "--plugin", "contrastive,meta_weight"), "--plugin contrastive --plugin meta"),
        (("train", "-s", "contrastive.temperature=1"), "hint: add --plugin contrastive"),
        (("train", "-s", "gat.heads=2"), "hint: add --encoder gat"),
        (("train", "-s", "contrastiv.weight=1"), "did you mean 'contrastive'? add --plugin contr"),
        (
            ("train", "--plugin", "contrastive", "-s", "contrastiv.weight=1"),
            "hint: did you mean 'contrastive'?\n",
        ),
        (("train", "contrastive"), "hint: dgljoint train --plugin contrastive"),
        (("train", "gat"), "hint: dgljoint train --encoder gat"),
        (("train", "hybrid"), "hint: dgljoint train --preset hybrid"),
        (("train", "jsonl"), "dgljoint preprocess jsonl RAW_DIR -o jsonl.h5"),
        (("audit", "synthetic"), "dgljoint preprocess synthetic -o synthetic.h5"),
    ],
)
def test_what_was_meant_is_named(arguments, meant, capsys):
    assert meant in ends(capsys, 2, *arguments)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("EPOCHS", "DGLJOINT_TRAIN__EPOCHS"),
        ("LR", "DGLJOINT_TRAIN__LEARNING_RATE"),
        ("TRAIN_EPOCHS", "DGLJOINT_TRAIN__EPOCHS"),
        ("TRAIN_LR", "DGLJOINT_TRAIN__LEARNING_RATE"),
        ("TRIAN__EPOCHS", "DGLJOINT_TRAIN__EPOCHS"),
        ("CONTRASTIVE_TEMPERATURE", "DGLJOINT_CONTRASTIVE__TEMPERATURE"),
        ("SEEDS", "DGLJOINT_SEED"),
        ("PLUGIN", "DGLJOINT_PLUGINS"),
        ("WHATEVER", "name it without this prefix"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_one_meant(
    variable, meant, monkeypatch, capsys
):
    monkeypatch.setenv(f"DGLJOINT_{variable}", "5")
    said = ends(capsys, 2, "train", "--dry-run")
    assert f"error: DGLJOINT_{variable} is not a setting\n" in said
    assert meant in said


def test_a_folder_of_raw_data_is_to_be_preprocessed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "posts.jsonl").write_text(REPLIES)
    for verb in (("train",), ("audit",), ("data", "info"), ("predict", "run")):
        said = ends(capsys, 3, *verb, "raw")
        assert "raw is a folder, not a cascade file" in said
        assert "dgljoint preprocess READER raw -o raw.h5" in said
    said = ends(capsys, 3, "train", "posts.jsonl")
    assert "dgljoint preprocess jsonl posts.jsonl -o posts.h5" in said


def test_a_folder_with_a_cascade_file_or_a_run_in_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a b.h5").touch()
    assert "dgljoint data info 'sets/a b.h5'" in ends(capsys, 3, "data", "info", "sets")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.toml").touch()
    assert "dgljoint train --resume --out run" in ends(capsys, 3, "train", "run")
    assert "dgljoint evaluate run" in ends(capsys, 3, "audit", "run")


def test_a_file_of_a_plugins_name_is_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contrastive").write_bytes(b"\x89HDF\r\n\x1a\n")
    said = ends(capsys, 3, "train", "contrastive").error
    assert "name of a plugin" not in said
    assert run(["train", "--help"]) == 0
