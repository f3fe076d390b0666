"""The schema of the configuration takes what a run takes and refuses what it refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conftest import Site
from dgljoint.config.presets import discover_presets, find_preset
from dgljoint.config.run_config import SECTIONS, dump_config
from dgljoint.config.sources import config_schema, resolve_config
from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint_cli.main import run

TWO_KINDS = """
    import dgljoint
    from pydantic import Field

    class Sizes(dgljoint.Options):
        size: int = Field(3, ge=1, description="of it")

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="twofold", summary="", build=print, options=Sizes)]

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [dgljoint.WeighterSpec(name="twofold", summary="", build=print, options=Sizes)]
"""
UNDESCRIBED = """
    import dgljoint
    from collections.abc import Callable
    from pydantic import Field

    class Odd(dgljoint.Options):
        function: Callable[[], int] = Field(int, description="of it")

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="odd", summary="", build=print, options=Odd)]
"""


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema, _ = config_schema(installed_registry())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("preset", [found.name for found in discover_presets()])
def test_presets_are_valid(preset: str, validator: Draft202012Validator) -> None:
    found = find_preset(preset)
    validator.validate({"summary": found.summary, **found.settings})


@pytest.mark.parametrize(
    "plugins", [(), ("contrastive", "meta_weight"), ("attention", "upgrad")]
)
def test_the_configuration_of_a_run_is_valid(
    plugins: tuple[str, ...], validator: Draft202012Validator
) -> None:
    config = resolve_config(command_line={"plugins": plugins})
    select(installed_registry(), config)
    validator.validate(tomllib.loads(dump_config(config)))


TAKEN: list[dict[str, Any]] = [
    {},
    {"features": {"use": "bow,time"}},
    {"features": {"use": ["bow"]}},
    {"encoder": "gcn", "options": {"gcn": {"layers": 3}}},
    {"plugins": ["contrastive"], "options": {"contrastive": {"temperature": 0.2}}},
]
REFUSED: list[dict[str, Any]] = [
    {"sed": 1},
    {"train": {"epoch": 3}},
    {"train": {"epochs": 0}},
    {"train": {"tasks": "all"}},
    {"encoder": "contrastive"},
    {"plugins": ["contrastiv"]},
    {"plugins": ["contrastive", "contrastive"]},
    {"plugins": ["contrastive"], "options": {"contrastiv": {}}},
    {"plugins": ["contrastive"], "options": {"contrastive": {"temprature": 0.2}}},
    {"plugins": ["contrastive"], "options": {"contrastive": {"temperature": 7}}},
    {"plugins": ["jsonl"]},
]


def resolved(settings: dict[str, Any]) -> None:
    select(installed_registry(), resolve_config(command_line=settings))


@pytest.mark.parametrize("settings", TAKEN, ids=json.dumps)
def test_what_a_run_takes_is_valid(
    settings: dict[str, Any], validator: Draft202012Validator
) -> None:
    resolved(settings)
    validator.validate(settings)


@pytest.mark.parametrize("settings", REFUSED, ids=json.dumps)
def test_what_a_run_refuses_is_not_valid(
    settings: dict[str, Any], validator: Draft202012Validator
) -> None:
    with pytest.raises(UsageError):
        resolved(settings)
    assert not validator.is_valid(settings)


def test_every_option_is_described(validator: Draft202012Validator) -> None:
    schema = dict(validator.schema)
    chosen = schema["properties"]["options"]["properties"]
    refs = [schema["properties"][name]["$ref"] for name in SECTIONS]
    for ref in [*refs, *(of["$ref"] for of in chosen.values())]:
        properties = schema["$defs"][ref.rsplit("/", 1)[1]].get("properties", {})
        for option in properties.values():
            assert option["description"]
            assert "default" in option
    assert schema["properties"]["encoder"]["default"] == "bigcn"


def test_other_plugins_are_in_it_and_the_broken_are_named(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("two", {"twofold": "two"}, two=TWO_KINDS)
    site.install("bad", {"bad": "bad_module"}, bad_module="import nothing_of_this_name")
    site.install("odd", {"odd": "odd_module"}, odd_module=UNDESCRIBED)
    assert run(["schema"]) == 0
    out, err = capsys.readouterr()
    schema = json.loads(out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    checked = Draft202012Validator(schema)
    assert checked.is_valid({"plugins": ["twofold"], "options": {"twofold": {"size": 1}}})
    assert not checked.is_valid({"plugins": ["twofold"], "options": {"twofold": {"size": 0}}})
    assert not {"bad", "odd"} & schema["properties"]["options"]["properties"].keys()
    bad, odd = sorted(err.splitlines())
    assert bad.startswith("left out: plugin 'bad' (bad 1.0) failed in import")
    assert odd.startswith("left out: plugin 'odd' (odd 1.0) failed in the schema of its options")


def test_a_run_folders_configuration_is_valid(
    tmp_path: Path, validator: Draft202012Validator
) -> None:
    from runs import run as train
    from toys import toy_store

    train(toy_store(tmp_path / "toy.h5"), tmp_path / "run", "train.epochs=1",
          plugins=("contrastive",), encoder="gcn")
    validator.validate(tomllib.loads((tmp_path / "run" / "config.toml").read_text()))
