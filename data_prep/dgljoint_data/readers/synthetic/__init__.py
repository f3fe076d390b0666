"""A generator of cascades: planted worlds, and one in which nothing alone shows the class.

What the tasks of a planted world gain from one another is known: see ``planted``. In the world
``mixed`` structure, timing and words each separate two of the four classes from the other two, each
misleading in some cascades: see ``docs/readers/synthetic.md``. An event has one class and words of
its own, as in the real data: a random split rewards learning events by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
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
from dgljoint_data.readers.synthetic import planted
from dgljoint_data.readers.synthetic.words import all_words, word, write
from dgljoint_data.workers import Divided, Spread

GENERATOR_VERSION = 2  # raise it when the same options give other cascades
LABEL_NAMES = ("false", "true", "unverified", "non-rumor")

# Of each class: whether it is deep, whether it is fast, whether it has the first set of words.
_SIDES = ((True, False, True, False), (True, True, False, False), (True, False, False, True))

_TOPICS = 6
_TOPIC_WORDS = 15
_STYLE_WORDS = 25
_COMMON_WORDS = 250
_EVENT_WORDS = 12
# Where each list starts among the made-up words; the events' own come last, without an end.
_STYLE_START = _COMMON_WORDS
_TOPIC_START = _STYLE_START + 2 * _STYLE_WORDS
_EVENT_START = _TOPIC_START + _TOPICS * _TOPIC_WORDS
# Shares of common, style, topic and event words in a text.
_SHARES = (0.2, 0.2, 0.45, 0.15)
_SHORTEST_TEXT, _LONGEST_TEXT = 5, 12

_FIRST_POSTED_AT = 1_577_836_800
_EVENT_STREAM, _CASCADE_STREAM = 0, 1

Ints = NDArray[np.int64]


class SyntheticOptions(Options):
    """How much to generate and how clearly it shows its class."""

    world: Literal["mixed", "who-tells", "class-tells-links", "both", "apart", "date"] = Field(
        "mixed", description="what shows the class, and what the class decides"
    )
    strength: float = Field(
        1.0, ge=0, le=1, description="of what a planted world couples; not of world mixed"
    )
    cascades: int = Field(400, ge=1, description="number of cascades")
    events: int = Field(80, ge=1, description="number of events the cascades are spread over")
    mean_posts: float = Field(
        30.0, ge=5, le=10_000, description="mean number of posts in a cascade"
    )
    signal: float = Field(
        0.9, ge=0.5, le=1,
        description="chance that structure, timing or words of a cascade show its true side",
    )
    affinity: float = Field(
        4.0, ge=0, description="how much a post prefers a parent of its own topic"
    )
    seed: int = Field(0, ge=0, description="another seed gives other cascades")


class SyntheticReader(Divided):
    """Generates each cascade from a seed of its own: memory stays bounded."""

    label_names: tuple[str, ...] = LABEL_NAMES

    def __init__(self, options: SyntheticOptions) -> None:
        self._options = options
        self._rules: planted.Rules | None = None
        if options.world != "mixed":
            self.label_names = planted.CLASSES
            self._rules = planted.rules_of(options.world, options.strength)

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the generator's version and options."""
        return digest_text(f"synthetic {GENERATOR_VERSION} {self._options.model_dump_json()}")

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the cascades; ``source`` is ignored."""
        report.note("the cascades are synthetic: metrics on them mean nothing for real rumors")
        for cascade in spread(self._maker(), range(self._options.cascades)):
            report.count("distinct_posts", len(cascade))
            yield cascade

    def _maker(self) -> Callable[[int], Cascade]:
        if self._rules is not None:
            return partial(self._planted, all_words(), self._rules)
        return partial(self._cascade, np.array([word(number) for number in range(_EVENT_START)]))

    def _cascade(self, common: NDArray[np.str_], number: int) -> Cascade:
        options = self._options
        event = number % options.events
        label = event % len(LABEL_NAMES)
        # Of the event, not the class: the date shows nothing.
        moment = np.random.default_rng([options.seed, _EVENT_STREAM, event])
        happened = _FIRST_POSTED_AT + int(moment.integers(365 * 86_400))
        rng = np.random.default_rng([options.seed, _CASCADE_STREAM, number])
        right = rng.random(3) < options.signal
        deep, fast, first_set = (
            side[label] == shown for side, shown in zip(_SIDES, right, strict=True)
        )
        count = _size(rng, options.mean_posts)
        topic = rng.integers(_TOPICS, size=count)
        event_words = np.array(
            ["#" + word(_EVENT_START + event * _EVENT_WORDS)]
            + [word(_EVENT_START + event * _EVENT_WORDS + i) for i in range(1, _EVENT_WORDS)]
        )
        kind = np.where(rng.random(count) < 0.15, Kind.QUOTE, Kind.REPLY).astype(np.uint8)
        kind[0] = Kind.SOURCE
        return Cascade(
            id=f"synthetic-{number}", event=f"event-{event}", label=LABEL_NAMES[label],
            posted_at=happened + int(rng.integers(86_400)),
            post_id=[f"{number}-{post}" for post in range(count)],
            parent=_parents(rng, topic, deep, options.affinity),
            user=rng.integers(1, 2**40, size=count), delay_seconds=_delays(rng, count, fast),
            kind=kind, text=_texts(rng, topic, first_set, common, event_words),
        )


    def _planted(self, known: NDArray[np.str_], rules: planted.Rules, number: int) -> Cascade:
        options = self._options
        event = number % options.events
        label = event % len(planted.CLASSES)
        moment = np.random.default_rng([options.seed, _EVENT_STREAM, event])
        happened = _FIRST_POSTED_AT + _month_start(moment, label, rules.own_month)
        rng = np.random.default_rng([options.seed, _CASCADE_STREAM, number])
        count = _size(rng, options.mean_posts)
        camp = rng.integers(planted.CAMPS, size=count)
        text, shown = write(rng, camp, label, rules.own_word, known)
        grown = planted.grow(rng, camp, label, rules, shown)
        kind = np.full(count, Kind.REPLY, np.uint8)
        kind[0] = Kind.SOURCE
        return Cascade(
            id=f"synthetic-{number}", event=f"event-{event}", label=planted.CLASSES[label],
            posted_at=happened + int(rng.integers(86_400)),
            post_id=[f"{number}-{post}" for post in range(count)], parent=grown.parent,
            user=rng.integers(1, 2**40, size=count), delay_seconds=_two_waves(rng, count),
            kind=kind, text=text,
            best={"possible": grown.coupled, "without_coupling": grown.uncoupled},
        )


def _month_start(rng: np.random.Generator, label: int, own: float) -> int:
    """Draw seconds into the year: months of 30 days are of the two classes in turn."""
    of = label if rng.random() < own else 1 - label
    month = 2 * int(rng.integers(6)) + of
    return (30 * month + int(rng.integers(29))) * 86_400


def _two_waves(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Draw strictly increasing delays, (N,) seconds, with a quiet day before the late posts."""
    steps = np.arange(1, count, dtype=np.float64)
    gaps = rng.lognormal(0.0, 0.5) * 30.0 * steps**0.7 * rng.lognormal(0.0, 0.8, size=count - 1)
    first_late = planted.early_posts(count)
    gaps[first_late - 1 : first_late] += 86_400
    return np.concatenate(([0.0], np.maximum(np.round(gaps, 3), 0.001).cumsum()))


def _size(rng: np.random.Generator, mean: float) -> int:
    """Draw a number of posts: log-normal around ``mean``, the same for every class."""
    spread = 0.6
    size = rng.lognormal(np.log(mean) - spread**2 / 2, spread)
    return int(np.clip(round(size), 3, 20 * mean))


def _delays(rng: np.random.Generator, count: int, fast: bool) -> NDArray[np.float64]:
    """Draw strictly increasing delays, (N,) seconds; fast gaps start short and grow much."""
    first_gap, growth = (8.0, 1.1) if fast else (60.0, 0.5)
    own_pace = rng.lognormal(0.0, 0.5)
    steps = np.arange(1, count, dtype=np.float64)
    gaps = own_pace * first_gap * steps**growth * rng.lognormal(0.0, 0.8, size=count - 1)
    # To the millisecond, and never two posts at once.
    return np.concatenate(([0.0], np.maximum(np.round(gaps, 3), 0.001).cumsum()))


def _parents(
    rng: np.random.Generator, topic: Ints, deep: bool, affinity: float
) -> NDArray[np.int32]:
    """Attach every post to an earlier one; (N,) int32.

    The weight of ``u`` for ``v`` is ``(1 + replies(u)) ** 0.7 * exp(affinity * same topic) / (v -
    u) ** 0.6``, the source's times ``exp(bonus)``. Recency is in positions: timing must not show.
    """
    count = len(topic)
    bonus = 2.0 if deep else 4.6
    parent = np.full(count, -1, np.int32)
    popularity = np.zeros(count)
    popularity[0] = bonus
    replies = np.zeros(count, np.int64)
    recency = -0.6 * np.log(np.arange(count, 0, -1))
    for post in range(1, count):
        score = popularity[:post] + recency[count - post :]
        score += affinity * (topic[:post] == topic[post])
        # The largest of score plus Gumbel noise is a draw from their softmax.
        chosen = int((score + rng.gumbel(size=post)).argmax())
        parent[post] = chosen
        replies[chosen] += 1
        popularity[chosen] = 0.7 * np.log1p(replies[chosen]) + (bonus if chosen == 0 else 0.0)
    return parent


def _texts(
    rng: np.random.Generator, topic: Ints, first_set: bool, common: NDArray[np.str_],
    event_words: NDArray[np.str_],
) -> list[str]:
    """Write a text for each of N posts from common, style, topic and event words."""
    lengths = rng.integers(_SHORTEST_TEXT, _LONGEST_TEXT + 1, size=len(topic))
    total = int(lengths.sum())
    source = rng.choice(len(_SHARES), size=total, p=_SHARES)
    # A style word is of the shown set in two of three cases only.
    other_set = (rng.random(total) < 1 / 3) == first_set
    choices = (
        (rng.random(total) ** 2 * _COMMON_WORDS).astype(np.int64),  # some words are frequent
        _STYLE_START + rng.integers(_STYLE_WORDS, size=total) + _STYLE_WORDS * other_set,
        _TOPIC_START + np.repeat(topic, lengths) * _TOPIC_WORDS
        + rng.integers(_TOPIC_WORDS, size=total),
        _EVENT_START + rng.integers(_EVENT_WORDS, size=total),
    )
    words = np.concatenate([common, event_words])[np.choose(source, choices)].tolist()
    ends = lengths.cumsum().tolist()
    return [
        " ".join(words[end - length : end])
        for end, length in zip(ends, lengths.tolist(), strict=True)
    ]


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``synthetic``."""
    return [
        ReaderSpec(
            name="synthetic",
            summary="generated cascades whose structure, timing and words each show a part",
            options=SyntheticOptions, build=SyntheticReader, needs_source=False,
        )
    ]
