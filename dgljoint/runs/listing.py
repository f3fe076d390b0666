"""Find the runs below a folder: the state, the content and the settings of each."""

import os
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dgljoint._internal.files import held_folders
from dgljoint.config.run_config import RunConfig, flat
from dgljoint.config.sources import resolve_config
from dgljoint.errors import DgljointError, UsageError
from dgljoint.evaluation.scores import Scores
from dgljoint.plugins.registry import Registry
from dgljoint.runs.folders import DEFAULT_FOLDER, is_marked
from dgljoint.runs.stored import Protocol, StoredRun, number, recorded_protocol, section, text

FINISHED = "finished"
RUNNING = "running"
RESUMABLE = "resumable"
STARTED = "started"
BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The state of a run. What cannot be read of a broken one is ``None`` or empty."""

    name: str  # its folder, from the folder that was searched
    path: Path
    # `finished`; `running`, held by a process of this machine; `resumable`, with a state saved;
    # `started`, with none saved yet; or `broken`
    state: str
    # when something of it was last written, in local time, as `2026-05-31 18:04`
    date: str | None = None
    tasks: str | None = None  # that are trained: `both`, `cascade` or `rumor`
    data: str | None = None
    split: str | None = None
    fold: int | None = None
    seed: int | None = None
    encoder: str | None = None
    plugins: tuple[str, ...] = ()
    epoch: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None  # the selected one, so far
    # of the test part, by short name; empty unless finished
    figures: dict[str, float] = field(default_factory=dict)
    cause: str | None = None  # why it is broken, in one line

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def find_runs(folder: Path) -> Iterator[Path]:
    """Yield the run folders below ``folder``, itself included, in the order of their names.

    Nothing inside one is looked at, links are not followed, and what cannot be opened is passed
    over.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is a file" if folder.exists() else f"there is no folder {folder}",
            hint=f"name the folder of your runs; {DEFAULT_FOLDER}/ is where they are by default",
        )
    for here, folders, files in os.walk(folder):
        if is_marked(set(files), set(folders)):
            folders.clear()
            yield Path(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def summarize(
    path: Path, name: str | None = None, held: Container[tuple[int, int]] = ()
) -> RunSummary:
    """Sum up a run folder; one that cannot be read is broken, with the reason."""
    run = StoredRun(path)
    known: dict[str, Any] = {"name": name or str(path), "path": path}
    try:
        config = run.config()
        known |= {
            "date": f"{datetime.fromtimestamp(run.written):%Y-%m-%d %H:%M}",
            "tasks": config.train.tasks,
            "split": config.split, "fold": config.fold, "seed": config.seed,
            "encoder": config.encoder, "plugins": config.plugins, "epochs": config.train.epochs,
        }
        known["data"] = text(section(run.manifest(), "data").get("name"))
        known |= _progress(run)
        if run.finished:
            return RunSummary(state=FINISHED, figures=run.figures(), **known)
        found = path.stat()
        if (found.st_dev, found.st_ino) in held:
            return RunSummary(state=RUNNING, **known)
    except (DgljointError, OSError) as error:
        return RunSummary(state=BROKEN, cause=_cause(error, path), **known)
    return RunSummary(state=RESUMABLE if run.resumable else STARTED, **known)


def _progress(run: StoredRun) -> dict[str, Any]:
    if not (run.finished or run.resumable):
        return {"epoch": 0}
    records = run.records()
    selected = [number(record.get("epoch")) for record in records if record.get("best") is True]
    best = selected[-1] if selected else None
    return {"epoch": len(records), "best_epoch": None if best is None else int(best)}


def _cause(error: Exception, path: Path) -> str:
    reason = error.message if isinstance(error, DgljointError) else str(error)
    # The row names the folder.
    reason = reason.replace(f"{path}: ", "").replace(f"{path}{os.sep}", "")
    return (reason.strip().splitlines() or ["unreadable"])[0]


@dataclass(frozen=True, slots=True, eq=False)
class RunFacts:
    """A run by its folder."""

    run: StoredRun
    summary: RunSummary
    config: RunConfig
    manifest: dict[str, Any]
    protocol: Protocol  # how its data were cut
    records: list[dict[str, Any]]  # its epochs, plain values in the form of an `EpochRecord`
    scores: dict[str, Scores]  # final figures by part; empty for a run that has not ended


def read_facts(path: Path) -> RunFacts:
    """Read a run folder."""
    run = StoredRun(path)
    config, manifest = run.config(), run.manifest()
    begun = run.finished or run.resumable
    facts = RunFacts(
        run=run, summary=summarize(path, path.resolve().name, held_folders()), config=config,
        manifest=manifest, protocol=recorded_protocol(config, manifest),
        records=run.records() if begun else [], scores=run.typed_scores() if run.finished else {},
    )
    if facts.summary.state == BROKEN:
        run.figures()  # raises what is wrong
    return facts


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by its path, and what it is by default; ``None`` where that is not known."""

    name: str
    value: Any
    default: Any


def changed_settings(config: RunConfig, registry: Registry) -> list[Setting]:
    """Return the settings that differ from the defaults; the data file is none of them."""
    options = {name: _default_options(name, registry) for name in config.options}
    plain = resolve_config().model_copy(update={"options": options, "data": config.data})
    return [
        Setting(name, value, default)
        for name, (default, value) in differing_settings(plain, config).items()
    ]


def _default_options(name: str, registry: Registry) -> dict[str, Any]:
    try:
        specs = registry.load(name).specs
    except DgljointError:
        return {}
    found = (spec.options().model_dump(mode="json") for spec in specs if spec.name == name)
    return next(found, {})


def differing_settings(one: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, by their path; ``None`` for one that is absent."""
    return differing(one.model_dump(mode="json"), other.model_dump(mode="json"))


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two trees of plain values, by its path."""
    mine, theirs = flat(one), flat(other)
    return {
        name: (mine.get(name), theirs.get(name))
        for name in sorted(mine | theirs)
        if mine.get(name) != theirs.get(name)
    }
