"""Turn the bytes of a text file into text, whatever wrote it."""

from __future__ import annotations

import codecs

# Byte order marks of UTF-16, with a line end after each.
_MARKS = ((codecs.BOM_UTF16_LE, b"\n\0"), (codecs.BOM_UTF16_BE, b"\0\n"))


def decode(data: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark, or UTF-16 with one.

    Bytes that are neither become U+FFFD.
    """
    if _is_utf16(data):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def as_utf8(data: bytes) -> bytes:
    """Return bytes in UTF-16 with a byte order mark in UTF-8, any others as they are."""
    return decode(data).encode() if _is_utf16(data) else data


def _is_utf16(data: bytes) -> bool:
    """Say whether bytes begin with the mark of UTF-16, and by more than chance."""
    return any(
        data.startswith(mark) and (end in data or b"\n" not in data) for mark, end in _MARKS
    )
