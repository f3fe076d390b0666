"""A generator of worlds: what the tasks gain from one another is known (``planted``), or ``mixed``.

An event has one class, as in the real data. In planted worlds nothing else is common to its
cascades but the date; in the world ``mixed`` it has words of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.reading import ReadReport
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_data.readers.common.raw import digest_text
from dgljoint_data.readers.synthetic import mixed, planted, words
from dgljoint_data.readers.synthetic.mixed import Posts
from dgljoint_data.workers import Divided, Spread

GENERATOR_VERSION = 6  # raise it when the same options give other cascades

_FIRST_POSTED_AT = 1_577_836_800
_DAY = 86_400
_MONTH = 30  # days
_EVENT_STREAM, _CASCADE_STREAM = 0, 1


class SyntheticOptions(Options):
    """How much to generate, and what couples the tasks."""

    world: Literal["who-tells", "class-tells-links", "both", "apart", "date", "mixed"] = Field(
        "both", description="what shows the class, and what the class decides"
    )
    strength: float = Field(
        1.0, ge=0, le=1,
        description="of what couples the tasks, 0: nothing to gain; not of the world mixed",
    )
    cascades: int = Field(400, ge=1, description="number of cascades")
    events: int = Field(80, ge=1, description="number of events the cascades are spread over")
    mean_posts: float = Field(
        30.0, ge=5, le=10_000, description="mean number of posts in a cascade"
    )
    signal: float = Field(
        0.9, ge=0.5, le=1,
        description="mixed: chance that structure, timing or words show the true side",
    )
    affinity: float = Field(
        4.0, ge=0, description="mixed: how much a post prefers a parent of its own topic"
    )
    seed: int = Field(0, ge=0, description="another seed gives other cascades")


class SyntheticReader(Divided):
    """Generates each cascade from a seed of its own: memory stays bounded."""

    label_names: tuple[str, ...] = planted.CLASSES

    def __init__(self, options: SyntheticOptions) -> None:
        self._options = options
        self._rules: planted.Rules | None = None
        if options.world == "mixed":
            self.label_names = mixed.CLASSES
        else:
            self._rules = planted.rules_of(options.world, options.strength)

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the generator's version and options."""
        return digest_text(f"synthetic {GENERATOR_VERSION} {self._options.model_dump_json()}")

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the cascades; ``source`` is ignored."""
        report.note("the cascades are synthetic: metrics on them mean nothing for real rumors")
        for cascade in spread(self._cascade, range(self._options.cascades)):
            report.count("distinct_posts", len(cascade))
            yield cascade

    def _cascade(self, number: int) -> Cascade:
        options, rules = self._options, self._rules
        event = number % options.events
        label = event % len(self.label_names)
        moment = np.random.default_rng([options.seed, _EVENT_STREAM, event])
        rng = np.random.default_rng([options.seed, _CASCADE_STREAM, number])
        count = _size(rng, options.mean_posts)
        if rules is None:
            day = int(moment.integers(365))  # of the event, not the class: the date shows nothing
            posts = mixed.write(rng, count, label, event, options.signal, options.affinity)
        else:
            day = _day(moment, label, rules.own_month)
            posts = _planted(rng, count, label, rules)
        return Cascade(
            id=f"synthetic-{number}", event=f"event-{event}", label=self.label_names[label],
            posted_at=_FIRST_POSTED_AT + day * _DAY + int(rng.integers(_DAY)),
            post_id=[f"{number}-{post}" for post in range(count)], parent=posts.parent,
            user=rng.integers(1, 2**40, size=count), delay_seconds=posts.delay_seconds,
            kind=posts.kind, text=posts.text, best=posts.best,
        )


def _planted(rng: np.random.Generator, count: int, label: int, rules: planted.Rules) -> Posts:
    """Draw ``count`` posts of a planted world."""
    camp = rng.integers(planted.CAMPS, size=count)
    text, shown = words.write(rng, camp, label, rules.own_word)
    grown = planted.grow(rng, camp, label, rules, shown)
    kind = np.full(count, Kind.REPLY, np.uint8)
    kind[0] = Kind.SOURCE
    best = {"possible": grown.coupled, "without_coupling": grown.uncoupled}
    return Posts(grown.parent, _delays(rng, count), kind, text, best)


def _day(rng: np.random.Generator, label: int, own_month: float) -> int:
    """Draw a day of the year, in a month of the class by chance; months are of both in turn."""
    turn = label if rng.random() < own_month else 1 - label
    month = 2 * int(rng.integers(6)) + turn
    return month * _MONTH + int(rng.integers(_MONTH - 1))  # a cascade takes part of the next day


def _size(rng: np.random.Generator, mean: float) -> int:
    """Draw a number of posts: log-normal around ``mean``, the same for every class."""
    spread = 0.6
    size = rng.lognormal(np.log(mean) - spread**2 / 2, spread)
    return int(np.clip(round(size), 3, 20 * mean))


def _delays(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Draw strictly increasing delays, (N,) seconds, with a quiet day before the late posts."""
    steps = np.arange(1, count, dtype=np.float64)
    gaps = rng.lognormal(0.0, 0.5) * 30.0 * steps**0.7 * rng.lognormal(0.0, 0.8, size=count - 1)
    first_late = planted.early_posts(count)
    gaps[first_late - 1 : first_late] += _DAY
    # To the millisecond, and never two posts at once.
    return np.concatenate(([0.0], np.maximum(np.round(gaps, 3), 0.001).cumsum()))


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``synthetic``."""
    return [
        ReaderSpec(
            name="synthetic",
            summary="generated cascades whose tasks gain from one another in a known way",
            options=SyntheticOptions, build=SyntheticReader, needs_source=False,
        )
    ]
