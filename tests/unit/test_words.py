"""Words of messages."""

from __future__ import annotations

from dgljoint._internal.text import plural


def test_one_is_no_plural_and_thousands_are_parted() -> None:
    assert [plural(count, "cell") for count in (0, 1, 2, 1200)] == [
        "0 cells", "1 cell", "2 cells", "1,200 cells"
    ]
