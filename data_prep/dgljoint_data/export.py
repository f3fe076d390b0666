"""A store written as JSON Lines, in the form that the reader ``jsonl`` reads.

A build from the export has the same cascades and targets in the same order, without features and
splits; classes are in alphabetical order unless the reader's option ``labels`` gives another.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from dgljoint._internal.files import replacing, writing
from dgljoint.data.cascade import Kind
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError
from dgljoint_data.readers.jsonl.schema import BadLineError, arrange_posts, parse_line

_KINDS = [kind.name.lower() for kind in Kind]


def cascade_line(store: CascadeStore, index: int) -> bytes:
    """Return one cascade as a line. Raise DataError if it cannot be written in this form."""
    line = orjson.dumps(_record(store, index), option=orjson.OPT_APPEND_NEWLINE)
    try:
        arrange_posts(parse_line(line)[0].posts)
    except BadLineError as error:
        raise DataError(
            f"cascade {store.ids[index]} of {store.path} cannot be written as JSON Lines: "
            f"{error.reason} ({error.where})",
            hint="its reader gave it; the format is in dgljoint_data/cascade.schema.json",
        ) from error
    return line


def cascade_lines(store: CascadeStore) -> Iterator[bytes]:
    """Yield every cascade as a line, in order. Raise DataError if there is none."""
    if not len(store):
        raise DataError(f"{store.path} holds no cascade", hint="build it again from more data")
    for index in range(len(store)):
        yield cascade_line(store, index)


def write_jsonl(store: CascadeStore, output: Path) -> None:
    """Write every cascade to a file that appears when it is whole; memory holds one."""
    with replacing(output) as temporary, writing(output), temporary.open("wb") as file:
        file.writelines(cascade_lines(store))


def _record(store: CascadeStore, index: int) -> dict[str, Any]:
    start, end = store.post_ptr[index : index + 2].tolist()
    columns = store.read(np.array([index]))
    ids = store.post_ids.between(start, end)
    parents: list[Any] = columns.parent.tolist()
    if len(set(ids)) == len(ids):
        parents[1:] = [ids[place] for place in parents[1:]]
    posts = []
    for place, (post, parent, delay, kind, user, text) in enumerate(
        zip(
            ids, parents, columns.delay_seconds.tolist(), columns.kind.tolist(),
            store.user[start:end].tolist(), store.text.between(start, end), strict=True,
        )
    ):
        made = {"id": post, "parent": parent if place else None, "delay_seconds": delay,
                "kind": _KINDS[kind]}
        if user:
            made["user"] = user
        if text:
            made["text"] = text
        if targets := _targets(store, "post", start + place):
            made["targets"] = targets
        posts.append(made)
    name, label = store.ids[index], int(store.label[index])
    event = store.event_names[int(store.event[index])]
    targets = _targets(store, "cascade", index)
    return {
        "id": name,
        # what a store calls the event of a cascade that has none
        "event": "" if event == f"cascade {name}" else event,
        "label": None if label < 0 else store.label_names[label],
        "posted_at": int(store.posted_at[index]),
        **({"targets": targets} if targets else {}),
        "posts": posts,
    }


def _targets(store: CascadeStore, per: str, place: int) -> dict[str, str]:
    return {
        name: label for name, target in store.targets.items()
        if target.per == per and (label := target.label(place)) is not None
    }
