"""Planted worlds: cascades whose class and links depend on one another in a known way.

Each post belongs to one of :data:`CAMPS` camps, drawn with equal chances, which its words show.
The first three quarters of a cascade's posts are *early*, the others *late*, after a quiet day.
With base weights ``w`` over the earlier posts ``u``, which sum to 1, and the camps' weights ``W``,
a post ``v`` attaches by ::

    p(u | v, class) = w(u) (1 - a + a T(camp(v), camp(u)) / (W(camp(u)) / CAMPS))

``a`` in [0, 1] is the class's *affinity*, and ``T`` the joint distribution of two camps with the
marginals 1 / CAMPS and ``W`` that agree as often as possible. Summed over the camp of ``v`` this is
``w(u)``, so that a tree without its camps has the same distribution whatever ``a``, and so have the
camps without the tree: neither shows the class. Only both together do.

``w`` is preferential attachment with a preference for recent posts and the source. Where the class
decides late links, late ``w`` is a mixture of "the last posts" and "the source" instead, and the
class decides their shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Best

CLASSES = ("false", "true")
OBSERVED_SHARE = 0.75
"""Share of the posts that are early; the best scores hold for a cut at this place."""
CAMPS = 4

# Chance that a word of the class's two sets is of its own: a single post says little.
_OWN_WORD = 0.7
_POPULARITY, _RECENCY, _SOURCE_BONUS = 0.7, 0.6, 1.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Late:
    """The late base weights: "the last posts" fall by a power, "the source" gets a share."""

    power: float
    source: float


@dataclass(frozen=True, slots=True)
class World:
    """What depends on the class: camps' affinity, late links, words, the month of the event."""

    camps: bool = False
    late: Late | None = None
    words: float = 0.0  # how clear they are; 1: as _OWN_WORD says
    month: bool = False


WORLDS: Mapping[str, World] = {
    "who-tells": World(camps=True),
    "class-tells-links": World(late=Late(power=2.5, source=0.85), words=1.0),
    # Less steep, so that late posts have a choice of camps; words that links add to.
    "both": World(camps=True, late=Late(power=1.2, source=0.6), words=0.4),
    "apart": World(words=1.0),
    "date": World(month=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The probabilities of a world by class. Shapes: (2,) each."""

    affinity: Floats  # of posts to their own camp
    # of late base weights, and the share of "the last posts" in them; None: as early ones
    late: Late | None
    recent: Floats
    own_word: float  # chance that a word of the two sets is of the class's own
    own_month: float  # chance that an event is in a month of its class


def rules_of(name: str, strength: float) -> Rules:
    """Return the rules of a world: at strength 0 what couples the tasks is gone.

    Averaged over the classes, affinity and shares are the same at every strength. The words of
    ``apart``, which couple nothing, fade with the strength instead.
    """
    world = WORLDS[name]
    sides = np.array((1.0, -1.0))
    words = world.words * (1.0 if world.camps or world.late else strength)
    return Rules(
        affinity=(1 + sides * strength * world.camps) / 2,
        late=world.late,
        recent=(1 + sides * strength) / 2,
        own_word=0.5 + (_OWN_WORD - 0.5) * words,
        own_month=(1 + strength * world.month) / 2,
    )


def early_posts(count: int) -> int:
    """Return how many of the posts are early."""
    return math.ceil(count * OBSERVED_SHARE - 1e-9)


class Attachment:
    """The growing tree of one cascade: where the next post may attach, by class.

    Args:
        camp: (N,) below CAMPS.
        rules: of the world.
    """

    def __init__(self, camp: Ints, rules: Rules) -> None:
        self._camp = camp
        self._rules = rules
        self._early = early_posts(len(camp))
        self._replies = np.zeros(len(camp))

    def probabilities(self, post: int) -> Floats:
        """Return (2, post): by class, the probability of each earlier post to be the parent."""
        weight = self._base(post)
        camps, own = self._camp[:post], self._camp[post]
        masses = weight @ np.eye(CAMPS)[camps]
        factor = 1 + self._rules.affinity[:, np.newaxis] * (_leaning(masses, own) - 1)
        return weight * factor[:, camps]

    def attach(self, parent: int) -> None:
        """Count a reply."""
        self._replies[parent] += 1

    def _base(self, post: int) -> Floats:
        """Return (2, post): by class, the base weights of all earlier posts; rows sum to 1."""
        back = np.arange(post, 0, -1, dtype=np.float64)
        shape = (1 + self._replies[:post]) ** _POPULARITY * back**-_RECENCY
        shape[0] *= math.exp(_SOURCE_BONUS)
        shape /= shape.sum()
        late = self._rules.late
        if post < self._early or late is None:
            return np.stack((shape, shape))
        last = back**-late.power
        to_source = (1 - late.source) * shape
        to_source[0] += late.source
        recent = self._rules.recent[:, np.newaxis]
        found: Floats = recent * (last / last.sum()) + (1 - recent) * to_source
        return found


def _leaning(masses: Floats, own: int) -> Floats:
    """Return (2, CAMPS): the factor by which a post of camp ``own`` prefers each camp, affinity 1.

    ``masses`` (2, CAMPS) are the camps' base weights, which sum to 1 in each row.
    """
    fair = 1 / CAMPS
    diagonal = np.minimum(masses, fair)
    lacking = fair - diagonal[:, own]  # what the own camp cannot take
    spare = masses - diagonal
    left = spare.sum(axis=1)
    share = np.divide(lacking, left, out=np.zeros_like(left), where=left > 0)
    joint = spare * share[:, np.newaxis]
    joint[:, own] += diagonal[:, own]
    found: Floats = np.divide(joint, masses * fair, out=np.ones_like(masses), where=masses > 0)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """A tree, (N,) parents, with the best predictions with and without coupling."""

    parent: NDArray[np.int32]
    coupled: Best
    uncoupled: Best


def grow(
    rng: np.random.Generator, camp: Ints, label: int, rules: Rules, words: Floats
) -> Grown:
    """Draw the parents of N posts of class ``label``, and what the best scorers predict.

    With coupling, the class is inferred from the words so far and from the observed links, and the
    parent is ranked by its probability given that. Without, the class is inferred from words alone,
    and parents are ranked with both classes equally likely. Both are exact: nothing else depends
    on the class.

    Args:
        rng: draws the parents.
        camp: (N,) camps of the posts.
        label: the class.
        rules: of the world.
        words: (N, 2) log probability of each post's words by class.
    """
    count = len(camp)
    observed = early_posts(count)
    tree = Attachment(camp, rules)
    parent = np.full(count, -1, np.int32)
    above = np.full((2, count), -1, np.int32)
    source = np.zeros((2, count), np.int8)
    by_words = words.cumsum(axis=0)
    links = np.zeros(2)
    for post in range(1, count):
        by_class = tree.probabilities(post)
        chosen = int(rng.choice(post, p=by_class[label] / by_class[label].sum()))
        if post < observed:
            links += np.log(np.maximum(by_class[:, chosen], 1e-300))
        else:
            # The links of late posts are hidden, their words are not.
            for row, belief in enumerate((_posterior(by_words[post] + links), np.full(2, 0.5))):
                chance = belief @ by_class
                above[row, post] = (chance > chance[chosen]).sum()
                source[row, post] = np.sign(chance[0] - chance[chosen])
        parent[post] = chosen
        tree.attach(chosen)
    seen = by_words[observed - 1]
    return Grown(
        parent, Best(_posterior(seen + links), above[0], source[0]),
        Best(_posterior(seen), above[1], source[1]),
    )


def _posterior(log_likelihood: Floats) -> Floats:
    raised = np.exp(log_likelihood - log_likelihood.max())
    found: Floats = raised / raised.sum()
    return found
