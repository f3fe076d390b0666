"""Further numbers of the posts of JSON Lines: one dense feature of a column for each key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.readers.jsonl.schema import BadLineError, JsonPost

FEATURE = "extra"

_KNOWN = tuple(JsonPost.model_fields)
_BIGGEST = float(np.finfo(np.float32).max)
_ALIKE = 0.8  # of 1: "usr", "users" and "parents" are, "likes" and "kind" are not
# An id or a date in a model's reach would be learned by heart.
_NEVER = re.compile(r"(?:^|_)(?:ids?|uid|mid|date|time|timestamp|ts|at)$|(?<=[a-z])(?:Id|At)$")


def is_feature(key: str) -> bool:
    """Say whether a key may name a feature: not an id or a date, which never is one."""
    return not _NEVER.search(key)


def check_extra(posts: Sequence[JsonPost]) -> None:
    """Check the keys of posts that the format does not have.

    Raises:
        BadLineError: one holds no number, or seems to be a misspelt key of the format.
    """
    for place, post in enumerate(posts):
        for key, value in (post.model_extra or {}).items():
            where = f"posts.{place}.{key}"
            if close := get_close_matches(key, _KNOWN, n=1, cutoff=_ALIKE):
                raise BadLineError("unknown key", f"{where}: did you mean {close[0]!r}?")
            if not isinstance(value, int | float | None):
                found = type(value).__name__
                raise BadLineError(
                    "unknown key", f"{where}: {found}; only numbers may be added, for the feature "
                    f"{FEATURE!r}"
                )
            if value is not None and not abs(value) <= _BIGGEST:
                raise BadLineError("number out of range", where)


def keys_of(posts: Iterable[Any]) -> set[str]:
    """Return the keys of numbers of posts, as JSON has them, that the format does not have."""
    return {
        key for post in posts if isinstance(post, Mapping) for key, value in post.items()
        if key not in _KNOWN and isinstance(value, int | float)
    }


def extra_rows(posts: Sequence[JsonPost], columns: Sequence[str]) -> NDArray[np.float32]:
    """Return the (N, F) numbers of N posts in F columns; 0 where a post has none."""
    rows = np.zeros((len(posts), len(columns)), np.float32)
    for place, post in enumerate(posts):
        if extra := post.model_extra:
            rows[place] = [extra.get(key) or 0 for key in columns]
    return rows
