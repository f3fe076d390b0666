"""Dates as they are written, and what is no date."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from dgljoint_data.readers.common.values import BadDateError, is_odd, unix_seconds

MOMENT = 1_407_893_025  # 13 August 2014, 01:23:45 UTC
DAY = 1_407_888_000
CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    "written",
    [
        "Wed Aug 13 01:23:45 +0000 2014", "Wed Aug 13 09:23:45 +0800 2014",
        "Tue Aug 12 21:53:45 -0330 2014", "wed aug 13 01:23:45 +0000 2014",
        "Wed, 13 Aug 2014 01:23:45 +0000", "13 Aug 2014 01:23:45 GMT",
        "2014-08-13T01:23:45Z", "2014-08-13T01:23:45.000Z", "2014-08-13t01:23:45z",
        "2014-08-13T09:23:45+08:00", "2014-08-13 09:23:45+0800", "2014-08-12T21:23:45-04",
        "2014-08-13T01:23:45", "2014-08-13 01:23:45", " 2014-08-13 01:23:45 UTC ",
        "2014/08/13 01:23:45", "2014/8/13 1:23:45", "2014年08月13日 01:23:45",
        "20140813T012345Z", "20140813012345",
        MOMENT, float(MOMENT), str(MOMENT), f"{MOMENT}.0",
        MOMENT * 1000, str(MOMENT * 1000), MOMENT * 10**6, MOMENT * 10**9,
    ],
)
def test_one_moment_is_read_from_every_form(written: object) -> None:
    assert unix_seconds(written) == MOMENT


def test_a_date_alone_is_its_midnight_and_a_clock_may_lack_seconds() -> None:
    assert unix_seconds("2014-08-13") == unix_seconds("20140813") == DAY
    assert unix_seconds("2014-08-13 01:23") == MOMENT - 45


def test_parts_of_a_second_are_kept() -> None:
    assert unix_seconds("2014-08-13T01:23:45.25Z") == MOMENT + 0.25
    assert unix_seconds("2014-08-13T01:23:45,123456789+00:00") == pytest.approx(MOMENT + 0.123457)
    assert unix_seconds(MOMENT * 1000 + 250) == unix_seconds(f"{MOMENT}.25") == MOMENT + 0.25


def test_the_zone_given_holds_only_where_the_date_names_none() -> None:
    assert unix_seconds("2014-08-13 09:23:45", zone=CHINA) == MOMENT
    assert unix_seconds("2014-08-13T01:23:45Z", zone=CHINA) == MOMENT
    assert unix_seconds(MOMENT, zone=CHINA) == MOMENT


def test_a_date_without_a_year_is_refused() -> None:
    with pytest.raises(BadDateError, match="date without a year"):
        unix_seconds("08月13日 09:23")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("yesterday", "'yesterday' is no date; expected one like 2014-"), ("", "is no date"),
        (None, "'None' is no date"), (True, "no date"), (False, "no date"), (-1, "no date"),
        ([], "an array is no date"),
        (float("nan"), "no date"), (float("inf"), "no date"), (10**25, "no date"),
        ("13/08/2014", "no date"), ("1.4e9", "no date"), ("9" * 40, "no date"),
        ("٢٠١٤-08-13", "no date"), ("2014-08/13", "no date"), ("08:23:45", "no date"),
        ("2014-02-30", "impossible date"), ("2014-08-13T25:00:00Z", "impossible date"),
        ("2014-08-13T01:00:00+99:00", "impossible date"), ("Wed Foo 13 01:23:45 +0000 2014", "im"),
        ("0000-01-01", "impossible date"),
    ],
)
def test_what_is_no_date_is_refused_by_its_text(written: object, why: str) -> None:
    with pytest.raises(BadDateError, match=why):
        unix_seconds(written)


def test_years_in_which_hardly_anybody_posted_are_odd() -> None:
    possible = [MOMENT, unix_seconds(MOMENT * 1000), unix_seconds("2100-12-31")]
    assert not any(map(is_odd, possible))
    # Milliseconds taken for seconds would be of the year 46,584.
    odd = [MOMENT * 1000, 0, unix_seconds("1989-12-31"), unix_seconds("2101-01-01")]
    assert all(map(is_odd, odd))
