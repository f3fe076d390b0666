"""The world ``mixed``: structure, timing and words each show a part of one of four classes.

Each separates two of the classes from the other two, and each is misleading in some cascades. An
event has words of its own, as in the real data: a random split rewards learning events by heart,
and the vocabulary grows with the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Best, Kind
from dgljoint_data.readers.synthetic.words import word

CLASSES = ("false", "true", "unverified", "non-rumor")

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

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Posts:
    """The N posts of one cascade, as :class:`dgljoint.data.cascade.Cascade` has them."""

    parent: NDArray[np.int32]
    delay_seconds: NDArray[np.float64]
    kind: NDArray[np.uint8]
    text: list[str]
    best: Mapping[str, Best] = field(default_factory=dict)


def write(
    rng: np.random.Generator, count: int, label: int, event: int, signal: float, affinity: float
) -> Posts:
    """Draw ``count`` posts of a class and an event; ``signal``, ``affinity``: see the options."""
    right = rng.random(3) < signal
    deep, fast, first_set = (
        side[label] == shown for side, shown in zip(_SIDES, right, strict=True)
    )
    topic = rng.integers(_TOPICS, size=count)
    kind = np.where(rng.random(count) < 0.15, Kind.QUOTE, Kind.REPLY).astype(np.uint8)
    kind[0] = Kind.SOURCE
    return Posts(
        parent=_parents(rng, topic, deep, affinity), delay_seconds=_delays(rng, count, fast),
        kind=kind, text=_texts(rng, topic, first_set, event),
    )


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


@cache
def _common_words() -> NDArray[np.str_]:
    return np.array([word(number) for number in range(_EVENT_START)])


def _texts(rng: np.random.Generator, topic: Ints, first_set: bool, event: int) -> list[str]:
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
    first = _EVENT_START + event * _EVENT_WORDS
    of_event = ["#" + word(first), *map(word, range(first + 1, first + _EVENT_WORDS))]
    words = np.concatenate([_common_words(), of_event])[np.choose(source, choices)].tolist()
    ends = lengths.cumsum().tolist()
    return [
        " ".join(words[end - length : end])
        for end, length in zip(ends, lengths.tolist(), strict=True)
    ]
