"""A new plugin: an installable package, from templates, with one component that works."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from string import Template

from packaging.version import Version

from dgljoint._internal.files import replacing_folder, writing
from dgljoint._version import __version__
from dgljoint.config.run_config import SECTIONS
from dgljoint.errors import UsageError
from dgljoint.plugins.registry import PluginEntry

LONGEST = 30

_PREFIX = "dgljoint-"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
# Sections of a configuration, and losses that every run has.
_TAKEN = frozenset((*SECTIONS, "options", "cascade", "rumor"))


@dataclass(frozen=True, slots=True)
class Names:
    """What users type, as in the entry point, what pip installs, and what Python imports."""

    component: str
    distribution: str
    module: str


def check_name(name: str, installed: Iterable[PluginEntry]) -> Names:
    """Return the names of a new plugin: ``my-scheme`` becomes the component ``my_scheme``."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{name!r} cannot be the name of a plugin",
            hint=f"at most {LONGEST} small letters and digits, a letter first, words joined by "
            f"'-'{_suggestion(name)}",
        )
    if name.replace("_", "-").startswith(_PREFIX):
        raise UsageError(
            f"'{name}' would become the distribution {_PREFIX}{name}",
            hint=f"leave the prefix out: {name[len(_PREFIX):]}",
        )
    component = name.replace("-", "_")
    names = Names(component, _PREFIX + component.replace("_", "-"), f"dgljoint_{component}")
    if component in _TAKEN:
        raise UsageError(
            f"'{component}' is the name of a section or of a task's loss",
            hint="give the plugin another name",
        )
    for entry in installed:
        if entry.name.replace("-", "_").lower() == component:
            raise UsageError(
                f"{entry} is installed, and two plugins of one name cannot be used",
                hint=f"give yours another name, or: pip uninstall {entry.distribution}",
            )
    if find_spec(names.module) is not None:
        raise UsageError(
            f"there is a package {names.module} already", hint="give the plugin another name"
        )
    return names


def _suggestion(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", name.lower())
    close = "-".join(words).lstrip("0123456789-")[:LONGEST].rstrip("-")
    return f": for example {close}" if close else ""


_SUMMARIES = {
    "encoder": "each post joined with the mean of its neighbours",
    "interaction": "the two views of a post meet half-way",
    "weighter": "a loss counts the less, the larger it has been",
    "reader": "cascades in a CSV file, one row per post",
}
KINDS = tuple(_SUMMARIES)

# Template to file.
_FILES = {
    "common/pyproject.toml": "pyproject.toml",
    "common/README.md": "README.md",
    "common/gitignore": ".gitignore",
    "common/test.yml": ".github/workflows/test.yml",
    "{kind}/package.py": "src/{module}/__init__.py",
    "{kind}/about.toml": "src/{module}/dgljoint_plugins.toml",
    "{kind}/module.py": "src/{module}/module.py",
    "{kind}/test.py": "tests/test_{component}.py",
}
_SAMPLE = "tests/sample.csv"


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The folder of the package, its files by name, and what to run next."""

    folder: Path
    files: tuple[str, ...]
    next_commands: list[str]


def write_package(names: Names, kind: str, folder: Path) -> Scaffold:
    """Write an installable package of one of :data:`KINDS`, whole or not at all."""
    with writing(folder):
        occupied = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    if occupied:
        raise UsageError(f"{folder} is there and not empty", hint="name another folder as DIR")
    if folder.resolve() == Path.cwd():
        # It is put in place by a rename, and a shell in the old one would not see it.
        raise UsageError(
            "the package cannot take the place of the current folder",
            hint=f"name a folder inside it, such as {names.distribution}",
        )
    use, check = _commands(names, kind)
    contents = _contents(names, kind, use, check)
    with replacing_folder(folder) as temporary:
        for name, content in contents.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    there = f"cd {shlex.quote(str(folder))}"
    commands = [there, "pip install -e '.[test]'", "pytest", check, use]
    return Scaffold(folder, tuple(sorted(contents)), commands)


def requirement(version: str = __version__) -> str:
    """Return what a package made now requires: this version, up to the next that may break it."""
    made = Version(version)
    after = f"0.{made.minor + 1}" if made.major == 0 else str(made.major + 1)
    return f"dgljoint>={made.public},<{after}"


def _contents(names: Names, kind: str, use: str, check: str) -> dict[str, str]:
    values = {
        "name": names.component,
        "distribution": names.distribution,
        "module": names.module,
        "kind": "loss weighter" if kind == "weighter" else kind,
        "article": "An" if kind[0] in "aeiou" else "A",
        "summary": _SUMMARIES[kind],
        "requirement": requirement(),
        "use": use,
        "check": check,
    }
    files = dict(_FILES)
    if kind == "reader":
        files["reader/sample.csv"] = _SAMPLE
    templates = resources.files("dgljoint.plugins.scaffold") / "templates"
    made = {f"src/{names.module}/py.typed": ""}
    for template, file in files.items():
        source = templates / f"{template.format(kind=kind)}.tmpl"
        path = file.format(module=names.module, component=names.component)
        made[path] = Template(source.read_text(encoding="utf-8")).substitute(values)
    return made


def _commands(names: Names, kind: str) -> tuple[str, str]:
    name, check = names.component, f"dgljoint plugins check {names.component}"
    if kind == "reader":
        use = f"dgljoint preprocess {name} posts.csv -o posts.h5"
        return use, f"{check} --raw {_SAMPLE}"
    flag = "--encoder" if kind == "encoder" else "--plugin"
    return f"dgljoint train {flag} {name}", check
