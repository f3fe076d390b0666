"""What ``dgljoint data split`` does: list, make, take over and remove splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType

from dgljoint.data.store import CascadeStore, put_split, remove_split
from dgljoint.errors import UsageError
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table
from dgljoint_data.describe import SplitInfo, describe_split
from dgljoint_data.own_splits import check_name, read_split, sources_of
from dgljoint_data.splits import make_split


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRequest:
    """A split to be stored; what is ``None`` was not asked for.

    Attributes:
        name: of the split.
        kind: how it is made.
        folds: how many.
        seed: of the folds.
        file: to take the folds from, in place of the other three.
        skip_unknown: pass over ids in ``file`` that the store does not hold.
        force: replace a split of that name.
    """

    name: str
    kind: str | None
    folds: int | None
    seed: int | None
    file: Path | None
    skip_unknown: bool
    force: bool

    def check(self) -> None:
        """Raise :class:`UsageError` for options that contradict one another."""
        given = {"--kind": self.kind, "--folds": self.folds, "--seed": self.seed}
        named = [option for option, value in given.items() if value is not None]
        if self.file is not None and named:
            raise UsageError(f"--from and {named[0]} exclude one another", hint="leave one out")
        if self.file is None and self.skip_unknown:
            raise UsageError("--skip-unknown is about --from FILE", hint="leave it out")
        if self.kind == "leave-one-event-out" and self.folds is not None:
            raise UsageError("--kind leave-one-event-out has a fold an event, --folds is not free")
        if self.kind in ("time", "leave-one-event-out") and self.seed is not None:
            raise UsageError(f"--kind {self.kind} draws nothing, so that --seed has no effect")
        check_name(self.name, None if self.file else self.kind or "event")


def store_split(path: Path, wanted: SplitRequest) -> tuple[SplitInfo, dict[str, int]]:
    """Make or read a split and store it.

    Returns:
        What it is, and for a file of folds the number of cascades that it does not name under
        ``missing``, and of ids passed over under ``unknown``.

    Raises:
        UsageError: the options contradict one another, or the name is taken.
        DataError: the data do not allow the split, or the file of folds does not fit.
        RunFailedError: the file cannot be written.
    """
    wanted.check()
    store = CascadeStore(path)
    if wanted.name in store.splits and not wanted.force:
        raise UsageError(
            f"{path} has a split '{wanted.name}' already", hint="--force replaces it"
        )
    passed = {}
    if wanted.file is None:
        split = make_split(
            wanted.kind or "event", sources_of(store), name=wanted.name, folds=wanted.folds,
            seed=wanted.seed or 0,
        )
    else:
        given = read_split(store, wanted.name, wanted.file, skip_unknown=wanted.skip_unknown)
        split = given.split
        passed = {"missing": given.missing, "unknown": len(given.unknown)}
    stored = put_split(
        store, split.name, split.fold, grouped_by=split.grouped_by, group=split.group,
        ordered_by=split.ordered_by,
    )
    return describe_split(stored, wanted.name), passed


def drop_split(path: Path, name: str) -> tuple[str, ...]:
    """Remove a split; return the names of those left.

    Raises:
        UsageError: there is none of that name.
        RunFailedError: the file cannot be written.
    """
    return remove_split(CascadeStore(path), name).splits


def list_splits(path: Path) -> dict[str, SplitInfo]:
    """Sum up all splits of a file, by name."""
    store = CascadeStore(path)
    return {name: describe_split(store, name) for name in store.splits}


def refused_lines(path: Path) -> list[str]:
    """Say which splits the data do not allow, and why."""
    return [f"no split '{name}': {why}" for name, why in CascadeStore(path).splits_refused.items()]


def split_tables(name: str, split: SplitInfo) -> RenderableType:
    """Lay out a split: what holds of it, and the classes of each fold."""
    classes = list(split.labels[0]) if split.labels else []
    made = Table("fold", "cascades", *classes, numbers=True)
    for number, (size, labels) in enumerate(zip(split.folds, split.labels, strict=True)):
        made.add_row(f"{number}", f"{size:,}", *(f"{labels[label]:,}" for label in classes))
    kept = f"{split.grouped_by or 'nothing'} kept together"
    divided = f"{split.divided_events:,} events in several folds"
    order = f"in order of {split.ordered_by}, the latest first" if split.ordered_by else "no order"
    title = f"{name} · {kept}, {divided} · {order} · {split.left_out:,} left out · {split.digest}"
    return titled(title, made)


def count_lines(passed: Mapping[str, int]) -> list[str]:
    """Say what a file of folds passed over, if anything."""
    words = {
        "missing": "cascades that the file does not name are left out",
        "unknown": "ids that the store does not hold were passed over",
    }
    return [f"{number:,} {words[key]}" for key, number in passed.items() if number]
