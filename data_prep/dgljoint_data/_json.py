"""Read JSON that others wrote.

orjson, because it takes a third of the time of the standard library's parser, and because bad input
gives its own error and no other: neither endless nesting nor half a surrogate pair gets further.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ID = re.compile("[0-9]{1,19}")
_BIGGEST_ID = 2**63 - 1


class BadJsonError(ValueError):
    """What was read is not what it should be; the text says why, without the place."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        BadJsonError: the file cannot be read or holds no JSON.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadJsonError(error.strerror or "cannot be read") from error
    return parse_json(data)


def parse_json(data: bytes) -> Any:
    """Parse JSON in UTF-8, with or without a byte order mark.

    Raises:
        BadJsonError: it is none.
    """
    try:
        return orjson.loads(data.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise BadJsonError(f"no JSON: {error}") from error


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
