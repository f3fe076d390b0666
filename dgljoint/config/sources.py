"""Where the settings of a run come from, which source overrides which, and their JSON Schema.

Command line, ``DGLJOINT_*`` variables, TOML file, preset, defaults: what a source does not set
comes from the next one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from dgljoint._internal.text import closest, did_you_mean
from dgljoint.config.options import Options, parse_options
from dgljoint.config.run_config import SECTIONS, RunConfig
from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import LoadedPlugin, Registry, installed_registry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, WeighterSpec

if TYPE_CHECKING:
    from dgljoint.config.presets import Preset

KEYS = {name: tuple(type(RunConfig.model_fields[name].default).model_fields) for name in SECTIONS}
"""The keys of each section, as ``epochs`` of ``train``."""
_SCALARS = tuple(name for name in RunConfig.model_fields if name not in (*SECTIONS, "options"))
_FLAGS = ("split", "fold", "seed", "labels", "merge", "encoder")
PREFIX = "DGLJOINT_"
# Read by others: the registry, hook tracing, options of the command line, the tests on real data.
_NO_SETTINGS = ("DISABLED_PLUGINS", "PRESET", "DEVICE", "RAW_DATA")
_OF_A_RUN = (EncoderSpec, InteractionSpec, WeighterSpec)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Deeper than an option of a component can be.
_DEPTH = 16


def resolve_config(
    *, preset: Preset | None = None, file: Path | None = None,
    environment: Mapping[str, str] | None = None, command_line: Mapping[str, Any] | None = None,
    assignments: tuple[str, ...] = (),
) -> RunConfig:
    """Merge the sources, the first on top: command line, environment, file, preset, defaults.

    A list, such as that of the plugins, is replaced as a whole by the source above. In the
    environment ``DGLJOINT_SEED``, ``DGLJOINT_TRAIN__EPOCHS`` and
    ``DGLJOINT_CONTRASTIVE__TEMPERATURE`` are settings; others of that prefix are refused.
    ``command_line`` has fields of :class:`RunConfig`, ``None`` for what is not given;
    ``assignments`` are ``section.key=value`` or ``component.key=value``.
    """
    from_preset = _checked(preset) if preset is not None else {}
    from_environment = layered(_from_environment(environment or {}))
    layers = [
        defaults(), from_preset, _read_toml(file) if file is not None else {}, from_environment,
        _given(command_line or {}), *map(_parse_assignment, assignments),
    ]
    used = _used(layered(layers))
    # An environment serves many runs, and so does a preset whose plugins are replaced: their
    # options of components that this run lacks are not meant for it.
    for source in (from_environment, from_preset):
        options = source.get("options", {})
        source["options"] = {name: options[name] for name in options if name in used}
    return parse_options(RunConfig, layered(layers), "configuration")


def defaults() -> dict[str, Any]:
    """Return the settings that :class:`RunConfig` has no default for."""
    text = resources.files("dgljoint.config").joinpath("defaults.toml").read_text(encoding="utf-8")
    return {"plugins": (), **tomllib.loads(text)}


def layered(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge nested settings, the last on top; a list is replaced as a whole."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            # Never the layer's own table: the next layer is written into it.
            tables = (below if isinstance(below, Mapping) else {}, value)
            merged[key] = layered(tables) if isinstance(value, Mapping) else value
    return merged


def _checked(preset: Preset) -> dict[str, Any]:
    """Return the settings of a preset, checked by themselves so that errors name it."""
    alone = layered((defaults(), preset.settings))
    parse_options(RunConfig, alone, str(preset.origin))
    for name in alone.get("options", {}):
        if name not in _used(alone):
            raise UsageError(
                f"{preset.origin} has options for '{name}', which it does not use",
                hint=did_you_mean(name, _used(alone)),
            )
    return dict(preset.settings)


def _used(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the components of settings that are not validated yet."""
    plugins = settings["plugins"]
    named = plugins if isinstance(plugins, list | tuple) else ()
    return (*named, settings["encoder"], settings["default_weighter"])


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, a number too long, nested too deeply
        raise UsageError(f"{file} is not TOML: {error}") from error
    inner: list[Any] = [found]
    for _ in range(_DEPTH):
        tables = (value.values() if isinstance(value, dict) else value for value in inner)
        inner = [value for table in tables for value in table if isinstance(value, dict | list)]
    if inner:
        raise UsageError(f"{file} contains tables inside tables, deeper than any setting")
    return found


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _given(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if value is not None and value != ()
    }


def _parse_assignment(assignment: str) -> dict[str, Any]:
    path, equals, value = assignment.partition("=")
    section, dot, key = path.strip().partition(".")
    if not (equals and dot and section and key):
        raise UsageError(
            f"option {assignment!r} is not of the form NAME.KEY=VALUE",
            hint=_assignment_hint(path.strip(), value.strip() or "VALUE"),
        )
    return _setting(section, key, value.strip())


def _setting(section: str, key: str, value: str) -> dict[str, Any]:
    if section in SECTIONS:
        return {section: {key: value}}
    return {"options": {section: {key: value}}}


def _assignment_hint(name: str, value: str) -> str:
    """Show how the setting that ``name`` may be meant for is given."""
    for meant in _meant(name):
        if "." in meant:
            return f"did you mean -s {meant}={value}?"
        if meant in _FLAGS:
            return f"did you mean --{meant} {value}?"
    return "for example: -s train.epochs=5"


def _meant(name: str) -> list[str]:
    """Return the settings that ``name`` may be meant for; those of exactly that name come alone."""
    inside = (f"{section}.{key}" for section, keys in KEYS.items() for key in keys)
    paths = {path: path.rpartition(".")[2] for path in (*_SCALARS, *inside)}
    keys = [name] if name in paths.values() else closest(name, paths.values())
    return [path for key in keys for path, own in paths.items() if own == key]


def _from_environment(environment: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Yield the setting of each variable; a section may be any component that is installed."""
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if not variable.startswith(PREFIX) or name in _NO_SETTINGS:
            continue
        section, both, key = name.lower().partition("__")
        if both and (section in KEYS or section in _installed()):
            yield _setting(section, key, value)
        elif not both and section in _SCALARS:
            several = section == "plugins"
            yield {section: value.replace(",", " ").split() if several else value}
        else:
            raise UsageError(f"{variable} is not a setting", hint=_variable_hint(name.lower()))


def _installed() -> frozenset[str]:
    registry = installed_registry()
    return frozenset(entry.name for entry in (*registry.entries, *registry.disabled))


def _variable_hint(name: str) -> str:
    """Name the variables that may be meant."""
    owners = sorted((*KEYS, *_installed()), key=len)
    section, both, key = name.partition("__")
    meant = [f"{owner}.{key}" for owner in closest(section, owners)] if both else _meant(name)
    for owner in owners:  # the longest comes last
        if name.startswith(f"{owner}_"):  # a single underscore
            key = name.removeprefix(f"{owner}_")
            known = KEYS.get(owner, (key,))
            meant = [f"{owner}.{e}" for e in ([key] if key in known else closest(key, known))]
    if meant:
        variables = (PREFIX + each.replace(".", "__").upper() for each in meant)
        return f"did you mean {' or '.join(variables)}?"
    return (
        f"settings are {PREFIX}SEED, {PREFIX}TRAIN__EPOCHS and the like; "
        "unset it, or name it without this prefix"
    )


def config_schema(registry: Registry) -> tuple[dict[str, Any], dict[str, str]]:
    """Describe what a file for ``--config`` or a preset may hold, in JSON Schema.

    Every plugin is loaded. One that fails, or whose options have no schema, is left out: the reason
    by its name is returned, too.
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
    schema = {"$schema": _DIALECT, **run, "title": "dgljoint run configuration", "$defs": defs}
    return schema, left_out


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
