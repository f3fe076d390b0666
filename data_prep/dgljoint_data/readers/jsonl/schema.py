"""The content of a line of our JSON Lines format; ``cascade.schema.json`` is made from this."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgljoint.data.cascade import Cascade, Kind, Target
from dgljoint_data.readers.common import values
from dgljoint_data.readers.common.posts import Arranged, arrange

FEATURE = "extra"

_LATEST_SECONDS = 1e10  # three centuries; single precision holds it
_TYPES = frozenset(("str", "int", "float", "constrained-int", "constrained-float"))
_BIGGEST = float(np.finfo(np.float32).max)
_ALIKE = 0.8  # of 1: "usr", "users" and "parents" are, "likes" and "kind" are not
# Keys of ids and dates, which are no features.
NEVER = re.compile(r"(?:^|_)(?:ids?|uid|mid|date|time|timestamp|ts|at)$|(?<=[a-z])(?:Id|At)$")


class _Strict(BaseModel):
    """Nothing unknown, nothing converted: a misspelt key must not pass for a missing one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_Targets = dict[
    Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")], Annotated[str, Field(min_length=1)]
]


_A_DATE = "as Unix time or as text, such as 2014-08-13T01:23:45Z"


class JsonPost(_Strict):
    """A post of a cascade; further keys hold numbers, which become a feature."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"additionalProperties": {
            "type": ["number", "boolean", "null"]
        }},
    )

    id: str = Field(min_length=1, description="unique within the cascade together with user")
    parent: str | Annotated[int, Field(ge=0)] | None = Field(
        description="id of the post it answers, or its place in posts, from 0, which is needed "
        "where posts share an id; null for the source alone"
    )
    delay_seconds: Annotated[float, Field(ge=0, le=_LATEST_SECONDS)] | None = Field(
        None, description="since the source; 0 for the source itself; may be left out where "
        "posted_at is there"
    )
    posted_at: float | str | None = Field(
        None, description=f"its date, {_A_DATE}; not needed where delay_seconds is there"
    )
    user: Annotated[int, Field(ge=0, lt=2**63)] | str = Field(
        0, description="a number or a name for its author; 0 or empty when unknown"
    )
    kind: Literal["source", "reply", "retweet", "quote"] | None = Field(
        None, description="source for the source alone; reply by default"
    )
    text: str = Field("", description="empty where a post has none of its own")
    targets: _Targets = Field(
        {}, description="classes of other tasks, by their names, as of stance; never features"
    )


class JsonCascade(_Strict):
    """A cascade: one line of the file. Posts may be in any order; that of time is kept."""

    id: str = Field(min_length=1, description="unique within the data set")
    event: str = Field(
        "", description="cascades about one happening share it; alone when it is empty"
    )
    label: str | None = Field(None, min_length=1, description="its class; null when unknown")
    posted_at: float | str | None = Field(
        0, description=f"the source's date, {_A_DATE}; 0 or null when unknown"
    )
    targets: _Targets = Field(
        {}, description="classes of other tasks that the cascade has as a whole; never features"
    )
    posts: list[JsonPost] = Field(min_length=1, description="the source and all that followed")


_KNOWN = tuple(JsonPost.model_fields)


class BadLineError(ValueError):
    """A line is refused: the reason, the same for every line of this kind, and the place in it."""

    posts = 0  # of the line

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(reason, where)  # both, so that it can be pickled
        self.reason = reason
        self.where = where


def parse_line(line: bytes) -> tuple[JsonCascade, int]:
    """Parse a line; also return how many damaged characters of it became U+FFFD."""
    try:
        return JsonCascade.model_validate_json(line), 0
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        whole, mended = values.mend_characters(line)
        if mended:
            return parse_line(whole)[0], mended
        raise BadLineError("not JSON", problems[0]["msg"].removeprefix("Invalid JSON: "))
    # A value that may be of several types gets a message for each.
    messages: dict[str, list[str]] = {}
    for problem in problems:
        messages.setdefault(_place(problem["loc"]), []).append(problem["msg"])
    place, reasons = next(iter(messages.items()))
    others = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    raise BadLineError("line of another form", f"{place}: {', or: '.join(reasons)}{others}")


def _place(location: Sequence[int | str]) -> str:
    """Return the path to a value, without the type that it was tried for."""
    path = list(location)
    if len(path) > 1 and path[-1] in _TYPES:
        path.pop()
    return ".".join(map(str, path))


def count_posts(line: bytes) -> int:
    """Count the posts of a line that may be of another form; 0 where that is unknown."""
    try:
        value, _ = values.parse_json(line)
    except values.BadJsonError:
        return 0
    posts = value.get("posts") if isinstance(value, dict) else None
    return len(posts) if isinstance(posts, list) else 0


def make_cascade(line: bytes, labels: Sequence[str], columns: Sequence[str]) -> tuple[Cascade, int]:
    """Make a cascade of a line, and count its mended characters. Raise BadLineError if bad."""
    made, mended = parse_line(line)
    if labels and made.label not in (None, *labels):
        known = ", ".join(labels)
        raise BadLineError("unknown label", f"label: {made.label!r}; known: {known}")
    _check_extra(made.posts)
    start = _source_seconds(made)
    arranged = arrange_posts(made.posts, start)
    posts = [made.posts[place] for place in arranged.post]
    kinds = [post.kind or ("source" if post.parent is None else "reply") for post in posts]
    extra = [[(post.model_extra or {}).get(key) or 0 for key in columns] for post in posts]
    return Cascade(
        id=made.id, event=made.event, label=made.label, posted_at=int(start),
        post_id=[post.id for post in posts], parent=arranged.parent,
        user=np.array([values.user_number(post.user) for post in posts], np.int64),
        delay_seconds=arranged.seconds,
        kind=np.array([Kind[kind.upper()] for kind in kinds], np.uint8),
        text=[post.text for post in posts],
        features={FEATURE: np.array(extra, np.float32)} if columns else {},
        targets=_targets(made, posts),
    ), mended


def _source_seconds(made: JsonCascade) -> float:
    """Return the Unix time of the source, the cascade's or its own; 0 when neither is known."""
    # An export writes 0 for no date.
    if made.posted_at not in (None, "", 0):
        return _date(made.posted_at, "posted_at")
    for place, post in enumerate(made.posts):
        if post.parent is None and post.posted_at is not None:
            return _date(post.posted_at, f"posts.{place}.posted_at")
    return 0.0


def _date(value: object, where: str) -> float:
    try:
        return values.unix_seconds(value)
    except values.BadDateError as error:
        raise BadLineError("no date", f"{where}: {error}") from error


def _delays(posts: Sequence[JsonPost], start: float) -> list[float]:
    """Return the delay of each post: as it is given, or from its date and the source's."""
    delays = []
    for place, post in enumerate(posts):
        if post.delay_seconds is not None:
            delays.append(post.delay_seconds)
        elif post.parent is None:
            delays.append(0.0)
        elif post.posted_at is None or not start:
            lacks = "neither delay_seconds nor posted_at" if post.posted_at is None else (
                "no delay_seconds, and its source has no date"
            )
            raise BadLineError("post without a time", f"posts.{place}: {lacks}")
        else:
            where = f"posts.{place}.posted_at"
            delay = _date(post.posted_at, where) - start
            if not 0 <= delay <= _LATEST_SECONDS:
                raise BadLineError(
                    "post dated before its source, or centuries after it",
                    f"{where}: {post.posted_at!r}",
                )
            delays.append(delay)
    return delays


def arrange_posts(posts: Sequence[JsonPost], start: float = 0.0) -> Arranged:
    """Bring the posts of a line into order. Raise BadLineError if they are no tree in time."""
    keys = [(post.id, values.user_number(post.user)) for post in posts]
    number = {key: place for place, key in enumerate(keys)}
    if len(number) < len(posts):
        first = next(place for place, key in enumerate(keys) if number[key] != place)
        raise BadLineError("post that occurs twice", f"posts.{first}.id: {posts[first].id!r}")
    sources = [place for place, post in enumerate(posts) if post.parent is None]
    if len(sources) != 1:
        found = f"posts: {len(sources)} have no parent, expected one, the source"
        raise BadLineError("cascade without one source", found)
    source = sources[0]
    if posts[source].delay_seconds:
        raise BadLineError("source with a delay", f"posts.{source}.delay_seconds")
    for place, post in enumerate(posts):
        if post.kind is not None and (post.kind == "source") != (place == source):
            raise BadLineError("kind and parent disagree", f"posts.{place}.kind: {post.kind!r}")
    parent = _parents(posts)
    seconds = _delays(posts, start)
    if parent[0] < 0 and _in_order(parent, seconds):
        places = list(range(len(posts)))
        return Arranged(places, np.array(parent, np.int32), np.array(seconds, np.float64), [])
    arranged = arrange(parent, seconds, source)
    if len(arranged.post) < len(posts):
        lost = min(set(range(len(posts))) - set(arranged.post))
        raise BadLineError("posts that answer one another in a circle", f"posts.{lost}.parent")
    if arranged.moved:
        early = min(arranged.moved)
        key = "posted_at" if posts[early].delay_seconds is None else "delay_seconds"
        raise BadLineError("post earlier than its parent", f"posts.{early}.{key}")
    return arranged


def _targets(made: JsonCascade, posts: Sequence[JsonPost]) -> dict[str, Target]:
    names = sorted({name for post in posts for name in post.targets})
    for name in names:
        if name in made.targets:
            raise BadLineError("target per cascade and per post", f"targets.{name}")
    per_post = {name: [post.targets.get(name) for post in posts] for name in names}
    return {**made.targets, **per_post}


def _parents(posts: Sequence[JsonPost]) -> list[int]:
    """Return the place of each post's parent; -1 for the source."""
    number = {post.id: place for place, post in enumerate(posts)}
    shared = {post.id for place, post in enumerate(posts) if number[post.id] != place}
    parents = []
    for place, post in enumerate(posts):
        above = post.parent
        if isinstance(above, int):
            found = above if above < len(posts) else None
        else:
            found = -1 if above is None else number.get(above)
        if found is None:
            raise BadLineError("unknown parent", f"posts.{place}.parent: {above!r}")
        if above in shared:
            raise BadLineError("parent that several posts could be", f"posts.{place}.parent: "
                               f"{above!r}; name its place in posts, from 0")
        parents.append(found)
    return parents


def _in_order(parent: Sequence[int], seconds: Sequence[float]) -> bool:
    parents_first = all(above < place for place, above in enumerate(parent))
    return parents_first and all(earlier <= later for earlier, later in pairwise(seconds))


def _check_extra(posts: Sequence[JsonPost]) -> None:
    """Refuse further keys of posts that have no number, or seem to be misspelt."""
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
