"""Ways to damage JSON so that it stays JSON, most of the time: keys, types, places, repetition."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from dgljoint_bench.damage_bytes import NUMBERS, brackets

Slot = tuple[Any, Any]  # an array or object, and an index or key in it

# Beyond these a document grows with every damage, or is too deep for Python to copy.
_MOST_BYTES = 200_000
_DEEPEST = 100

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 0.5, -1.5, 1e10,
    1e18, 1e300, "", " ", "0", "1", "x", "\x00", "\u202e", "🔥" * 50, "-1", "9" * 19, "9" * 20, "٣",
    "Wed Feb 31 01:00:30 +0000 2014", "Wed Aug 13 25:61:61 +9999 0000", [], {}, [[]], {"a": {}},
    [None], ["1"], {"id": 1},
    # Patience: an expression that tries every division of them takes minutes.
    "a" * 70_000, " " * 70_000 + "x", "1," * 35_000 + "x", "@" * 70_000, "http://" * 10_000,
)
_KEYS = ("id", "id_str", "text", "user", "posts", "parent", "mid", "t", "x", "", "1")
# Written in after the text is made: what json.dumps would not write.
_MARK = "@@raw@@"
_RAW: tuple[bytes, ...] = (
    *NUMBERS, b'"\\ud800"', b'"\\ud83d\\udd25"', b'"\xff"', b"'x'", b"undefined", b"[,]",
    b'"a" "b"', b"1 // comment", b'"' + b"\\u0000" * 9 + b'"',
)


def remove(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Take a value out."""
    container, key = slot
    del container[key]


def replace(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Put a value of any type in the place of one."""
    container, key = slot
    container[key] = deepcopy(rng.choice(_VALUES))


def raw(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Put something in the place of a value that few programs write."""
    container, key = slot
    container[key] = _MARK


def copy(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Put another value of the document in the place of one."""
    container, key = slot
    other, place = rng.choice(slots)
    container[key] = deepcopy(other[place])


def exchange(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Exchange a value with another of the same array or object."""
    container, key = slot
    keys = list(container) if isinstance(container, dict) else range(len(container))
    other = rng.choice(keys)
    container[key], container[other] = container[other], container[key]


def wrap(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Put a value into an array or an object of its own."""
    container, key = slot
    container[key] = rng.choice(([container[key]], {"a": container[key]}))


def unwrap(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Put a part of a value in its place."""
    container, key = slot
    if isinstance(container[key], dict | list) and container[key]:
        container[key] = rng.choice(_parts(container[key]))


def as_text(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Turn a number into a text, and any other value into the text of its JSON."""
    container, key = slot
    container[key] = json.dumps(container[key])


def rename(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Give a value another key."""
    container, key = slot
    if isinstance(container, dict):
        other = rng.choice((*_KEYS, str(key).upper(), f"{key} "))
        container[other] = container.pop(key)


def repeat(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Write an element again, at another place."""
    container, key = slot
    if isinstance(container, list):
        for _ in range(rng.choice((1, 1, 30))):
            container.insert(rng.randint(0, len(container)), deepcopy(container[key]))


def shuffle(slot: Slot, rng: Random, slots: Sequence[Slot]) -> None:
    """Write the elements or keys in another order."""
    container, _ = slot
    if isinstance(container, list):
        rng.shuffle(container)
        return
    items = list(container.items())
    rng.shuffle(items)
    container.clear()
    container.update(items)


DAMAGES: Sequence[Callable[[Slot, Random, Sequence[Slot]], None]] = (
    remove, replace, replace, raw, copy, copy, exchange, wrap, unwrap, as_text, rename, repeat,
    shuffle,
)


def damage_json(data: bytes, rng: Random) -> tuple[bytes, str] | None:
    """Damage a document, or one line of a file of documents, in one way.

    Returns:
        What it becomes and the name of the way; ``None`` when it holds no array or object, or
        too much.
    """
    if len(data) > _MOST_BYTES:
        return None
    lines = [data]
    place = 0
    root = _parse(data)
    if root is None:
        lines = data.split(b"\n")
        place = rng.randrange(len(lines))
        root = _parse(lines[place])
    if root is None:
        return None
    way = rng.choice(DAMAGES)
    top = [root]
    slots = _slots(top)
    way(rng.choice(slots), rng, slots)
    text = json.dumps(top[0] if top else None, ensure_ascii=rng.random() < 0.5)
    written = text.encode(errors="surrogatepass")
    mark = f'"{_MARK}"'.encode()
    if mark in written:
        written = written.replace(mark, rng.choice((*_RAW, brackets(rng))))
    lines[place] = written
    return b"\n".join(lines), f"json {way.__name__}"


def _parse(data: bytes) -> Any:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    level = [value] if isinstance(value, dict | list) else []
    found = value if level else None
    for _ in range(_DEEPEST):
        level = [part for inner in level for part in _parts(inner) if isinstance(part, dict | list)]
    return None if level else found


def _parts(container: Any) -> Sequence[Any]:
    return list(container.values()) if isinstance(container, dict) else container


def _slots(top: list[Any]) -> list[Slot]:
    """Find every place of a document that holds a value."""
    found: list[Slot] = []
    pending: list[Any] = [top]
    for container in pending:  # grows on the way
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], dict | list):
                pending.append(container[key])
    return found
