"""Values of raw data: JSON with damaged characters, dates in any form, ids and users.

Single characters that orjson refuses are mended and counted: half an emoji, which Python,
JavaScript and Java read and write, and bytes that are no UTF-8.
"""

import gzip
import math
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

MENDED = "sign of which only a part is there (U+FFFD is put in its place)"
ODD_DATE = "date before 1990 or after 2100 (kept as it is written)"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
GZIP = b"\x1f\x8b"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_HALF_IN_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
# A pair is whole; a half alone is the group; any other escape is skipped with what it escapes, so
# that an escaped backslash before "ud83d" begins none.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_FEW = 3
_ID = re.compile("[0-9]{1,19}")
_BIGGEST_ID = 2**63 - 1


class BadJsonError(ValueError):
    """What was read is not what it should be; the text explains why, without the place."""


class BadDateError(BadJsonError):
    """A value is no date; the text names the value, not its field."""


def read_json(path: Path) -> tuple[Any, int]:
    """Read a JSON file, compressed by gzip or not: see :func:`parse_json`."""
    try:
        data = path.read_bytes()
        if data.startswith(GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or f"cannot be read: {error}"
        raise BadJsonError(reason) from error
    return parse_json(data)


def parse_json(data: bytes) -> tuple[Any, int]:
    """Parse JSON in UTF-8, or UTF-16 with a mark; return also how many characters were mended."""
    if data.startswith(UTF16):
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        try:
            return orjson.loads(data), 0
        except orjson.JSONDecodeError:
            whole, mended = mend_characters(data)
            return orjson.loads(whole), mended
    except orjson.JSONDecodeError as error:
        raise BadJsonError(f"no JSON: {_reason(data, error)}") from error


def mend_characters(data: bytes) -> tuple[bytes, int]:
    """Replace broken characters by U+FFFD and count them, unless there are too many."""
    whole = _HALF_IN_BYTES.sub(_REPLACEMENT, data).decode(errors="replace").encode()
    mended = whole.count(_REPLACEMENT) - data.count(_REPLACEMENT)
    if mended > max(_FEW, len(whole) // 50):
        return data, 0
    halves = 0

    def put(match: re.Match[bytes]) -> bytes:
        nonlocal halves
        halves += match[1] is not None
        return match[0] if match[1] is None else _REPLACEMENT

    return _ESCAPE.sub(put, whole), mended + halves


def _reason(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "it is empty"
    if b"\0" in data[:4]:
        return "it looks like UTF-16 without a byte order mark, or like no text; expected UTF-8"
    return str(error)


def id_text(*candidates: object) -> str | None:
    """Return the first value that is an id, as text: a natural number of 63 bits, or its digits."""
    for value in candidates:
        if isinstance(value, str):
            if _ID.fullmatch(value) and int(value) <= _BIGGEST_ID:
                return value
        # True is an int to Python.
        elif type(value) is int and 0 <= value <= _BIGGEST_ID:
            return str(value)
    return None


def user_number(value: object) -> int:
    """Return a number for an author of any id, a hash of 63 bits for a text; 0 for none."""
    text = value.strip() if isinstance(value, str) else ""
    if number := id_text(text or value):
        return int(number)
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return max(int.from_bytes(digest, "big") >> 1, 1) if text else 0


def shown(value: object) -> str:
    """Return the start of a value of JSON for a message; of a container only what it is."""
    # Not its text: Python fails to write out what is nested a thousand deep.
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    return repr(str(value)[:40])


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2101, 1, 1, tzinfo=UTC).timestamp()
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
# strptime takes four times as long and depends on the language of the machine.
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        # Wed Aug 13 01:23:45 +0000 2014
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>\d\d?) {_CLOCK} {_ZONE} (?P<year>\d{{4}})",
        # 2014-08-13T01:23:45.678+02:00, 2014/08/13 01:23, 2014-08-13, 2014年08月13日 01:23
        r"(?P<year>\d{4})(?P<gap>[-/年])(?P<month>\d\d?)(?:(?P=gap)|月)(?P<day>\d\d?)日?"
        rf"(?:(?:T| +){_CLOCK} *{_ZONE}?)?",
        # 20140813, 20140813T012345Z, 20140813012345
        r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
        rf"(?:T?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?P<part>)? *{_ZONE}?)?",
        # Wed, 13 Aug 2014 01:23:45 +0000
        rf"(?:[a-z]{{3}}, )?(?P<day>\d\d?) (?P<month>[a-z]{{3}}) (?P<year>\d{{4}}) {_CLOCK}"
        rf" {_ZONE}",
        # 08月13日 01:23, as Weibo writes a date of the year in which it is shown
        rf"(?P<year>)(?P<month>\d\d?)月(?P<day>\d\d?)日 *{_CLOCK}(?P<zone>)?",
    )
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
# A Unix time of so many seconds is of the year 5138: it counts milliseconds, and so on.
_NEXT_UNIT = 10**11
_EXPECTED = "expected one like 2014-08-13T01:23:45Z, Wed Aug 13 01:23:45 +0000 2014 or 1407893025"


def unix_seconds(value: object, *, zone: tzinfo = UTC) -> float:
    """Return the Unix time of a date, with parts of a second; ``zone`` is of one without any.

    Numbers are seconds, milli-, micro- or nanoseconds, by size. Raise BadDateError for no date.
    """
    if isinstance(value, str):
        text = value.strip()
        for form in _FORMS:
            if match := form.fullmatch(text):
                return _moment(match.groupdict(), value, zone)
        if _NUMBER.fullmatch(text) and len(text) < 40:
            return _by_size(float(text))
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return _by_size(value)
    raise BadDateError(f"{shown(value)} is no date; {_EXPECTED}")


def date_of(value: Mapping[str, Any], key: str, what: str, zone: tzinfo = UTC) -> float:
    """Return the Unix time of the date under a key. Raise BadJsonError, "what: ...", if none."""
    if value.get(key) is None:
        raise BadJsonError(f"{what}: it has no {key}")
    try:
        return unix_seconds(value[key], zone=zone)
    except BadDateError as error:
        raise BadJsonError(f"{what}: {key}: {error}") from error


def is_odd(seconds: float) -> bool:
    """Return whether a Unix time is of a year in which hardly anybody can have posted."""
    return not _EARLIEST <= seconds < _LATEST


def _by_size(number: float) -> float:
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if number < _NEXT_UNIT * unit:
            return float(number / unit)
    raise BadDateError(f"{shown(number)} is no date; {_EXPECTED}")


def _moment(found: Mapping[str, str | None], value: str, zone: tzinfo) -> float:
    if not found["year"]:
        raise BadDateError(f"{shown(value)} is a date without a year")
    named = _MONTHS.get((found["month"] or "").lower()) or found["month"]
    numbers = (found["year"], named, *(found[name] for name in ("day", "hour", "minute", "second")))
    try:
        year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found, zone))
        whole = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise BadDateError(f"{shown(value)} is an impossible date") from error
    part = found["part"]
    return whole + int(part) / 10 ** len(part) if part else float(whole)


def _zone(found: Mapping[str, str | None], zone: tzinfo) -> tzinfo:
    text = found["zone"]
    if not text or text[0] not in "+-":
        return UTC if text else zone
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)
