"""Strategies that damage a small release: bytes, lines, JSON, and files lost or renamed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hypothesis import strategies as st

from small_releases import RELEASES, Files, SmallRelease

Draw = st.DrawFn

_MOST_BYTES = 1_000_000
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
# Python takes the digits of all scripts and underscores for numbers; 2**63 is the first that no
# column holds, and int() refuses five thousand digits.
_NUMBERS = (
    b"-1", b"0", b"00", b"7", b"-0.0", b"1e5", b"1e308", b"1e999", b"nan", b"inf", b"NaN", b"0x10",
    b"1_000", "٣".encode(), "１２".encode(), b"", b"2147483648", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"9" * 40, b"9" * 5000, b"0." + b"0" * 400,
)
_PIECES = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b'"',
    b"'", b"]", b"}", b"[", b"{", b",", b":", b"->", b"\\u0000", b"\\ud800", "\u2028".encode(),
    "🔥".encode(), b"null", b"ROOT", b" " * 300_000, b"1" * 300_000,
)
_BRACKETS = tuple(
    opening * depth + end
    for depth in (50, 900, 1000, 1100, 100_000)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"))
    for end in (b"", b"1" + closing * depth)
)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 0.5, -1.5, 1e10,
    1e18, 1e300, "", " ", "0", "1", "x", "\x00", "\u202e", "-1", "9" * 19, "9" * 20, "٣",
    "Wed Feb 31 01:00:30 +0000 2014", "Wed Aug 13 25:61:61 +9999 0000",
    "2023-02-31T00:00:00.000Z", [], {}, [[]], {"a": {}}, [None], ["1"], {"id": 1},
    # An expression that tries every division of these takes minutes.
    "a" * 70_000, " " * 70_000 + "x", "1," * 35_000 + "x", "@" * 70_000, "http://" * 10_000,
)
_KEYS = ("id", "id_str", "text", "user", "posts", "parent", "mid", "t", "data", "x", "", "1")
_MARK = "@@raw@@"  # replaced in the text by what json.dumps would not write
_RAW = (
    *_NUMBERS, *_BRACKETS, b'"\\ud800"', b'"\\ud83d\\udd25"', b'"\xff"', b"'x'", b"undefined",
    b"[,]", b'"a" "b"', b"1 // comment", b'"' + b"\\u0000" * 9 + b'"',
)
_NAMES = (
    "x", ".DS_Store", "._x.json", "x.json", "7.txt", "a.jsonl", "\udcfe", "9" * 19, "-1.json",
    "٣.json", "0", "12",
)


# Bytes

def _place(draw: Draw, data: Sequence[object]) -> int:
    return draw(st.integers(0, len(data)))


def _stretch(draw: Draw, data: bytes) -> tuple[int, int]:
    start, end = sorted((_place(draw, data), _place(draw, data)))
    return start, end


def cut(draw: Draw, data: bytes) -> bytes:
    start, end = _stretch(draw, data)
    return draw(st.sampled_from((data[:end], data[start:], data[:start] + data[end:])))


def flip(draw: Draw, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.sampled_from((1, 3, 20))) if data else 0):
        changed[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def repeat(draw: Draw, data: bytes) -> bytes:
    start, end = draw(st.sampled_from(((0, len(data)), _stretch(draw, data))))
    return data[:end] + data[start:end] + data[end:]


def zero(draw: Draw, data: bytes) -> bytes:
    start, end = _stretch(draw, data)
    return data[:start] + bytes(end - start) + data[end:]


def insert(draw: Draw, data: bytes) -> bytes:
    at = _place(draw, data)
    piece = draw(st.sampled_from((*_PIECES, *_BRACKETS)) | st.binary(min_size=1, max_size=64))
    return data[:at] + piece + data[at:]


def substitute(draw: Draw, data: bytes) -> bytes:
    return draw(st.sampled_from((b"", b"\n", b" ", b"\xef\xbb\xbf", *_BRACKETS)) | st.binary())


def encode(draw: Draw, data: bytes) -> bytes:
    name = draw(st.sampled_from(
        ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "gb18030", "utf-7")
    ))
    return data.decode(errors="replace").encode(name, errors="replace")


def misread(draw: Draw, data: bytes) -> bytes:
    return data.decode(draw(st.sampled_from(("latin-1", "cp437")))).encode()


def line_ends(draw: Draw, data: bytes) -> bytes:
    return data.replace(b"\n", draw(st.sampled_from((b"\r\n", b"\r", b"\n\n", b" ", b""))))


def lines(draw: Draw, data: bytes) -> bytes:
    """Lose, repeat, exchange, mix or reverse lines."""
    found = data.split(b"\n")
    one, other = (draw(st.integers(0, len(found) - 1)) for _ in range(2))
    match draw(st.sampled_from(("lose", "repeat", "exchange", "mix", "reverse"))):
        case "lose":
            del found[min(one, other) : max(one, other)]
        case "repeat":
            found[other:other] = [found[one]] * draw(st.sampled_from((1, 40)))
        case "exchange":
            found[one], found[other] = found[other], found[one]
        case "mix":
            found[one] = cut(draw, found[one]) + cut(draw, found[other])
        case "reverse":
            found.reverse()
    return b"\n".join(found)


def separators(draw: Draw, data: bytes) -> bytes:
    marks = st.sampled_from((b"\t", b" ", b":", b",", b"'", b"->", b'"', b""))
    old, new = draw(marks.filter(bool)), draw(marks)
    return data.replace(old, new, draw(st.sampled_from((1, -1))))


def numbers(draw: Draw, data: bytes) -> bytes:
    """Put strange numbers, or others of the file, in the places of some."""
    places = list(_NUMBER.finditer(data))
    if not places:
        return data
    some = draw(st.lists(st.sampled_from(places), min_size=1, max_size=4, unique=True))
    for match in sorted(some, key=re.Match.start, reverse=True):
        old = match[0]
        others = (*_NUMBERS, b"-" + old, old + b"0", old[:-1], places[0][0], places[-1][0])
        data = data[: match.start()] + draw(st.sampled_from(others)) + data[match.end() :]
    return data


_BYTES: tuple[Callable[[Draw, bytes], bytes], ...] = (
    cut, flip, repeat, zero, insert, substitute, encode, misread, line_ends, lines, separators,
    numbers,
)


# JSON

def _slots(value: Any) -> list[tuple[Any, Any]]:
    """Return every array or object with each of its indices or keys."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        container = left.pop()
        if isinstance(container, dict | list):
            keys = list(container) if isinstance(container, dict) else range(len(container))
            found += ((container, key) for key in keys)
            left += (container[key] for key in keys)
    return found


def _change(draw: Draw, slots: list[tuple[Any, Any]]) -> None:
    container, key = draw(st.sampled_from(slots))
    old = container[key]
    match draw(st.sampled_from(
        ("remove", "replace", "raw", "copy", "exchange", "wrap", "unwrap", "text", "rename",
         "repeat")
    )):
        case "remove":
            del container[key]
        case "replace":
            container[key] = deepcopy(draw(st.sampled_from(_VALUES)))
        case "raw":
            container[key] = _MARK
        case "copy":
            other, place = draw(st.sampled_from(slots))
            container[key] = deepcopy(other[place])
        case "exchange":
            place = draw(st.sampled_from([at for one, at in slots if one is container]))
            container[key], container[place] = container[place], old
        case "wrap":
            container[key] = draw(st.sampled_from(([old], {"a": old})))
        case "unwrap" if isinstance(old, dict | list) and old:
            parts = list(old.values()) if isinstance(old, dict) else old
            container[key] = draw(st.sampled_from(parts))
        case "text":
            container[key] = json.dumps(old)
        case "rename" if isinstance(container, dict):
            name = draw(st.sampled_from((*_KEYS, str(key).upper(), f"{key} ")))
            container[name] = container.pop(key)
        case "repeat" if isinstance(container, list):
            container[key:key] = [deepcopy(old) for _ in range(draw(st.sampled_from((1, 30))))]


def _parsed(data: bytes) -> Any:
    if any(opening * 50 in data for opening in (b"[", b'{"a":')):
        return None  # too deep to copy
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and value and len(data) < 200_000 else None


def document(draw: Draw, data: bytes) -> bytes:
    """Change one value of a JSON document, or of one line of a file of documents."""
    rows = [data] if _parsed(data) is not None else data.split(b"\n")
    place = draw(st.integers(0, len(rows) - 1))
    value = _parsed(rows[place])
    if value is None:
        return data
    _change(draw, _slots(value))
    text = json.dumps(value, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    mark = f'"{_MARK}"'.encode()
    rows[place] = text.replace(mark, draw(st.sampled_from(_RAW))) if mark in text else text
    return b"\n".join(rows)


# Files

def _below(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _files(draw: Draw, files: Files) -> Files:
    """Lose, rename, copy, exchange or add a file or folder."""
    folders = {str(above) for path in files for above in PurePosixPath(path).parents} - {"."}
    paths = st.sampled_from(sorted(files)) | st.sampled_from(sorted({*files, *folders}))
    path = draw(paths)
    other = PurePosixPath(draw(paths))
    name = PurePosixPath(path).name
    names = (*_NAMES, name.upper(), f"{name}.bak", f".{name}", f"{name}\n", other.name)
    target = str(draw(st.sampled_from((PurePosixPath(path), other))).with_name(
        draw(st.sampled_from(names))
    ))
    moved = {one: data for one, data in files.items() if _below(one, path)}
    way = draw(st.sampled_from(("lose", "rename", "copy", "exchange", "add")))
    left = {one: data for one, data in files.items() if way == "copy" or one not in moved}
    match way:
        case "rename" | "copy":
            left = {one: data for one, data in left.items() if not _below(one, target)}
            left |= {target + one.removeprefix(path): data for one, data in moved.items()}
        case "exchange" if path in files and str(other) in files:
            left = files | {path: files[str(other)], str(other): files[path]}
        case "add":
            left = files | {target: draw(st.sampled_from((b"", b"{}", b"[]", b"\x00\x05\x16")))}
    # A path cannot be a file and a folder of others.
    return {one: data for one, data in left.items()
            if not any(one != above and _below(one, above) for above in left)}


@st.composite
def mutants(draw: Draw, reader: str) -> SmallRelease:
    """Draw one of the reader's releases, damaged in one to six ways."""
    release = draw(st.sampled_from(RELEASES[reader]))
    files = dict(release.files)
    for _ in range(draw(st.integers(1, 6))):
        if not files:
            break
        way = draw(st.sampled_from(("document", "document", "bytes", "bytes", "files")))
        if way == "files":
            files = _files(draw, files)
            continue
        path = draw(st.sampled_from(sorted(files)))
        damage = document if way == "document" else draw(st.sampled_from(_BYTES))
        files[path] = damage(draw, files[path])[:_MOST_BYTES]
    return replace(release, files=files)
