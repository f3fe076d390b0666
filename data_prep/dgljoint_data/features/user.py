"""What a reader knows of the author of a post at the time of the post, as plain numbers.

Columns of the feature ``user``, float32: ``followers``, ``friends`` and ``statuses`` (how many the
author had), ``verified`` (0 or 1), ``account_age`` (whole days since the account was made) and
``known`` (0 where nothing is known of the author: then all others are 0 too). Counts and days are
stored as log(1 + x); training brings them to one scale, by the training part. No column holds a
name, an id or a date: the age is relative to the post.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgljoint_data.features import FeatureSpec

COLUMNS = ("followers", "friends", "statuses", "verified", "account_age", "known")
ACCOUNT_AGE = COLUMNS.index("account_age")
_SECONDS_A_DAY = 86_400
_LOGARITHMIC = slice(0, 3)


@dataclass(frozen=True, slots=True)
class Profile:
    """An author as the raw data describe them with a post; 0 for what is not known.

    ``friends`` are the accounts that the author follows, ``statuses`` the author's posts, and
    ``age_seconds`` is that of the account when the post was written.
    """

    followers: int = 0
    friends: int = 0
    statuses: int = 0
    verified: bool = False
    age_seconds: int = 0


def profile_rows(profiles: Sequence[Profile | None]) -> NDArray[np.float32]:
    """Return the (N, 6) rows of N authors, of which some are not known."""
    rows = np.array(
        [
            (0, 0, 0, 0, 0, 0) if profile is None else (
                profile.followers, profile.friends, profile.statuses, profile.verified,
                profile.age_seconds // _SECONDS_A_DAY, 1,
            )
            for profile in profiles
        ],
        np.float64,
    ).reshape(len(profiles), len(COLUMNS))
    for columns in (_LOGARITHMIC, ACCOUNT_AGE):
        rows[:, columns] = np.log1p(rows[:, columns])
    return rows.astype(np.float32)


SPEC = FeatureSpec(
    name="user",
    summary="followers, friends, posts, verified, age of the account (from readers that know them)",
)
