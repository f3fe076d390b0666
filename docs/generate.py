"""Fill in the generated blocks of the pages, and the files that describe plugins.

    python docs/generate.py            # rewrite
    python docs/generate.py --check    # write nothing; exit with 1 and show what differs

A block is between ``<!-- KIND: NAMES -->`` and ``<!-- end KIND -->``:

- ``options: NAME ...``: the table of a component's options; several names share one options class.
- ``components``: the index of all that ships, with the page of each.
- ``reference: NAME ...``: signatures and docstrings of classes and functions.
- ``file: PATH``: a file of the repository.

The files let lists and completion describe plugins without importing them, see
:mod:`dgljoint.plugins.about`.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from dgljoint.config.options import describe_options
from dgljoint.config.run_config import SECTIONS, RunConfig
from dgljoint.errors import DataError, DgljointError
from dgljoint.plugins.about import FILE, SETTINGS, about_specs, described
from dgljoint.plugins.registry import Registry, installed_registry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, Spec, WeighterSpec
from reference import describe

DOCS = Path(__file__).parent
DISTRIBUTION = "dgljoint"
ROOMS = {"dgljoint_plugins": "plugins", "dgljoint_data": "data_prep"}
_GENERATED = "# made by docs/generate.py\n\n"
KINDS: dict[str, type[Spec]] = {
    "encoders": EncoderSpec,
    "interactions": InteractionSpec,
    "weighters": WeighterSpec,
    "readers": ReaderSpec,
}
_OPTIONS = re.compile(r"(<!-- options: (.+?) -->\n)(.*?)(<!-- end options -->)", re.DOTALL)
_REFERENCE = re.compile(
    r"(<!-- reference: (.+?) -->\n)(.*?)(<!-- end reference -->)", re.DOTALL
)
_FILE = re.compile(r"(<!-- file: (.+?) -->\n)(.*?)(<!-- end file -->)", re.DOTALL)
_COMPONENTS = re.compile(r"(<!-- components -->\n)(.*?)(<!-- end components -->)", re.DOTALL)


def main(arguments: Sequence[str] | None = None, docs: Path = DOCS) -> int:
    """Rewrite or check the pages under ``docs``; 1 when they differ or cannot be made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page differs")
    check = parser.parse_args(arguments).check
    registry, differs = installed_registry(), False
    for path in sorted(docs.rglob("*.md")):
        try:
            after = fill_in(path.read_text(encoding="utf-8"), path, docs, registry)
        except DgljointError as error:
            sys.stderr.write(f"{path}: {error.message}\n")
            return 1
        differs |= _put(path, after, str(path.relative_to(docs)), check=check)
    for path, text in descriptions(registry).items():
        differs |= _put(path, text, str(path.relative_to(DOCS.parent)), check=check)
    return int(check and differs)


def _put(path: Path, after: str, name: str, *, check: bool) -> bool:
    """Write a file, or show what differs; return whether anything does."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if after == before:
        return False
    if check:
        one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
        sys.stderr.writelines(difflib.unified_diff(one, other, name, f"{name}, generated"))
    else:
        path.write_text(after, encoding="utf-8")
    return True


def descriptions(registry: Registry) -> dict[Path, str]:
    """Return the files that describe settings and plugins, by their path."""
    engine = DOCS.parent / "dgljoint" / "config" / SETTINGS
    made: dict[Path, dict[str, Any]]
    made = {engine: {name: described(type(RunConfig.model_fields[name].default))
                     for name in SECTIONS}}
    for entry in registry.entries:
        if entry.distribution == DISTRIBUTION:
            package = entry.module.partition(".")[0]
            file = DOCS.parent / ROOMS[package] / package / FILE
            found = about_specs(registry.load(entry.name).specs)
            made.setdefault(file, {})[entry.name] = {
                "kinds": list(found.kinds), "summary": found.summary, "options": found.options,
            }
    return {file: _GENERATED + tomli_w.dumps(tables) for file, tables in made.items()}


def fill_in(page: str, path: Path, docs: Path, registry: Registry) -> str:
    """Return a page with its generated blocks filled in.

    Raises:
        DgljointError: a block names something unknown.
    """
    def options(block: re.Match[str]) -> str:
        return block[1] + _options_table(block[2].split(), path, registry) + block[4]

    def components(block: re.Match[str]) -> str:
        return "\n".join([block[1], "".join(_index(docs, path.parent, registry)) + block[3]])

    def reference(block: re.Match[str]) -> str:
        return block[1] + "".join(describe(name) for name in block[2].split()) + block[4]

    def file(block: re.Match[str]) -> str:
        return block[1] + _quoted(DOCS.parent / block[2]) + block[4]

    page = _FILE.sub(file, _REFERENCE.sub(reference, page))
    return _COMPONENTS.sub(components, _OPTIONS.sub(options, page))


def shipped(registry: Registry, kind: type[Spec]) -> list[Spec]:
    """Return the components of a kind that come with dgljoint, by name."""
    own = [entry.name for entry in registry.entries if entry.distribution == DISTRIBUTION]
    return [spec for name in own for spec in registry.load(name).specs if isinstance(spec, kind)]


def page_of(name: str, folder: Path) -> Path | None:
    """Find the page in a kind's folder that describes the options of ``name``."""
    for path in sorted(folder.glob("*.md")):
        for block in _OPTIONS.finditer(path.read_text(encoding="utf-8")):
            if name in block[2].split():
                return path
    return None


def _quoted(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    return f"```{file.suffix[1:]}\n{text}```\n"


def _options_table(names: Sequence[str], path: Path, registry: Registry) -> str:
    kind = KINDS.get(path.parent.name)
    if kind is None:
        raise DataError(f"options belong in a page of {', '.join(KINDS)}")
    found = {registry.find(kind, name).options for name in names}
    if len(found) > 1:
        raise DataError(f"{', '.join(names)} do not share one class of options")
    rows = describe_options(found.pop())
    if not rows:
        return "\nNone.\n\n"
    cells = ((f"`{r.name}`", f"`{r.type}`", f"`{r.default}`", r.description) for r in rows)
    return _table(("option", "type", "default", "description"), cells)


def _index(docs: Path, above: Path, registry: Registry) -> Iterable[str]:
    for folder, kind in KINDS.items():
        rows = []
        for spec in shipped(registry, kind):
            page = page_of(spec.name, docs / folder)
            name = f"`{spec.name}`"
            if page is not None:
                name = f"[{name}]({page.relative_to(above).as_posix()})"
            reference = spec.reference
            published = "" if reference is None else (
                f"{reference.authors} ({reference.year}): [{reference.title}]({reference.url})"
            )
            rows.append((name, spec.summary, published))
        yield f"## {folder.capitalize()}\n{_table(('name', 'what it does', 'reference'), rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A bar ends a cell, even inside code.
    text = ("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return "\n" + "\n".join(text) + "\n\n"


if __name__ == "__main__":
    sys.exit(main())
