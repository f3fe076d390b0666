"""Arguments of verbs: the cascade file DATA, and the completion of names without their plugins."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

import dgljoint
from dgljoint._internal.text import plural
from dgljoint.config.presets import discover_presets
from dgljoint.plugins.about import about, about_sections
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.console import Talk

if TYPE_CHECKING:
    from dgljoint.plugins.specs import Spec

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NAMED = 3  # files and folders in a message
_PACKED = frozenset((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))


class CascadeFile(click.Path):
    """The path of a cascade file; what is plainly none is refused with a hint."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Return the path; refuse a folder, raw data, and the name of a plugin or a preset."""
        path = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]  # as click gives
        if ctx is not None and ctx.resilient_parsing:
            return path
        command = ctx.command_path if ctx else "dgljoint"
        if path.is_dir():
            hint = _of_a_folder(path, command)
            raise dgljoint.DataError(f"{path} is a folder, not a cascade file", hint=hint)
        if path.is_file():
            if not _is_hdf5(path) and (made := _preprocess(path)):
                raise dgljoint.DataError(f"{path} is not a cascade file", hint=made)
        elif not path.exists() and path.name == str(path):
            _refuse_name(path.name, command)
        return path


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:  # opening the store explains why
        return True


def _of_a_folder(path: Path, command: str) -> str:
    place = shlex.quote(str(path))
    if (path / "config.toml").is_file():
        verb = "train --resume --out" if command.endswith("train") else "evaluate"
        return f"it is a run folder: dgljoint {verb} {place}"
    if files := sorted(path.glob("*.h5")):
        return f"name a file: {command} {shlex.quote(str(files[0]))}"
    return _preprocess(path) or f"make one: dgljoint preprocess READER {place} -o {_named(path)}"


def _preprocess(path: Path) -> str | None:
    """Return the command that makes a cascade file of raw data; ``None`` if no reader knows it."""
    try:
        reader = detect_reader(path)
    except dgljoint.DgljointError:
        return None
    place = shlex.quote(str(path))
    return f"make one of it: dgljoint preprocess {reader} {place} -o {_named(path)}"


def _named(path: Path) -> str:
    return shlex.quote(f"{path.resolve().stem or 'data'}.h5")


def _refuse_name(name: str, command: str) -> None:
    """Refuse the name of a plugin or a preset that is not a path."""
    trains, registry = command.endswith(" train"), installed_registry()
    for spec in registry.load(name).specs if name in registry.names else ():
        if isinstance(spec, dgljoint.ReaderSpec):
            raw = "RAW_DIR " if spec.needs_source else ""
            raise dgljoint.UsageError(
                f"'{name}' is a reader, not a cascade file",
                hint=f"make one: dgljoint preprocess {name} {raw}-o {name}.h5",
            )
        if trains and spec.flag.startswith("--"):
            raise dgljoint.UsageError(
                f"'{name}' is the name of a plugin, not a cascade file",
                hint=f"{command} {spec.flag} {name}",
            )
    if trains and any(preset.name == name for preset in discover_presets()):
        raise dgljoint.UsageError(
            f"'{name}' is the name of a preset, not a cascade file",
            hint=f"{command} --preset {name}",
        )


def demo_file(talk: Talk, folder: Path | None) -> Path:
    """Return the cascade file of the built-in demo set, and write where it is to stderr.

    It is in the ``folder`` of the runs that use it; without one it is removed at the command's end.
    """
    from dgljoint_data import demo_store

    file = demo_store(folder or _until_the_end())
    where = "" if folder is None else f", {file}"
    talk.info(f"no data given: using the built-in synthetic demo set{where}")
    return file


def generated_file(name: str, folder: Path | None) -> Path:
    """Return the cascade file of generated data, ``synthetic:KEY=VALUE``; as :func:`demo_file`."""
    from dgljoint_data import generated_store

    return generated_store(name, folder or _until_the_end())


def _until_the_end() -> Path:
    """Make a folder that is removed at the command's end."""
    context = click.get_current_context()
    return Path(context.with_resource(TemporaryDirectory(prefix="dgljoint-demo-")))


def detect_reader(raw: Path) -> str:
    """Return the name of the only reader that recognises ``raw``; a broken one does not."""
    specs = [
        spec for name in installed_registry().names for spec in specs_of(name)
        if isinstance(spec, dgljoint.ReaderSpec) and spec.recognises
    ]
    found = [spec.name for spec in specs if _recognises(spec, raw)]
    if len(found) == 1:
        return found[0]
    if found:
        raise dgljoint.UsageError(
            f"{raw} may be of several readers: {', '.join(found)}",
            hint=f"name one: dgljoint preprocess {found[0]} {raw}",
        )
    raise dgljoint.UsageError(
        f"no reader recognises {raw}{_contents(raw)}\n{_layouts(specs)}".rstrip("\n"),
        hint=f"name one: dgljoint preprocess READER {raw}; data in any other format can be written "
        "as JSON Lines, one cascade per line, for the reader jsonl (docs/readers/jsonl.md)",
    )


def specs_of(plugin: str) -> tuple[Spec, ...]:
    """Return the components of a plugin; none of a broken one."""
    try:
        return installed_registry().load(plugin).specs
    except dgljoint.DgljointError:
        return ()


def _recognises(spec: dgljoint.ReaderSpec, raw: Path) -> bool:
    from dgljoint.plugins.guard import guarded

    try:
        with guarded(installed_registry().load(spec.name).entry, "recognises"):
            return spec.recognises is not None and bool(spec.recognises(raw))
    except dgljoint.DgljointError:
        return False


def _contents(raw: Path) -> str:
    """Describe what is there, so that a wrong folder is seen at once."""
    if not raw.is_dir():
        packed = raw.suffix.lower() in _PACKED
        return ", a packed file: unpack it first" if packed else ", a file"
    try:
        entries = sorted(entry for entry in raw.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        return f", which cannot be read: {error.strerror}"
    kinds = {
        "folder": [f"{entry.name}/" for entry in entries if entry.is_dir()],
        "file": [entry.name for entry in entries if not entry.is_dir()],
    }
    if not entries:
        return ", which is empty"
    return ", which contains " + " and ".join(
        f"{plural(len(names), kind)} ({', '.join(names[:_NAMED])}"
        + (", ...)" if len(names) > _NAMED else ")")
        for kind, names in kinds.items() if names
    )


def _layouts(specs: Sequence[dgljoint.ReaderSpec]) -> str:
    known = [spec for spec in specs if spec.layouts]
    width = max((len(spec.name) for spec in known), default=0)
    lines = [
        f"  {'' if number else spec.name:{width}}  {layout}"
        for spec in known for number, layout in enumerate(spec.layouts)
    ]
    return "\n".join(["known layouts:", *lines] if lines else [])


Offer = Callable[[click.Context, str], Mapping[str, str]]
"""From the context and the incomplete word to the names offered, each with its help."""


def _completes(
    offer: Offer, otherwise: str = ""
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Complete by what ``offer`` returns, or by ``otherwise``: "file" or "dir"."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=text or None)
            for name, text in offer(ctx, incomplete).items() if name.startswith(incomplete)
        ]
        return found or [CompletionItem(incomplete, type=otherwise)] * bool(otherwise)

    return complete


def _plugins(*kinds: str) -> Offer:
    """Offer plugins of these kinds and of unknown kind; of all kinds by default."""

    def offer(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
        offered = {}
        for entry in installed_registry().entries:
            known = about(entry)
            if not kinds or known is None or set(kinds) & set(known.kinds):
                owner = f"{entry.distribution} {entry.version}"
                offered[entry.name] = known.summary if known else owner
        return offered

    return offer


def _assignments(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    """Offer sections of the engine and of the plugins named; after the dot, their options."""
    section, dot, _ = incomplete.partition(".")
    known = dict(about_sections())
    named = [section] if dot else [*ctx.params.get("plugins", ()), ctx.params.get("encoder")]
    for entry in installed_registry().entries:
        if entry.name in named and (found := about(entry)):
            known[entry.name] = found.options
    if not dot:
        return dict.fromkeys((f"{name}." for name in known), "")
    return {f"{section}.{name}=": text for name, text in known.get(section, {}).items()}


def _suites(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    from dgljoint_bench.suites.names import shipped_suites

    return dict.fromkeys(shipped_suites(), "")


def _metrics(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    from dgljoint.evaluation.scores import TITLES

    return TITLES


def _presets(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    return {found.name: found.source for found in discover_presets()}


def _splits(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    """Offer the splits that dgljoint makes; those of a file are not read."""
    return dict.fromkeys(("event", "random", "time", "leave-one-event-out"), "")


def _runs(ctx: click.Context, incomplete: str) -> Mapping[str, str]:
    """Offer run folders, also those one level below the folder that is named."""
    # "" for a name without a folder: what is found then has none either
    folder = Path(incomplete[: incomplete.rfind("/") + 1])
    files = [file for deep in ("*", "*/*") for file in folder.glob(f"{deep}/config.toml")]
    return dict.fromkeys(sorted(str(file.parent) for file in files), "")


complete_any_plugin = _completes(_plugins())
complete_encoder = _completes(_plugins("encoder"))
complete_coupling = _completes(_plugins("interaction", "loss weighter"))
complete_reader = _completes(_plugins("reader"), "dir")
complete_suite = _completes(_suites, "file")
complete_assignment = _completes(_assignments)
complete_figure = _completes(_metrics)
complete_preset = _completes(_presets, "file")
complete_split = _completes(_splits)
complete_run = _completes(_runs, "dir")
