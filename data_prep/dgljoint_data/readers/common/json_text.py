"""Read JSON that others wrote.

orjson, because it takes a third of the time of the standard library's parser, and because bad input
gives its own error and no other: endless nesting gets no further. What it refuses because of single
signs is mended and counted: half an emoji, which Python, JavaScript and Java read and write, and
bytes that are no UTF-8.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import orjson

MENDED = "sign of which only a part is there (U+FFFD is put in its place)"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_HALF_IN_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
# A pair is whole; a half alone is the group; any other escape is passed over with what it escapes,
# so that an escaped backslash before "ud83d" begins none.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_FEW = 3
_ID = re.compile("[0-9]{1,19}")
_BIGGEST_ID = 2**63 - 1


class BadJsonError(ValueError):
    """What was read is not what it should be; the text says why, without the place."""


def read_json(path: Path) -> tuple[Any, int]:
    """Read a JSON file, compressed by gzip or not.

    Returns:
        what :func:`parse_json` returns.

    Raises:
        BadJsonError: the file cannot be read or holds no JSON.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or f"cannot be read: {error}"
        raise BadJsonError(reason) from error
    return parse_json(data)


def parse_json(data: bytes) -> tuple[Any, int]:
    """Parse JSON in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Returns:
        the value, and how many signs in it became U+FFFD because only a part of each was there.

    Raises:
        BadJsonError: it is no JSON.
    """
    if data.startswith(_UTF16):
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        return orjson.loads(data), 0
    except orjson.JSONDecodeError as error:
        whole, mended = mend_signs(data)
        if not mended:
            raise BadJsonError(f"no JSON: {_reason(data, error)}") from error
    try:
        return orjson.loads(whole), mended
    except orjson.JSONDecodeError as error:
        raise BadJsonError(f"no JSON: {_reason(data, error)}") from error


def mend_signs(data: bytes) -> tuple[bytes, int]:
    """Put U+FFFD in place of every sign of which only a part is there.

    Args:
        data: JSON that a parser refused; nothing changes where too much of it would.

    Returns:
        the JSON, and how many signs were put in.
    """
    text = _HALF_IN_BYTES.sub(_REPLACEMENT, data).decode(errors="replace")
    data, before = text.encode(), data
    mended = data.count(_REPLACEMENT) - before.count(_REPLACEMENT)
    if mended > max(_FEW, len(data) // 50):  # another encoding, not a few signs
        return before, 0
    halves = 0

    def put(match: re.Match[bytes]) -> bytes:
        nonlocal halves
        halves += match[1] is not None
        return match[0] if match[1] is None else _REPLACEMENT

    return _ESCAPE.sub(put, data), mended + halves


def _reason(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "it is empty"
    if b"\0" in data[:4]:
        return "it looks like UTF-16 without a byte order mark, or like no text; expected UTF-8"
    return str(error)


def id_text(*candidates: object) -> str | None:
    """Return the first candidate that is the id of a tweet or user, as text.

    Args:
        candidates: values of JSON; an id is a natural number of 63 bits, as a number or as text.
    """
    for value in candidates:
        if isinstance(value, str):
            if _ID.fullmatch(value) and int(value) <= _BIGGEST_ID:
                return value
        # True is an int to Python.
        elif type(value) is int and 0 <= value <= _BIGGEST_ID:
            return str(value)
    return None


def shown(value: object) -> str:
    """Return the start of a value of JSON for a message; of a container only what it is."""
    # Not its text: Python gives up on writing out what is nested a thousand deep.
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    return repr(str(value)[:40])
