"""What stands in the JSON files of a PHEME thread: profiles, structure, annotation."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from dgljoint_data.features.user import Profile
from dgljoint_data.readers.common.dates import BadDateError, is_odd, unix_seconds
from dgljoint_data.readers.common.json_text import BadJsonError, shown

_COUNTS = ("followers_count", "friends_count", "statuses_count")
_MOST = 10**12
# The two marks of an annotation: misinformation, true.
_VERACITY = {
    (0, 1): "true", (1, 0): "false", (0, 0): "unverified",
    (0, None): "unverified", (1, None): "false",
}


def parse_profile(
    user: Mapping[str, object], seconds: float, created_at: str = "created_at"
) -> Profile | None:
    """Take what is said of an author beside the id; a number that is none counts as 0.

    Args:
        user: the object that describes the author.
        seconds: when the author wrote the post, in Unix time.
        created_at: the key of the date of the account, as text or as a Unix time.
    """
    followers, friends, statuses = (user.get(name) for name in _COUNTS)
    made = user.get(created_at)
    if followers is None and friends is None and statuses is None and made is None:
        return None
    return Profile(
        _count(followers), _count(friends), _count(statuses), user.get("verified") is True,
        _age_seconds(made, seconds),
    )


def _count(value: object) -> int:
    # True is an int to Python.
    return value if type(value) is int and 0 <= value <= _MOST else 0


def _age_seconds(made: object, seconds: float) -> int:
    try:
        opened = unix_seconds(made)
    except BadDateError:
        return 0
    return 0 if is_odd(opened) else int(max(0, seconds - opened))


@dataclass(frozen=True, slots=True)
class Structure:
    """A thread's ``structure.json``.

    Attributes:
        parent: of each id; ``None`` for a root.
        repeated: places of ids that stand somewhere else too; the shallowest place counts.
        odd: places that hold neither ids nor ``[]``.
    """

    parent: dict[str, str | None]
    repeated: int
    odd: int

    @property
    def flat(self) -> bool:
        """Whether every id is a root or directly below one."""
        return all(above is None or self.parent[above] is None for above in self.parent.values())


def parse_structure(value: object) -> Structure:
    """Unfold the nested ids: an inner node is an object, a leaf ``[]``.

    Raises:
        BadJsonError: there are no ids at all.
    """
    if not isinstance(value, dict):
        raise BadJsonError(f"no structure: {type(value).__name__}, expected an object")
    parent: dict[str, str | None] = {}
    repeated = odd = 0
    pending: deque[tuple[str | None, object]] = deque([(None, value)])
    while pending:
        above, below = pending.popleft()
        if isinstance(below, dict):
            for tweet, inner in below.items():
                if tweet in parent:
                    repeated += 1
                else:
                    parent[tweet] = above
                pending.append((tweet, inner))
        elif below != []:
            odd += 1
    return Structure(parent, repeated, odd)


def parse_veracity(annotation: dict[str, object]) -> str | None:
    """Return ``true``, ``false`` or ``unverified``; ``None`` when the annotation does not say.

    Raises:
        BadJsonError: the two marks contradict each other or are no marks.
    """
    marks = _mark(annotation, "misinformation"), _mark(annotation, "true")
    if marks[0] is None:
        return None
    if marks not in _VERACITY:
        raise BadJsonError("misinformation and true are both 1")
    return _VERACITY[marks]


def _mark(annotation: dict[str, object], name: str) -> int | None:
    value = annotation.get(name)
    if value is None:
        return None
    # Published files mix numbers and text.
    if type(value) not in (int, str) or value not in (0, 1, "0", "1"):
        raise BadJsonError(f"{name} is {shown(value)}, expected 0 or 1")
    return int(str(value))
