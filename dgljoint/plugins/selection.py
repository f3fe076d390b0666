"""Which components a run uses, each with its options."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from dgljoint._internal.text import closest, did_you_mean
from dgljoint.config.options import Options, parse_options
from dgljoint.config.run_config import SECTIONS, RunConfig
from dgljoint.errors import DgljointError, UsageError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry, Registry, SpecT, with_article, wrong_kind
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, Spec, WeighterSpec

SpecT_co = TypeVar("SpecT_co", bound=Spec, covariant=True)


@dataclass(frozen=True)
class Component(Generic[SpecT_co]):
    """One component of a run: where it comes from, its description and its parsed options."""

    entry: PluginEntry
    spec: SpecT_co
    options: Options


@dataclass(frozen=True)
class Selection:
    """The components of a run; interactions are in the order they were named."""

    encoder: Component[EncoderSpec]
    interactions: tuple[Component[InteractionSpec], ...]
    weighter: Component[WeighterSpec]

    @property
    def components(self) -> tuple[Component[Spec], ...]:
        """All of them: encoder, interactions, loss weighter."""
        return (self.encoder, *self.interactions, self.weighter)


def select(registry: Registry, config: RunConfig) -> Selection:
    """Load what ``config`` names and parse its options, refusing what is wrong or unused."""
    named = _named(registry, config.plugins)
    weighters = [spec for spec in named if isinstance(spec, WeighterSpec)]
    if len(weighters) > 1:
        names = " and ".join(f"'{spec.name}'" for spec in weighters)
        raise UsageError(
            f"{names} are loss weighters, and a run has one", hint="leave all but one out"
        )
    if not weighters:
        weighters.append(registry.find(WeighterSpec, config.default_weighter))

    def component(spec: SpecT) -> Component[SpecT]:
        entry = registry.load(spec.name).entry
        with guarded(entry, "its options"):
            options = parse_options(spec.options, config.options.get(spec.name, {}), spec.name)
        return Component(entry, spec, options)

    selection = Selection(
        encoder=component(registry.find(EncoderSpec, config.encoder)),
        interactions=tuple(component(spec) for spec in named if isinstance(spec, InteractionSpec)),
        weighter=component(weighters[0]),
    )
    selected = [chosen.spec.name for chosen in selection.components]
    for name in config.options:
        if name not in selected:
            raise UsageError(
                f"options are given for '{name}', which this run does not use",
                hint=_how_to_use(registry, name, (*selected, *SECTIONS)),
            )
    return selection


def _how_to_use(registry: Registry, name: str, used: Sequence[str]) -> str:
    """Return how a run uses a component, or which name was meant."""
    meant = closest(name, registry.names)[:1] if not closest(name, used) else []
    for each in [name] if name in registry.names else meant:
        with suppress(DgljointError):  # a broken one
            for spec in registry.load(each).specs:
                if isinstance(spec, EncoderSpec | InteractionSpec | WeighterSpec):
                    prefix = "" if each == name else f"did you mean '{each}'? "
                    return f"{prefix}add {spec.flag} {each}"
    return did_you_mean(name, used)


def _named(registry: Registry, plugins: tuple[str, ...]) -> list[InteractionSpec | WeighterSpec]:
    specs: list[InteractionSpec | WeighterSpec] = []
    for name in plugins:
        if "," in name:
            each = " ".join(f"--plugin {part.strip()}" for part in name.split(",") if part.strip())
            raise UsageError(f"no plugin is named '{name}'", hint=f"name them one by one: {each}")
    for position, name in enumerate(plugins):
        if name in plugins[:position]:
            raise UsageError(f"plugin '{name}' is named twice", hint="name it once")
        loaded = registry.load(name)
        usable = [s for s in loaded.specs if isinstance(s, InteractionSpec | WeighterSpec)]
        if not usable:
            wanted = f"{with_article(InteractionSpec.kind)} or {with_article(WeighterSpec.kind)}"
            raise wrong_kind(loaded, wanted)
        specs += usable
    return specs
