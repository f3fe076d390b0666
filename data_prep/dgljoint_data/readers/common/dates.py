"""Read dates as the world writes them, into Unix seconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from dgljoint_data.readers.common.json_text import BadJsonError, shown

ODD_DATE = "date before 1990 or after 2100 (kept as it is written)"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2101, 1, 1, tzinfo=UTC).timestamp()
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
# strptime takes four times as long and depends on the language of the machine.
_TWITTER = re.compile(  # Wed Aug 13 01:23:45 +0000 2014
    rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>\d\d?) {_CLOCK} {_ZONE} (?P<year>\d{{4}})",
    re.ASCII | re.IGNORECASE,
)
_OTHERS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
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
_FORMS = "expected one like 2014-08-13T01:23:45Z, Wed Aug 13 01:23:45 +0000 2014 or 1407893025"


class BadDateError(BadJsonError):
    """A value is no date; the text says what it is, without the name of its field."""


def unix_seconds(value: object, *, zone: tzinfo = UTC, year: int | None = None) -> float:
    """Return the Unix time that a date gives; parts of a second are kept.

    It takes Twitter's form, ISO 8601 with a date alone or a clock, with ``T`` or a space, with a
    fraction, with ``Z``, an offset or neither, and Unix time as a number or as its digits: in
    seconds, milliseconds, microseconds or nanoseconds, which differ by their size.

    Args:
        value: of JSON, or text of a table.
        zone: of a date that names none.
        year: of a date that names none; without it such a date is refused.

    Raises:
        BadDateError: it is no date, or one that the calendar does not have.
    """
    if isinstance(value, str):
        text = value.strip()
        match = _TWITTER.fullmatch(text) or next(
            (found for form in _OTHERS if (found := form.fullmatch(text))), None
        )
        if match is not None:
            return _moment(match, value, zone, year)
        if _NUMBER.fullmatch(text) and len(text) < 40:
            return _by_size(float(text))
    # True is an int to Python.
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return _by_size(value)
    raise BadDateError(f"{shown(value)} is no date; {_FORMS}")


def is_odd(seconds: float) -> bool:
    """Say whether a Unix time is of a year in which hardly anybody can have posted."""
    return not _EARLIEST <= seconds < _LATEST


def _by_size(number: float) -> float:
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if number < _NEXT_UNIT * unit:
            return float(number / unit)
    raise BadDateError(f"{shown(number)} is no date; {_FORMS}")


def _moment(match: re.Match[str], value: object, zone: tzinfo, year: int | None) -> float:
    found = match.groupdict()
    if not found["year"] and year is None:
        raise BadDateError(f"{shown(value)} is a date without a year")
    month = _MONTHS.get(found["month"].lower()) or found["month"]
    try:
        moment = datetime(
            int(found["year"] or year or 0), int(month), int(found["day"]),
            int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0),
            tzinfo=_offset(found["zone"]) or zone,
        )
        whole = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise BadDateError(f"{shown(value)} is an impossible date") from error
    part = found["part"]
    return whole + int(part) / 10 ** len(part) if part else float(whole)


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)
