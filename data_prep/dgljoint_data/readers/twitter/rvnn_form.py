"""Which column of an RvNN row contains what, recognised by its content.

Copies of the rows have fewer or more columns, as ``docs/readers/twitter.md`` lists. The first three
are the tree and the indices of parent and post; words are ``column:count`` pairs, all else numbers.
A delay is 0 for the sources and not for all posts; parents and length are at least 1.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

ROW_START = re.compile(rb"(\d{1,19})\t(none|\d{1,9})\t(\d{1,9})\t", re.IGNORECASE)

_COMMON = 3  # columns that every form has
_NUMBER = re.compile(rb"-?\d{1,12}(?:\.\d{0,12})?")
_MOST_NUMBERS = 3
_LONGEST_MINUTES = 60 * 24 * 366 * 20  # twenty years: what is longer is a date
_ZERO_AT_SOURCES = 0.9  # share: a copy may have a row or two that are damaged
_SAMPLE = 5_000  # rows of one number of columns that show what these contain

Fields = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """Places of the columns in a row, from 0; ``None`` for one that is not there."""

    parents: int | None = None
    delay: int | None = None
    words: int | None = None
    stance: int | None = None


class FormSample:
    """Rows of a file that show its forms: one for each number of columns, fewer if cut."""

    def __init__(self) -> None:
        self._rows: defaultdict[int, list[Fields]] = defaultdict(list)

    def add(self, line: bytes) -> None:
        """Take a line into the sample, while that is small."""
        columns = line.count(b"\t") + 1
        if columns > _COMMON and len(self._rows[columns]) < _SAMPLE and ROW_START.match(line):
            self._rows[columns].append(line.rstrip(b"\r\n").split(b"\t"))

    def forms(self) -> dict[int, Form | str]:
        """Return the form of the rows of each number of columns, or why it is unknown."""
        return {columns: find_form(rows) for columns, rows in self._rows.items() if rows}


def find_form(rows: Sequence[Fields]) -> Form | str:
    """Return what the columns of rows of equal length contain, or why that is unknown."""
    places = range(_COMMON, len(rows[0]))
    texts = [place for place in places if not _holds_numbers(rows, place)]
    # A stance may be written out, as "deny"; there are no pairs in it.
    words = [place for place in texts if _holds_words(rows, place)] if len(texts) > 1 else texts
    if len(texts) > 1 and (len(words) != 1 or texts[0] != words[0]):
        return f"columns {_listed(texts)} hold no numbers, expected one column of word counts"
    if words and not _holds_words(rows, words[0]):
        return f"column {words[0] + 1} holds no word counts such as 12:1"
    end = words[0] if words else places.stop
    numbers = [place for place in places if place < end]
    after = [place for place in places if place > end]
    if len(numbers) > _MOST_NUMBERS or len(after) > 1:
        return f"{len(numbers)} columns of numbers before the words and {len(after)} after them"
    worded = words and any(row[words[0]].strip() for row in rows)
    if not worded and len(numbers) < _MOST_NUMBERS - 1:
        return "it ends before its words"
    delays = [place for place in numbers if _is_delay(rows, place)]
    if len(delays) > 1:
        return f"columns {_listed(delays)} could each be the delay"
    if not delays and len(numbers) == _MOST_NUMBERS:
        delays = numbers[-1:]
    if not delays and len(numbers) == 1 and not _is_of_trees(rows, numbers[0]):
        return f"column {numbers[0] + 1} may be a delay or the number of parents"
    # Both of the tree's numbers must be there to know which of them is the number of parents.
    of_tree = [place for place in numbers if place not in delays]
    return Form(
        parents=of_tree[0] if len(of_tree) > 1 else None, delay=delays[0] if delays else None,
        words=words[0] if words else None, stance=after[0] if after else None,
    )


def _listed(places: Sequence[int]) -> str:
    return " and ".join(str(place + 1) for place in places)


def _holds_numbers(rows: Sequence[Fields], place: int) -> bool:
    filled = [row[place] for row in rows if row[place].strip()]
    return 2 * sum(map(bool, map(_NUMBER.fullmatch, filled))) > len(filled) > 0


def _holds_words(rows: Sequence[Fields], place: int) -> bool:
    filled = [row[place] for row in rows if row[place].strip()]
    return not filled or any(b":" in field for field in filled)


def _is_delay(rows: Sequence[Fields], place: int) -> bool:
    zero = [_number(row[place]) == 0 for row in rows if row[1].lower() == b"none"]
    return (
        sum(zero) > _ZERO_AT_SOURCES * len(zero)
        and any(_number(row[place]) not in (None, 0) for row in rows)
    )


def _is_of_trees(rows: Sequence[Fields], place: int) -> bool:
    seen: dict[bytes, bytes] = {}
    return all(seen.setdefault(row[0], row[place]) == row[place] for row in rows)


def _number(field: bytes) -> float | None:
    return float(field) if _NUMBER.fullmatch(field) else None


def minutes(field: bytes) -> float | None:
    """Return the delay in a field; ``None`` for one that is no number of minutes."""
    value = _number(field)
    return value if value is not None and abs(value) <= _LONGEST_MINUTES else None
