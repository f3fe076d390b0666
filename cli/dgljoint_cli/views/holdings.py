"""What a cascade file holds, laid out: its summary, and one cascade as a tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from dgljoint.data.cascade import Kind
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint_cli.views.rendering import facts, titled
from dgljoint_cli.views.table import Table
from dgljoint_data.describe import StoreInfo

_TEXT_WIDTH = 100
# A terminal folds deeper trees into its right margin.
_DEEPEST = 20


def info_tables(info: StoreInfo) -> list[RenderableType]:
    """Lay out a summary: size, classes, features, splits."""
    values = {
        "cascades": f"{info.cascades:,}",
        "posts": f"{info.posts:,} ({_counts(info.kinds)}; {info.posts_with_text:,} with text)",
        "posts a cascade": _spread(info.posts_a_cascade),
        "hours a cascade": _spread(info.hours),
        "events": f"{info.events:,}",
        "posted": " to ".join(info.posted) or "unknown",
        "features": "; ".join(f"{name} ({what})" for name, what in info.features.items()),
        **{f"target {name}": str(target) for name, target in info.targets.items()},
        "reader": info.reader,
        "created with": info.created_with,
        "size": f"{info.size_bytes / 1e6:.1f} MB",
        "digest": info.digest,
    }
    labels = Table("label", "cascades", "share", numbers=True)
    balance = {**info.labels, **({"none": info.unlabelled} if info.unlabelled else {})}
    for label, number in balance.items():
        labels.add_row(label, f"{number:,}", f"{number / max(info.cascades, 1):.1%}")
    splits = Table(
        "split", "folds", "cascades a fold", "kept together", "order", "digest",
        prose=["kept together", "order"],
    )
    for name, split in info.splits.items():
        smallest, largest = min(split.folds, default=0), max(split.folds, default=0)
        held = f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"
        splits.add_row(
            name, f"{len(split.folds)}", held, split.grouped_by or "–", split.ordered_by or "–",
            split.digest,
        )
    return [
        titled(f"{info.name} · {info.path}", facts(values)),
        titled("labels", labels),
        titled("splits", splits),
        *(f"no split '{name}': {why}" for name, why in info.splits_refused.items()),
    ]


def feature_table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Lay out the features that can be stored, an option a line below each."""
    made = Table(
        "feature", "default", "made", "what it is", prose=["made", "what it is"]
    )
    for row in rows:
        made.add_row(row["name"], "yes" if row["default"] else "no", row["made"], row["summary"])
        for option in row["options"]:
            said = f"{option['description']} (default {option['default']})"
            made.add_row(f"  :{option['name']}=", "", "", said)
    return made


def _counts(values: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in values.items())


def _spread(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,.4g}" for name, value in values.items())


def find_cascade(store: CascadeStore, name: str | None) -> int:
    """Return the position of a cascade; of the first when no name is given.

    Raises:
        DataError: the store is empty.
        UsageError: there is none of that name.
    """
    ids = store.ids.all()
    if not ids:
        raise DataError(f"{store.path} holds no cascade", hint="build it again from more data")
    if name is not None and name not in ids:
        hint = f"the first is '{ids[0]}', the last '{ids[-1]}'"
        raise UsageError(f"{store.path} has no cascade '{name}'", hint=hint)
    return 0 if name is None else ids.index(name)


def cascade_tree(store: CascadeStore, place: int, most: int) -> Tree:
    """Draw a cascade, its first ``most`` posts by time; the others are counted where they hang."""
    columns = store.read(np.array([place]))
    posts = len(columns.parent)
    label = int(store.label[place])
    head = Text(f"{store.ids[place]} · ", style="bold")
    head.append(store.label_names[label] if label >= 0 else "no label")
    head.append(f" · {posts:,} posts\n")
    head.append_text(_post(store, columns, 0))
    tree = Tree(head)
    branches = {0: tree}
    depth = {0: 0}
    hidden: dict[int, int] = {}
    for post, parent in enumerate(columns.parent.tolist()):
        if post == 0:
            continue
        if parent in branches and len(branches) < most and depth[parent] < _DEEPEST:
            branches[post] = branches[parent].add(_post(store, columns, post))
            depth[post] = depth[parent] + 1
        else:
            # Posts stand after their parents, so where the parent went is known.
            hidden[post] = parent if parent in branches else hidden[parent]
    for parent, count in Counter(hidden.values()).items():
        branches[parent].add(Text(f"… {count:,} more", style="dim"))
    return tree


def _post(store: CascadeStore, columns: CascadeColumns, post: int) -> Text:
    place = int(columns.posts[post])
    line = Text(f"+{_duration(float(columns.delay_seconds[post]))} ", style="cyan")
    line.append(f"{Kind(int(columns.kind[post])).name.lower()} ", style="green")
    line.append(f"user {int(store.user[place])}", style="dim")
    # A post could carry sequences that a terminal obeys.
    shown = "".join(sign if sign.isprintable() else " " for sign in store.text[place])
    text = " ".join(shown.split())
    if len(text) > _TEXT_WIDTH:
        text = text[: _TEXT_WIDTH - 1] + "…"
    return line.append(f"  {text}") if text else line


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
