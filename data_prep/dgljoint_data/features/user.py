"""What a reader knows of the author of a post at the time of the post, as plain numbers.

Columns are float32: ``followers``, ``friends``, ``statuses`` and ``account_age`` (whole days,
relative to the post) as log(1 + x), ``verified``, and ``known`` (0: all others are 0 too). No
column holds a name, an id or a date.
"""

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
    """An author as given with a post; 0 if unknown. ``friends`` are followed by the author."""

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
