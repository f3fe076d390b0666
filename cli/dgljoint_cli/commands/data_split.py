"""What ``dgljoint data split`` does: make, take over and show splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import RenderableType

from dgljoint.data.store import CascadeStore, put_split
from dgljoint.errors import UsageError
from dgljoint_cli.views.rendering import titled
from dgljoint_cli.views.table import Table
from dgljoint_data.audit.overlap import Sources
from dgljoint_data.describe import SplitInfo, describe_split
from dgljoint_data.splits import check_name, make_split, read_split


def store_split(
    path: Path, name: str, *, kind: str | None, folds: int | None, seed: int | None,
    file: Path | None, skip_unknown: bool, force: bool,
) -> tuple[SplitInfo, dict[str, int]]:
    """Make a split, or read it from ``file``, and store it; ``None`` is an option not given.

    Returns:
        What it is, and for a file of folds the number of cascades that it does not name under
        ``missing``, and of ids passed over under ``unknown``.

    Raises:
        UsageError: the options contradict one another, or the name is taken.
        DataError: the data do not allow the split, or the file of folds does not fit.
        RunFailedError: the file cannot be written.
    """
    given = {"--kind": kind, "--folds": folds, "--seed": seed}
    named = [option for option, value in given.items() if value is not None]
    if file is not None and named:
        raise UsageError(f"--from and {named[0]} exclude one another", hint="leave one out")
    if file is None and skip_unknown:
        raise UsageError("--skip-unknown is about --from FILE", hint="leave it out")
    if kind == "leave-one-event-out" and folds is not None:
        raise UsageError("--kind leave-one-event-out has one fold per event, --folds is not free")
    if kind in ("time", "leave-one-event-out") and seed is not None:
        raise UsageError(f"--kind {kind} draws nothing, so that --seed has no effect")
    check_name(name, None if file else kind or "event")
    store = CascadeStore(path)
    if name in store.splits and not force:
        raise UsageError(f"{path} has a split '{name}' already", hint="--force replaces it")
    passed = {}
    if file is None:
        sources = Sources.of(store)
        split = make_split(kind or "event", sources, name=name, folds=folds, seed=seed or 0)
    else:
        read = read_split(store, name, file, skip_unknown=skip_unknown)
        split, passed = read.split, {"missing": read.missing, "unknown": len(read.unknown)}
    stored = put_split(
        store, name, split.fold, grouped_by=split.grouped_by, group=split.group,
        ordered_by=split.ordered_by,
    )
    return describe_split(stored, name), passed


def split_tables(name: str, split: SplitInfo) -> RenderableType:
    """Return the table of a split: how it divides, and the classes of each fold."""
    classes = list(split.labels[0]) if split.labels else []
    made = Table("fold", "cascades", *classes, numbers=True)
    for number, (size, labels) in enumerate(zip(split.folds, split.labels, strict=True)):
        made.add_row(f"{number}", f"{size:,}", *(f"{labels[label]:,}" for label in classes))
    kept = f"{split.grouped_by or 'nothing'} kept together"
    divided = f"{split.divided_events:,} events in several folds"
    order = f"in order of {split.ordered_by}, the latest first" if split.ordered_by else "no order"
    title = f"{name} · {kept}, {divided} · {order} · {split.left_out:,} left out · {split.digest}"
    return titled(title, made)


def count_lines(passed: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for what a file of folds passed over, if anything."""
    words = {
        "missing": "cascades that the file does not name are left out",
        "unknown": "ids that the store does not hold were passed over",
    }
    return (f"{number:,} {words[key]}" for key, number in passed.items() if number)
