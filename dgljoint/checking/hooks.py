"""The hooks of a plugin, and what its specs say."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType

import tomli_w

from dgljoint.checking.findings import Finding, Findings, Subject, failed
from dgljoint.config.options import Options, parse_options
from dgljoint.errors import DgljointError, PluginError, one_line
from dgljoint.plugins import hookspecs
from dgljoint.plugins.about import FILE, about, about_folders, about_specs, package_of
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.hookspecs import PROJECT
from dgljoint.plugins.loading import HOOKS
from dgljoint.plugins.registry import PluginEntry
from dgljoint.plugins.specs import Reference, Spec

HOOKS_STAGE = "hooks"
SPEC_STAGE = "spec"


def check_hooks(subject: Subject) -> Findings:
    """Look at the hooks' marks, names, arguments and answers."""
    entry = subject.entry
    check = "marks its hooks"
    try:
        with guarded(entry, f"import of {entry.module}"):
            module = import_module(entry.module)
        if unmarked := _unmarked(module):
            yield Finding(
                HOOKS_STAGE, check, "failed", f"{', '.join(unmarked)} has no mark",
                "put @dgljoint.hookimpl above it",
            )
        else:
            yield Finding(HOOKS_STAGE, check)
        yield _forms(module)
        check = "offers its component"
        loaded = subject.registry.load(entry.name)
    except PluginError as error:
        yield failed(
            HOOKS_STAGE, check, error, entry,
            "a hook takes no argument that its specification has not, raises nothing and returns "
            "a list of specs",
        )
        return False
    kinds = " and ".join(spec.kind for spec in loaded.specs)
    yield Finding(HOOKS_STAGE, check, found=kinds)
    return True


def check_specs(subject: Subject) -> Findings:
    """Look at what each component says of itself."""
    sound = True
    for spec in subject.registry.load(subject.name).specs:
        for finding in _of_spec(spec, subject.entry):
            sound = sound and finding.outcome != "failed"
            yield finding
    yield from _described_for_lists(subject)
    return sound


def _described_for_lists(subject: Subject) -> Iterator[Finding]:
    """Compare what the package says of a plugin with what it is; a lone module has no package."""
    entry, check = subject.entry, "is described where lists read it"
    package = package_of(entry)
    if not about_folders(package):
        return
    known, due = about(entry), about_specs(subject.registry.load(entry.name).specs)
    if known == due:
        yield Finding(SPEC_STAGE, check)
        return
    found = f"{package}/{FILE} says nothing of it" if known is None else f"{package}/{FILE} differs"
    table = {"kinds": list(due.kinds), "summary": due.summary, "options": dict(due.options)}
    text = tomli_w.dumps({entry.name: table}, indent=0)
    yield Finding(
        SPEC_STAGE, check, "note", found,
        f"put this into {FILE} beside {package}/__init__.py, and ship it:\n{text}",
    )


def _unmarked(module: ModuleType) -> list[str]:
    """Name the functions of a module that are called like hooks and are none."""
    return [
        name
        for name, value in vars(module).items()
        if name.startswith(f"{PROJECT}_") and inspect.isfunction(value)
        and value.__module__ == module.__name__ and not hasattr(value, f"{PROJECT}_impl")
    ]


def _forms(module: ModuleType) -> Finding:
    """Tell what a module implements in a form that its specification gives up."""
    told = []
    for hook in HOOKS:
        implementation = getattr(module, hook, None)
        if implementation is None or not hasattr(implementation, f"{PROJECT}_impl"):
            continue
        given_up = getattr(getattr(hookspecs, hook), f"{PROJECT}_spec")
        told.append(given_up["warn_on_impl"])
        arguments = given_up["warn_on_impl_args"] or {}
        told += [arguments.get(name) for name in inspect.signature(implementation).parameters]
    found = "; ".join(str(warning) for warning in told if warning)
    check = "implements hooks as they are today"
    if not found:
        return Finding(HOOKS_STAGE, check)
    return Finding(HOOKS_STAGE, check, "note", found, "follow what the message says, in time")


def _of_spec(spec: Spec, entry: PluginEntry) -> Iterator[Finding]:
    def look(check: str, wrong: str, mend: str, found: str = "") -> Finding:
        if wrong:
            return Finding(SPEC_STAGE, check, "failed", wrong, mend)
        return Finding(SPEC_STAGE, check, found=found)

    summary = spec.summary
    yield look(
        "has a summary of one line",
        "" if summary.strip() and len(summary.splitlines()) == 1 else f"found {summary!r}",
        "say in summary what the component does", summary,
    )
    yield _reference(spec.reference)
    options = spec.options
    yield look("describes its options", _undescribed(options), "Field(DEFAULT, description=...)")
    yield look(
        "has options with valid defaults",
        _wrong_with(entry, lambda: parse_options(options, {}, "option")),
        "give each option a default that its own limits allow",
    )
    yield look(
        "has options that are fixed and known", _loosened(options),
        "leave model_config as dgljoint.Options has it: frozen, and unknown keys refused",
    )
    yield look(
        "has options with a schema", _wrong_with(entry, options.model_json_schema),
        "use types that JSON has: numbers, text, booleans, choices, lists of them",
    )


def _reference(reference: object) -> Finding:
    check = "names its source"
    if reference is None:
        return Finding(
            SPEC_STAGE, check, "note", "there is no reference",
            "reference=dgljoint.Reference(authors, year, title, url), for what is published",
        )
    if not isinstance(reference, Reference):
        wrong = f"it is a {type(reference).__name__}"
    elif not (reference.authors and reference.title):
        wrong = "authors or title are empty"
    elif not (isinstance(reference.year, int) and 1800 < reference.year < 2200):
        wrong = f"the year is {reference.year!r}"
    elif not str(reference.url).startswith(("https://", "http://")):
        wrong = f"the url is {reference.url!r}"
    else:
        return Finding(SPEC_STAGE, check, found=str(reference))
    return Finding(
        SPEC_STAGE, check, "failed", wrong, "dgljoint.Reference(authors, year, title, url) in full"
    )


def _undescribed(options: type[Options]) -> str:
    missing = [name for name, field in options.model_fields.items() if not field.description]
    return f"no description of {', '.join(missing)}" if missing else ""


def _loosened(options: type[Options]) -> str:
    config = options.model_config
    wrong = []
    if not config.get("frozen"):
        wrong.append("options can be changed")
    if config.get("extra") != "forbid":
        wrong.append("unknown options are taken")
    return " and ".join(wrong)


def _wrong_with(entry: PluginEntry, of: Callable[[], object]) -> str:
    """Say what goes wrong in a function of the options; ``""`` for nothing."""
    try:
        with guarded(entry, "options"):
            of()
    except DgljointError as error:
        return one_line(error.__cause__) if error.__cause__ else error.message.replace("\n", "; ")
    return ""
