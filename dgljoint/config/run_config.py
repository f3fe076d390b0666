"""The configuration of a run, and how its sources are laid over one another."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tomli_w
from pydantic import Field, field_validator

from dgljoint._internal.suggest import did_you_mean
from dgljoint.config.options import Options, parse_options
from dgljoint.config.setting_names import SettingNames
from dgljoint.config.variables import environment_settings
from dgljoint.errors import UsageError

if TYPE_CHECKING:
    from dgljoint.config.presets import Preset

# More than anybody means, and few enough for any array of numbers to hold.
_MANY = (1 << 31) - 1
# Deeper than an option of a component can be.
_DEPTH = 16


class ModelOptions(Options):
    """The shared part of the model."""

    width: int = Field(64, ge=4, le=4096, description="D, width of every representation")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of inputs and views dropped")


class TrainOptions(Options):
    """How the model is trained."""

    tasks: Literal["both", "cascade", "rumor"] = Field(
        "both", description="tasks whose losses are trained; the other's is left out"
    )
    epochs: int = Field(60, ge=1, le=100_000, description="most passes over the training part")
    patience: int = Field(10, ge=1, description="epochs without a better validation score")
    batch: int = Field(32, ge=1, le=_MANY, description="most cascades a step")
    batch_posts: int = Field(
        0, ge=0, le=_MANY, description="most posts a step, which bound its memory; 0: any number"
    )
    precision: Literal["32", "bf16"] = Field(
        "32", description="of the model's arithmetic: float32, or bfloat16 by autocast"
    )
    learning_rate: float = Field(3e-3, gt=0, description="AdamW's, at the end of the warm-up")
    encoder_rate: float = Field(1.0, ge=0, description="learning-rate factor of the encoder")
    head_rate: float = Field(1.0, ge=0, description="factor of branches and heads")
    interaction_rate: float = Field(1.0, ge=0, description="factor of interactions")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's decoupled decay")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps that warm up")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    # Two threads on two quiet cores make a step 1.4 times faster on batches of ten thousand posts
    # and no faster on small ones; on a busy machine they wait for one another, and a step takes
    # thirty times longer.
    threads: int = Field(
        1, ge=1, le=1024, description="CPU threads; more pay on an idle machine only"
    )
    save_minutes: float = Field(
        10.0, ge=0, description="most minutes within an epoch until the state is saved"
    )

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks trained, in the order of the losses."""
        return ("cascade", "rumor") if self.tasks == "both" else (self.tasks,)


class CascadeOptions(Options):
    """The cascade task: which earlier post does a post attach to."""

    loss: Literal["listwise", "bce"] = Field(
        "listwise", description="softmax over the candidates, or binary with sampled negatives"
    )
    target_share: float = Field(
        0.2, gt=0, lt=1, description="share of a training cascade's posts that are targets"
    )
    candidates: int = Field(
        64, ge=2, le=_MANY, description="most candidates a target in training; evaluation takes all"
    )
    observed_share: float = Field(
        0.75, gt=0, le=1, description="share of the posts observed in evaluation, by time"
    )


class FeatureOptions(Options):
    """Which features of the data enter the model, and how; fitted on the training part only."""

    use: tuple[str, ...] = Field(
        (), description="names of the features used, or one text with commas; empty: all"
    )
    words: int = Field(5000, ge=1, le=_MANY, description="most frequent words kept")
    min_count: int = Field(2, ge=1, description="least training cascades a word must stand in")
    idf: bool = Field(True, description="weigh words by inverse document frequency")

    @field_validator("use", mode="before", json_schema_input_type=tuple[str, ...] | str)
    @classmethod
    def _split(cls, value: object) -> object:
        # From the command line and the environment.
        return value.replace(",", " ").split() or [""] if isinstance(value, str) else value

    @field_validator("use")
    @classmethod
    def _name_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "" in names:
            raise ValueError("name at least one feature")
        return names


class RunConfig(Options):
    """Everything that determines a run, beside the data's content and the machine."""

    data: str = Field(
        "", pattern=r"^[^\x00]*$", description="cascade file; empty for the built-in demo set"
    )
    split: str = Field("event", description="name of a split of the cascade file")
    fold: int = Field(0, ge=0, le=_MANY, description="fold that is the test part")
    seed: int = Field(0, ge=0, lt=1 << 64, description="of everything random")
    encoder: str = Field(description="name of the shared encoder")
    plugins: tuple[str, ...] = Field((), description="interactions in order, a loss weighter")
    default_weighter: str = Field(description="loss weighter when no plugin is one")
    model: ModelOptions = ModelOptions()
    train: TrainOptions = TrainOptions()
    cascade: CascadeOptions = CascadeOptions()
    features: FeatureOptions = FeatureOptions()
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of components, a table a name"
    )


_FLAGS = ("split", "fold", "seed", "encoder")
SECTIONS = ("model", "train", "cascade", "features")


def setting_names() -> SettingNames:
    """Return the names of the engine's settings."""
    return SettingNames(
        [name for name in RunConfig.model_fields if name not in (*SECTIONS, "options")],
        {name: type(RunConfig.model_fields[name].default).model_fields for name in SECTIONS},
    )


def resolve_config(
    *,
    preset: Preset | None = None,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    command_line: Mapping[str, Any] | None = None,
    assignments: tuple[str, ...] = (),
) -> RunConfig:
    """Lay the sources over one another: command line, environment, file, preset, defaults.

    A list, such as that of the plugins, is replaced as a whole by the source above.

    Args:
        preset: what it says of components that the sources above leave out is left out too.
        file: a TOML file in the form ``config.toml`` of a run folder has.
        environment: variables; ``DGLJOINT_SEED=1``, ``DGLJOINT_TRAIN__EPOCHS=5`` and
            ``DGLJOINT_CONTRASTIVE__TEMPERATURE=0.2`` are settings; others of that prefix are
            refused.
        command_line: fields of :class:`RunConfig` given as flags; ``None`` values count as
            not given; a nested mapping sets fields of a section.
        assignments: ``section.key=value`` or ``component.key=value``.

    Raises:
        UsageError: the file cannot be read, or a key, a value or a variable's name is wrong.
    """
    text = resources.files("dgljoint.config").joinpath("defaults.toml").read_text(encoding="utf-8")
    defaults = tomllib.loads(text)
    from_environment = _from_environment(environment or {})
    from_preset = _checked(preset, defaults) if preset is not None else {}
    layers = [
        defaults,
        from_preset,
        _read_toml(file) if file is not None else {},
        from_environment,
        _given(command_line or {}),
        *(_parse_assignment(assignment) for assignment in assignments),
    ]
    merged = _merge(layers)
    # An environment serves many runs, and so does a preset whose plugins are replaced: what they
    # say of components this one lacks is not for it.
    for source in (from_environment, from_preset):
        options = source.get("options", {})
        source["options"] = {name: options[name] for name in options if name in _used(merged)}
    return parse_options(RunConfig, _merge(layers), "configuration")


def _checked(preset: Preset, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a preset, checked by themselves so that errors name it."""
    alone = _merge([defaults, preset.settings])
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


def _merge(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return layered(({"plugins": ()}, *layers))


def layered(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Lay nested settings over one another, the last on top; a list is replaced as a whole."""
    merged: dict[str, Any] = {}
    for layer in layers:
        _overlay(merged, layer)
    return merged


def dump_config(config: RunConfig) -> str:
    """Write ``config`` as TOML that :func:`resolve_config` reads back to the same."""
    return tomli_w.dumps(config.model_dump(mode="json"))


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name the values of nested tables by their path, ``train.epochs``."""
    named: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            named |= flat(value, f"{prefix}{key}.")
        else:
            named[f"{prefix}{key}"] = value
    return named


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
        raise UsageError(f"{file} holds tables inside tables, deeper than any setting")
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for section, key, value in environment_settings(environment, setting_names()):
        if section:
            _overlay(settings, _nest(section, key, value))
        else:
            settings[key] = value.replace(",", " ").split() if key == "plugins" else value
    return settings


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
    return _nest(section, key, value.strip())


def _assignment_hint(name: str, value: str) -> str:
    """Say how the setting that ``name`` may be meant for is given."""
    for meant in setting_names().meant(name):
        if "." in meant:
            return f"did you mean -s {meant}={value}?"
        if meant in _FLAGS:
            return f"did you mean --{meant} {value}?"
    return "for example: -s train.epochs=5"


def _nest(section: str, key: str, value: str) -> dict[str, Any]:
    if section in SECTIONS:
        return {section: {key: value}}
    return {"options": {section: {key: value}}}


def _overlay(base: dict[str, Any], upper: Mapping[str, Any]) -> None:
    for key, value in upper.items():
        if isinstance(value, Mapping):
            # Never the layer's own table: the next layer is written into it.
            if not isinstance(base.get(key), dict):
                base[key] = {}
            _overlay(base[key], value)
        else:
            base[key] = value
