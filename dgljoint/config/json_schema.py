"""The JSON Schema of a run's configuration, with the options of the plugins that are installed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import models_json_schema

from dgljoint.config.options import Options
from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import defaults
from dgljoint.errors import DgljointError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import LoadedPlugin, Registry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, WeighterSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OF_A_RUN = (EncoderSpec, InteractionSpec, WeighterSpec)


@dataclass(frozen=True)
class ConfigSchema:
    """A schema, and what it had to leave out.

    Attributes:
        schema: JSON Schema, draft 2020-12.
        left_out: plugin to the reason why it is not in it.
    """

    schema: dict[str, Any]
    left_out: dict[str, str]


def config_schema(registry: Registry) -> ConfigSchema:
    """Describe what a file for ``--config`` or a preset may hold.

    Every plugin is loaded. One that fails, or whose options have no schema, is left out.
    """
    loaded, left_out = _usable(registry)
    chosen = {
        plugin.entry.name: [spec.options for spec in plugin.specs if isinstance(spec, _OF_A_RUN)]
        for plugin in loaded
    }
    models: list[type[Options]] = [RunConfig, *(m for used in chosen.values() for m in used)]
    refs, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template="#/$defs/{model}"
    )
    of_model = {model: refs[model, "validation"] for model in models}
    defs = definitions["$defs"]
    run = defs.pop(of_model[RunConfig]["$ref"].rsplit("/", 1)[1])
    properties = run["properties"]
    # Those that a file leaves out have the defaults of a run.
    run.pop("required")
    for name, default in defaults().items():
        properties[name]["default"] = default
    properties["encoder"]["enum"] = _names(loaded, EncoderSpec)
    properties["default_weighter"]["enum"] = _names(loaded, WeighterSpec)
    properties["plugins"]["items"]["enum"] = _names(loaded, InteractionSpec, WeighterSpec)
    properties["plugins"]["uniqueItems"] = True
    properties["options"] = {
        "description": properties["options"]["description"],
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: of_model[used[0]] if len(used) == 1
            # a plugin of several kinds gives its options to each
            else {"allOf": [of_model[model] for model in dict.fromkeys(used)]}
            for name, used in chosen.items() if used
        },
    }
    properties["summary"] = {"type": "string", "description": "one line, of a preset alone"}
    schema = {
        "$schema": DIALECT, **run, "title": "dgljoint run configuration", "$defs": defs,
    }
    return ConfigSchema(schema, left_out)


def _usable(registry: Registry) -> tuple[list[LoadedPlugin], dict[str, str]]:
    """Load every plugin whose options can be described; give the reason for each other."""
    loaded, left_out = [], {}
    for name in registry.names:
        try:
            plugin = registry.load(name)
            for spec in plugin.specs:
                with guarded(plugin.entry, "the schema of its options"):
                    spec.options.model_json_schema()
        except DgljointError as error:
            left_out[name] = error.message
        else:
            loaded.append(plugin)
    return loaded, left_out


def _names(loaded: Iterable[LoadedPlugin], *kinds: type[Any]) -> list[str]:
    return [
        plugin.entry.name for plugin in loaded
        if any(isinstance(spec, kinds) for spec in plugin.specs)
    ]
