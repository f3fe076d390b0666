from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.config.run_config import dump_config
from dgljoint.config.sources import resolve_config
from dgljoint.errors import UsageError


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("seed = 1\nfold = 1\n[train]\nepochs = 1\nbatch = 1\nclip = 7\n")
    environment = {"DGLJOINT_SEED": "2", "DGLJOINT_FOLD": "2", "DGLJOINT_TRAIN__BATCH": "2"}
    config = resolve_config(
        file=file, environment=environment, command_line={"seed": 3}, assignments=("train.clip=5",)
    )
    assert (config.seed, config.fold) == (3, 2)
    assert (config.train.epochs, config.train.batch, config.train.clip) == (1, 2, 5.0)
    assert config.model == resolve_config().model


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    config = resolve_config(
        command_line={"plugins": ("contrastive",)}, assignments=("contrastive.weight=0.3",)
    )
    file = tmp_path / "config.toml"
    file.write_text(dump_config(config))
    assert resolve_config(file=file) == config


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_text("seed = 7", encoding="utf-8-sig")
    assert resolve_config(file=file).seed == 7


def test_environment_speaks_only_of_components_in_use() -> None:
    environment = {"DGLJOINT_CONTRASTIVE__WEIGHT": "0.3", "DGLJOINT_RAW_DATA": "x", "SEED": "4"}
    assert resolve_config(environment=environment).options == {}
    config = resolve_config(environment=environment, command_line={"plugins": ("contrastive",)})
    assert config.options == {"contrastive": {"weight": "0.3"}}
    listed = resolve_config(environment={**environment, "DGLJOINT_PLUGINS": "contrastive, fixed"})
    assert listed.plugins == ("contrastive", "fixed")
    assert listed.options == config.options


def test_features_are_a_list_in_a_file_and_one_text_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[features]\nuse = ["bow", "time"]\n')
    found = [
        resolve_config(file=file),
        resolve_config(assignments=("features.use=bow,time",)),
        resolve_config(environment={"DGLJOINT_FEATURES__USE": "bow, time"}),
    ]
    assert {config.features.use for config in found} == {("bow", "time")}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epohcs=3", "did you mean 'epochs'"),
        ("train.epochs=many", r"train\.epochs: .*integer.*found 'many'"),
        ("train.epochs=0", "greater than or equal to 1"),
        ("epochs=3", "not of the form"),
        ("cascade.loss=hinge", "'listwise' or 'bce'"),
    ],
)
def test_wrong_settings_are_explained(assignment: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_config(assignments=(assignment,))


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        resolve_config(file=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"seed = \xff")
    with pytest.raises(UsageError, match="is not TOML"):
        resolve_config(file=tmp_path / "bad.toml")
    (tmp_path / "typo.toml").write_text("sede = 1")
    with pytest.raises(UsageError, match="did you mean 'seed'"):
        resolve_config(file=tmp_path / "typo.toml")
