"""Turn the bytes of a text file into text, whatever wrote it."""

from __future__ import annotations

import codecs

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode(data: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark, or UTF-16 with one.

    Bytes that are neither become U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def as_utf8(data: bytes) -> bytes:
    """Return bytes in UTF-16 with a byte order mark in UTF-8, any others as they are."""
    if any(data.startswith(mark) for mark, _ in _MARKS):
        return decode(data).encode()
    return data
