"""Posts in Reddit's own JSON: submissions (``t3``), comments (``t1``) and comments folded away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from dgljoint.data.cascade import Kind
from dgljoint_data.readers.common.posts import Post
from dgljoint_data.readers.common.values import BadJsonError, date_of, shown, user_number

_ID = re.compile("[0-9a-z]{1,13}")
_SUBMISSION, _COMMENT = "t3", "t1"
# Comments that a page of Reddit does not show: who they answer is known, and no more.
_FOLDED = "more"
_GONE = frozenset(("[deleted]", "[removed]"))


def is_reddit(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether the content of a JSON file is of Reddit."""
    return isinstance(value, dict) and "kind" in value and isinstance(value.get("data"), dict)


def parse_reddit(value: Mapping[str, Any]) -> Post:
    """Take the post of a JSON file. Raise BadJsonError if it has none, no id or a bad date."""
    kind, data = value["kind"], value["data"]
    if kind == "Listing":
        posts = data.get("children")
        if not isinstance(posts, list) or len(posts) != 1 or not is_reddit(posts[0]):
            raise BadJsonError("a listing of Reddit that does not hold one post")
        kind, data = posts[0]["kind"], posts[0]["data"]
    if kind not in (_SUBMISSION, _COMMENT, _FOLDED):
        raise BadJsonError(f"no post of Reddit: its kind is {shown(kind)}, expected t1 or t3")
    post = data.get("id")
    if not (isinstance(post, str) and _ID.fullmatch(post)):
        raise BadJsonError(f"a post of Reddit without an id: id is {shown(post)}")
    author = data.get("author")
    return Post(
        id=post,
        parent=_id_in(data.get("parent_id")),
        user=0 if author in _GONE else user_number(author),
        seconds=_posted(data),
        kind=Kind.REPLY,
        text=_text(kind, data),
    )


def _id_in(name: object) -> str | None:
    """Return the id in a full name as ``t1_dxkluhd``."""
    if not isinstance(name, str):
        return None
    kind, line, post = name.partition("_")
    known = kind in (_SUBMISSION, _COMMENT) and line and _ID.fullmatch(post)
    return post if known else None


def _posted(data: Mapping[str, Any]) -> int | None:
    if data.get("created_utc") is None:
        return None
    return int(date_of(data, "created_utc", "a post of Reddit without a date"))


def _text(kind: str, data: Mapping[str, Any]) -> str:
    names = ("title", "selftext") if kind == _SUBMISSION else ("body",)
    texts = [data.get(name) for name in names]
    return "\n\n".join(
        text for text in texts if isinstance(text, str) and text.strip() and text not in _GONE
    )
