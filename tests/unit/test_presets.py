from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Site
from dgljoint.config.presets import Preset, discover_presets, find_preset, user_folder
from dgljoint.config.sources import resolve_config
from dgljoint.errors import PluginError, UsageError

BOTH = """
summary = "two of them"
plugins = ["contrastive", "meta_weight"]
encoder = "gcn"
[train]
epochs = 4
batch = 16
[options.contrastive]
temperature = 0.2
negatives = 7
[options.meta_weight]
every = 3
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "dgljoint" / "presets"
    folder.mkdir(parents=True)
    return folder


def own(folder: Path, text: str, name: str = "mine") -> Preset:
    (folder / f"{name}.toml").write_text(text)
    return find_preset(name)


def install(site: Site, text: str, name: str = "theirs") -> None:
    site.install("dgljoint-theirs", {name: "their_presets"}, group="dgljoint.presets")
    (site.path / "their_presets").mkdir()
    (site.path / "their_presets" / f"{name}.toml").write_text(text)


def test_a_preset_lies_over_the_defaults_and_under_everything_given(
    own_folder: Path, tmp_path: Path
) -> None:
    preset = own(own_folder, BOTH)
    assert preset.summary == "two of them"
    config = resolve_config(preset=preset)
    assert (config.encoder, config.plugins) == ("gcn", ("contrastive", "meta_weight"))
    assert (config.train.epochs, config.train.batch) == (4, 16)
    assert config.model == resolve_config().model
    file = tmp_path / "run.toml"
    file.write_text("[train]\nbatch = 8\nepochs = 8\n[options.contrastive]\nnegatives = 1\n")
    config = resolve_config(
        preset=preset, file=file, environment={"DGLJOINT_TRAIN__EPOCHS": "2"},
        command_line={"encoder": "bigcn"}, assignments=("meta_weight.every=1",),
    )
    assert (config.encoder, config.train.epochs, config.train.batch) == ("bigcn", 2, 8)
    assert config.options == {
        "contrastive": {"temperature": 0.2, "negatives": 1}, "meta_weight": {"every": "1"}
    }
    assert resolve_config(preset=preset).options["contrastive"]["negatives"] == 7


def test_plugins_given_replace_those_of_the_preset_and_their_options(own_folder: Path) -> None:
    preset = own(own_folder, BOTH)
    config = resolve_config(preset=preset, command_line={"plugins": ("meta_weight",)})
    assert config.plugins == ("meta_weight",)
    assert config.options == {"meta_weight": {"every": 3}}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("sede = 1", r"preset 'mine' \(.*mine.toml\) has no option 'sede'.*'seed'", None),
        ("[train]\nepochs = 0", r"mine.toml\).train.epochs", None),
        ('plugins = "contrastive"', r"mine.toml\).plugins", None),
        ("plugins = 3", r"mine.toml\).plugins", None),
        ('plugins = ["contrastive"]\n[options.contrastiv]\nweight = 1',
         "has options for 'contrastiv'", "did you mean 'contrastive'?"),
    ],
)
def test_a_wrong_setting_names_the_preset(
    own_folder: Path, text: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        resolve_config(preset=own(own_folder, text))
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    ("text", "message"), [("seed = ", "is not TOML"), ("summary = 3", "its summary is no text")]
)
def test_a_file_that_is_no_preset_is_said(own_folder: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        own(own_folder, text)


def test_a_path_is_a_preset_of_no_name(tmp_path: Path) -> None:
    file = tmp_path / "any.toml"
    for encoding in ("utf-8", "utf-8-sig"):
        file.write_text(BOTH, encoding=encoding)
        assert find_preset(str(file)).settings["encoder"] == "gcn"
    with pytest.raises(UsageError, match=r"preset 'none' \(none.toml\) cannot be read: No such"):
        find_preset("none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        find_preset(str(tmp_path))


def test_an_unknown_name_gets_the_closest_match(own_folder: Path) -> None:
    own(own_folder, BOTH)
    with pytest.raises(UsageError, match="no preset is named 'mien'") as raised:
        find_preset("mien")
    assert raised.value.hint == "did you mean 'mine'?"


def test_a_distribution_offers_a_preset(site: Site) -> None:
    install(site, BOTH)
    assert find_preset("theirs").summary == "two of them"
    (origin,) = (preset for preset in discover_presets() if preset.name == "theirs")
    assert str(origin) == "preset 'theirs' (dgljoint-theirs 1.0)"


def test_a_distributions_preset_that_cannot_be_read_is_a_broken_plugin(site: Site) -> None:
    install(site, "seed =")
    with pytest.raises(PluginError, match=r"preset 'theirs' \(dgljoint-theirs 1.0\) is not TOML"):
        find_preset("theirs")
    (site.path / "their_presets" / "theirs.toml").unlink()
    with pytest.raises(PluginError, match="cannot be read: No such file"):
        find_preset("theirs")
    site.install("dgljoint-empty", {"empty": "no_such_package"}, group="dgljoint.presets")
    with pytest.raises(PluginError, match="has no package: ModuleNotFoundError"):
        find_preset("empty")


def test_a_name_of_two_is_an_error_that_names_both(site: Site, own_folder: Path) -> None:
    install(site, BOTH)
    with pytest.raises(UsageError, match=r"is in .*theirs.toml and dgljoint-theirs 1.0"):
        own(own_folder, BOTH, "theirs")
    assert find_preset(str(own_folder / "theirs.toml")).settings["encoder"] == "gcn"


def test_without_a_folder_there_are_only_installed_presets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    assert not user_folder().exists()
    assert all(preset.package for preset in discover_presets())
