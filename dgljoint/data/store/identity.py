"""Whether cascades of two files are one and the same thread.

What a platform numbers, 15 digits or more, names one thread everywhere. Of a shorter id, such as
``c1``, cascades are the same unless both are dated and the dates differ, or both have a source text
and its words differ, upper case, punctuation, links and mentions aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store.reader import CascadeStore

_PLATFORM_ID = re.compile(r"[0-9]{15,}")
_LINK_OR_MENTION = re.compile(r"https?://\S+|@\w+")
_WORD = re.compile(r"\w+")
_LINK = "url"  # what some releases put in place of a link
_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Identity:
    """The source's Unix seconds, 0 when unknown, and a digest of its words, empty for none."""

    posted_at: int
    source: str

    @classmethod
    def of(cls, posted_at: int, text: str) -> Identity:
        """Make it from the date and the text of the source."""
        words = _WORD.findall(_LINK_OR_MENTION.sub(" ", text.casefold()))
        plain = " ".join(word for word in words if word != _LINK)
        data = plain.encode(errors="replace")
        return cls(posted_at, blake2b(data, digest_size=_DIGEST_BYTES).hexdigest() if data else "")


def identities(
    store: CascadeStore, indices: NDArray[np.integer] | None = None
) -> Iterator[tuple[str, Identity]]:
    """Yield id and identity of some cascades, of all by default."""
    chosen = range(len(store)) if indices is None else indices.tolist()
    for index in chosen:
        source = int(store.post_ptr[index])
        yield store.ids[index], Identity.of(int(store.posted_at[index]), store.text[source])


def is_platform_id(name: str) -> bool:
    """Return whether an id is a platform's number, which names one thing wherever it is found."""
    return _PLATFORM_ID.fullmatch(name) is not None


def same_thread(name: str, one: Identity, other: Identity) -> bool:
    """Return whether two cascades of the id ``name`` are the same thread."""
    if is_platform_id(name):
        return True
    if one.posted_at and other.posted_at and one.posted_at != other.posted_at:
        return False
    return not (one.source and other.source) or one.source == other.source


def shared_threads(
    store: CascadeStore, other: CascadeStore, indices: NDArray[np.integer] | None = None
) -> NDArray[np.bool_]:
    """Mark the C cascades of ``other`` that are one of ``store``, or of its ``indices``; (C,)."""
    known = dict(identities(store, indices))
    found = (name in known and same_thread(name, own, known[name])
             for name, own in identities(other))
    return np.fromiter(found, bool, len(other))
