"""The reader of a raw format, and the report that it fills while it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dgljoint.data.cascade import Cascade

EXAMPLES_KEPT = 3
POSTS_MET = "distinct_posts"
POSTS_DROPPED = "posts_dropped_"
THREADS_MET = "threads_met"


@dataclass
class Tally:
    """How often something happened, and its first examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, count: int, *examples: str) -> None:
        """Count ``count`` more occurrences, keeping examples while few are kept."""
        self.count += count
        self.examples += examples[: EXAMPLES_KEPT - len(self.examples)]


def first_of(tallies: Mapping[str, Tally], otherwise: str = "") -> str:
    """Return the first reason and its first example for the end of a message, after a colon."""
    for reason, tally in tallies.items():
        return f": {reason} ({tally.examples[0]})"
    return otherwise


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thread left out: why, where from the source on, its line from 1, and what was found."""

    reason: str
    file: str
    line: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        return f"{self.file}{line}" + (f": {self.detail}" if self.detail else "")


@dataclass
class ReadReport:
    """Everything odd that a reader met, so that nothing is dropped silently.

    Attributes:
        counts: what was seen, by name, in the order first counted.
        repairs: by reason, parts of a thread dropped or changed so that the rest could be kept.
        refusals: by reason, whole threads left out.
        quarantine: every thread left out.
        notes: fall-backs the reader chose, one sentence each.
    """

    counts: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, Tally] = field(default_factory=dict)
    refusals: dict[str, Tally] = field(default_factory=dict)
    quarantine: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, name: str, number: int = 1) -> None:
        """Add ``number`` to the count called ``name``.

        Every build checks three of them: posts met are counted as ``distinct_posts``, and each
        that is in no cascade yielded as ``posts_dropped_<why>``; threads met as ``threads_met``,
        of which each is yielded or refused.
        """
        self.counts[name] = self.counts.get(name, 0) + number

    @property
    def posts_met(self) -> int | None:
        """Number of posts in the raw data; ``None`` if the reader does not count them."""
        return self.counts.get(POSTS_MET)

    @property
    def threads_met(self) -> int | None:
        """Number of threads in the raw data; ``None`` if the reader does not count them."""
        return self.counts.get(THREADS_MET)

    @property
    def posts_dropped(self) -> int:
        """Number of posts met that are in no cascade."""
        return sum(n for name, n in self.counts.items() if name.startswith(POSTS_DROPPED))

    def repair(self, reason: str, example: str, number: int = 1) -> None:
        """Record ``number`` repairs for one reason; nothing is recorded for zero."""
        if number:
            self.repairs.setdefault(reason, Tally()).add(number, example)

    def refuse(self, reason: str, file: str, *, line: int | None = None, detail: str = "") -> None:
        """Record one thread left out: see :class:`LeftOut`."""
        left_out = LeftOut(reason, file, line, detail)
        self.quarantine.append(left_out)
        self.refusals.setdefault(reason, Tally()).add(1, str(left_out))

    def note(self, sentence: str) -> None:
        """Record a fall-back, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def absorb(self, other: ReadReport) -> None:
        """Add the content of another report, as if it had been recorded here after all before."""
        for name, number in other.counts.items():
            self.count(name, number)
        for mine, theirs in ((self.repairs, other.repairs), (self.refusals, other.refusals)):
            for reason, tally in theirs.items():
                mine.setdefault(reason, Tally()).add(tally.count, *tally.examples)
        self.quarantine += other.quarantine
        for sentence in other.notes:
            self.note(sentence)


class Reader(Protocol):
    """Reads one raw format.

    Attributes:
        label_names: the classes, in the order their numbers are given.
    """

    label_names: tuple[str, ...]

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        """Yield the cascades under ``source`` in a fixed order, filling ``report``.

        Args:
            source: the raw folder or file; ``None`` for a reader that needs none (a generator).
            report: filled while reading; complete once the iterator is exhausted.

        Raises:
            DataError: the source as a whole cannot be read. One bad thread is refused in the
                report instead.
        """
        ...
