"""Check an installed plugin from its metadata to a training step: ``dgljoint plugins check``."""

import inspect
import re
import shlex
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import tomli_w
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dgljoint.config.options import Options, parse_options
from dgljoint.errors import DgljointError, install_hint, one_line
from dgljoint.plugins.about import FILE, about, about_folders, about_specs
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.hookspecs import PROJECT
from dgljoint.plugins.registry import OWN_DISTRIBUTION, PluginEntry, Registry
from dgljoint.plugins.scaffold import requirement as requirement_of_today
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, Spec, WeighterSpec
from dgljoint.testing.findings import CONFORMANCE, Check, Checks, Finding, expect, run_checks
from dgljoint.testing.importing import import_elsewhere, import_habits

_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class InstalledPlugin:
    """A plugin to check."""

    registry: Registry  # where it and those it is compared with are looked up
    name: str  # of the plugin
    raw: Path | None = None  # raw data for a reader
    # of its components; those left out have their defaults
    options: Mapping[str, object] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()  # trainable parameters that no gradient need reach
    timed: bool = True  # whether steps are timed

    @property
    def entry(self) -> PluginEntry:
        """Its entry point; the first one where there is a clash."""
        return self.registry.offering(self.name)[0]

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Its components."""
        return self.registry.load(self.name).specs

    def checks(self, stage: str) -> Callable[..., Check]:
        """Return what makes the checks of a stage."""
        return partial(Check, str(self.entry), stage=stage)


def check_plugin(plugin: InstalledPlugin) -> Generator[Finding, None, None]:
    """Yield what is found, in the order of :data:`STAGES`; a UsageError for no such plugin."""
    if not plugin.registry.offering(plugin.name):
        plugin.registry.load(plugin.name)  # its error names those that are close
    broken = ""
    for stage, checks_of in _STAGES.items():
        if broken:
            yield Finding(str(plugin.entry), stage, "all of it", "skipped", f"{broken} failed")
        elif not (yield from run_checks(checks_of(plugin))):
            broken = stage


def metadata_checks(plugin: InstalledPlugin) -> Checks:
    """Give the checks of the entry point and of what the distribution requires."""
    entry, check = plugin.entry, plugin.checks("metadata")
    yield check("has a name of its own", "", lambda: _is_alone(plugin), essential=True)
    yield check(
        "names a module",
        f'write {entry.name} = "PACKAGE.MODULE", without a colon, where entry points are declared',
        lambda: _names_a_module(entry), essential=True,
    )
    needed = [Requirement(line) for line in metadata.requires(entry.distribution) or ()]
    names = {OWN_DISTRIBUTION} & {canonicalize_name(one.name) for one in needed}
    yield check(
        "declares which dgljoint it needs",
        f'dependencies = ["{requirement_of_today()}"], in the versions you have tried',
        lambda: expect(
            bool(names) or entry.distribution == OWN_DISTRIBUTION, "dgljoint is not required",
            outcome="note",
        ),
    )
    yield check("has what it requires", "", lambda: _has_required(entry.distribution, needed))


def _is_alone(plugin: InstalledPlugin) -> None:
    entry = plugin.entry
    others = [other for other in plugin.registry.offering(entry.name) if other is not entry]
    if others:
        owners = " and ".join(f"{other.distribution} {other.version}" for other in others)
        expect(
            False, f"{owners} offers '{entry.name}' as well",
            f"uninstall one, as in pip uninstall {others[-1].distribution}, or give the component "
            "and its entry point another name",
        )


def _names_a_module(entry: PluginEntry) -> str:
    wrong = f"the entry point's value is '{entry.module}'"
    expect(bool(_MODULE.fullmatch(entry.module)), wrong)
    return entry.module


def _has_required(distribution: str, needed: list[Requirement]) -> None:
    wanted = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    unmet = {one: text for one in wanted if (text := _unmet(one))}
    if distribution == OWN_DISTRIBUTION:
        install = install_hint()
    else:
        # dgljoint itself is installed from its clone
        own = [one for one in unmet if canonicalize_name(one.name) == OWN_DISTRIBUTION]
        others = " ".join(shlex.quote(str(one)) for one in unmet if one not in own)
        ways = [f"pip install {others}"] * bool(others)
        install = "; ".join([*ways, *(f"bring your clone to {one}" for one in own)])
    mend = f"{install}, or widen its requirements where it works with others"
    expect(not unmet, "; ".join(unmet.values()), mend)


def _unmet(requirement: Requirement) -> str:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return ""
    return f"{requirement.name} {found} is installed, {requirement.specifier} is required"


def import_checks(plugin: InstalledPlugin) -> Checks:
    """Give the checks of the import, which is seen in a process of its own."""
    entry, check = plugin.entry, plugin.checks("import")
    seen: dict[str, Any] = {}

    def imports() -> object:
        seen.update(import_elsewhere(entry.module))
        if seen["raised"]:
            plugin.registry.load(entry.name)  # raises it here, with its traceback
        expect(not seen["error"], seen["error"])
        return f"{seen['seconds']:.2f} s", {"seconds": seen["seconds"]}

    yield check(
        "can be imported", f"make `python -c 'import {entry.module}'` work", imports,
        essential=True,
    )
    for name, mend, found in import_habits(seen):
        yield check(name, mend, partial(expect, not found, found, outcome="note"))


def hook_checks(plugin: InstalledPlugin) -> Checks:
    """Give the checks of the hooks' marks, names, arguments and answers."""
    check = plugin.checks("hooks")
    yield check(
        "marks its hooks", "put @dgljoint.hookimpl above it", lambda: _marks_hooks(plugin.entry)
    )
    yield check(
        "offers its component",
        "a hook takes no argument that its specification has not, raises nothing and returns a "
        "list of specs",
        lambda: " and ".join(spec.kind for spec in plugin.specs), essential=True,
    )


def _marks_hooks(entry: PluginEntry) -> None:
    with guarded(entry, f"import of {entry.module}"):
        module = import_module(entry.module)
    unmarked = [
        name
        for name, value in vars(module).items()
        if name.startswith(f"{PROJECT}_") and inspect.isfunction(value)
        and value.__module__ == module.__name__ and not hasattr(value, f"{PROJECT}_impl")
    ]
    expect(not unmarked, f"{', '.join(unmarked)} has no mark")


def spec_checks(plugin: InstalledPlugin) -> Checks:
    """Give the checks of what each component declares."""
    check, entry = plugin.checks("spec"), plugin.entry
    for spec in plugin.specs:
        options = spec.options
        missing = [name for name, one in options.model_fields.items() if not one.description]
        for name, mend, run in (
            ("has a summary of one line", "describe in summary what the component does",
             partial(_summary, spec.summary)),
            ("names its source", "reference=dgljoint.Reference(authors, year, title, url) in full, "
             "for what is published", partial(_reference, spec.reference)),
            ("describes its options", "Field(DEFAULT, description=...)",
             partial(expect, not missing, f"no description of {', '.join(missing)}")),
        ):
            yield check(name, mend, run)
        yield check(
            "has options with valid defaults",
            "give each option a default that its own limits allow",
            partial(_works, entry, partial(parse_options, options, {}, "option")), essential=True,
        )
        yield check(
            "has options that are fixed and known",
            "leave model_config as dgljoint.Options has it: frozen, and unknown keys refused",
            partial(_is_strict, options),
        )
        yield check(
            "has options with a schema",
            "use types that JSON has: numbers, text, booleans, choices, lists of them",
            partial(_works, entry, options.model_json_schema),
        )
    if about_folders(entry.package):  # a lone module has no package to put the file in
        yield check("is described where lists read it", "", lambda: _is_described(plugin))


def _summary(summary: str) -> str:
    single = bool(summary.strip()) and len(summary.splitlines()) == 1
    expect(single, f"found {summary!r}")
    return summary


def _reference(found: Any) -> str:
    expect(found is not None, "there is no reference", outcome="note")
    parts = [getattr(found, name, "") for name in ("authors", "year", "title", "url")]
    expect(all(parts), f"authors, year, title or url are empty in {found!r}")
    year, url = parts[1], str(parts[3])
    expect(isinstance(year, int) and 1800 < year < 2200, f"the year is {year!r}")
    expect(url.startswith(("https://", "http://")), f"the url is {url!r}")
    return str(found)


def _works(entry: PluginEntry, of: Callable[[], object]) -> None:
    try:
        with guarded(entry, "options"):
            of()
    except DgljointError as error:
        cause = error.__cause__
        expect(False, one_line(cause) if cause else error.message.replace("\n", "; "))


def _is_strict(options: type[Options]) -> None:
    config = options.model_config
    wrong = ["options can be changed"] * (not config.get("frozen"))
    # "allow" keeps them for the component, which must refuse the wrong ones itself
    wrong += ["unknown options are ignored"] * (config.get("extra") not in ("forbid", "allow"))
    expect(not wrong, " and ".join(wrong))


def _is_described(plugin: InstalledPlugin) -> None:
    entry = plugin.entry
    known, due = about(entry), about_specs(plugin.specs)
    table = {"kinds": list(due.kinds), "summary": due.summary, "options": dict(due.options)}
    text = tomli_w.dumps({entry.name: table}, indent=0)
    expect(
        known == due,
        f"{entry.package}/{FILE} {'does not name it' if known is None else 'differs'}",
        f"put this into {FILE} next to {entry.package}/__init__.py, and ship it:\n{text}", "note",
    )


def conformance_checks(plugin: InstalledPlugin) -> Checks:
    """Give the checks of each component's kind."""
    from dgljoint import testing  # torch

    options, unreached = plugin.options, plugin.unreached
    with one_thread():
        for spec in plugin.specs:
            if isinstance(spec, EncoderSpec):
                yield from testing.encoder_checks(spec, options, unreached=unreached)
            elif isinstance(spec, InteractionSpec):
                yield from testing.interaction_checks(spec, options, unreached=unreached)
            elif isinstance(spec, WeighterSpec):
                yield from testing.loss_weighter_checks(spec, options)
            elif isinstance(spec, ReaderSpec) and spec.needs_source and plugin.raw is None:
                yield plugin.checks(CONFORMANCE)(
                    "reads raw data", f"dgljoint plugins check {spec.name} --raw PATH",
                    partial(expect, False, "no raw data were given", outcome="skipped"),
                )
            elif isinstance(spec, ReaderSpec):
                source = plugin.raw if spec.needs_source else None
                yield from testing.reader_checks(spec, source, options)


def timing_checks(plugin: InstalledPlugin) -> Checks:
    """Give the check of a step's time, which fails nobody."""
    from dgljoint.testing.timing import time_steps  # torch

    with one_thread():
        for spec in plugin.specs:
            yield plugin.checks("timing")(
                "takes its step in good time", "", partial(time_steps, plugin, spec)
            )


@contextmanager
def one_thread() -> Generator[None, None, None]:
    """Let torch compute in one thread: for small tensors several wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_STAGES: Mapping[str, Callable[[InstalledPlugin], Checks]] = {
    "metadata": metadata_checks,
    "import": import_checks,
    "hooks": hook_checks,
    "spec": spec_checks,
    CONFORMANCE: conformance_checks,
    "timing": timing_checks,
}
STAGES = tuple(_STAGES)
