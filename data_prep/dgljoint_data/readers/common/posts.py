"""From the posts of one thread to a cascade, every post accounted for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, Kind, Target
from dgljoint.data.reading import ReadReport
from dgljoint_data.features import user as user_feature
from dgljoint_data.features.user import Profile
from dgljoint_data.readers.common.values import ODD_DATE, BadDateError, is_odd, unix_seconds

NO_PARENT = "post whose parent is not in the thread"
UNREACHABLE = "post below one that is left out"
MOVED = "post dated before its parent (given its parent's time)"
UNDATED = "post without a date (given its parent's time)"
TRUNCATED = "truncated text whose whole is not there"
NO_TEXT = "post without a text"
NO_USER = "post without a user (0 is stored)"

_COUNTS = ("followers_count", "friends_count", "statuses_count")
_MOST = 10**12


@dataclass(frozen=True, slots=True)
class Post:
    """What a cascade needs of a post, whatever the site; ``user`` is 0 when unknown.

    ``parent`` is the id of the post that it replies to or repeats, ``seconds`` its Unix time, and
    ``conversation`` the id of the post that began the thread; ``None`` when unknown.
    """

    id: str
    parent: str | None
    user: int
    seconds: float | None
    kind: Kind
    text: str
    profile: Profile | None = None
    truncated: bool = False
    conversation: str | None = None


def parse_profile(
    user: Mapping[str, object], seconds: float, created_at: str = "created_at"
) -> Profile | None:
    """Take what is known of the author of a post of that Unix time; a bad number counts as 0."""
    values = [user.get(name) for name in _COUNTS]
    made = user.get(created_at)
    if made is None and not any(value is not None for value in values):
        return None
    try:
        opened = unix_seconds(made)
    except BadDateError:
        opened = 0
    age = 0 if is_odd(opened) else int(max(0, seconds - opened))
    # True is an int to Python.
    followers, friends, statuses = (
        value if type(value) is int and 0 <= value <= _MOST else 0 for value in values
    )
    return Profile(followers, friends, statuses, user.get("verified") is True, age)


def report_lacks(post: Post, where: str, report: ReadReport) -> None:
    """Report what a post of a tweet file lacks."""
    report.repair(TRUNCATED, where, int(post.truncated))
    report.repair(ODD_DATE, where, int(post.seconds is not None and is_odd(post.seconds)))
    report.repair(NO_TEXT, where, int(not post.text))
    report.repair(NO_USER, where, int(not post.user))
    report.count("posts_without_profile", int(post.profile is None))


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """M posts that can be reached from the source, in time order, parents first.

    ``post`` has their numbers in the input, ``parent`` (M,) the places of parents in ``post`` (-1
    for the source), ``seconds`` (M,) the times; posts in ``moved`` were earlier and have their
    parent's.
    """

    post: list[int]
    parent: NDArray[np.int32]
    seconds: NDArray[np.float64]
    moved: list[int]


def arrange(parent: Sequence[int], seconds: Sequence[float], source: int) -> Arranged:
    """Order N posts of a thread by time, given the number of each one's parent (-1 for none).

    A post dated before its parent gets its parent's time: who answers whom is known, a clock was
    wrong.
    """
    children: list[list[int]] = [[] for _ in parent]
    for child, above in enumerate(parent):
        if above >= 0 and child != source:
            children[above].append(child)
    time = list(seconds)
    moved = []
    reached = [source]
    for above in reached:  # grows: breadth first
        for child in children[above]:
            if time[child] < time[above]:
                moved.append(child)
                time[child] = time[above]
            reached.append(child)
    # The sort is stable and parents are first already: of equal times they stay first.
    reached.sort(key=time.__getitem__)
    place = {post: number for number, post in enumerate(reached)}
    return Arranged(
        post=reached,
        parent=np.array([-1] + [place[parent[post]] for post in reached[1:]], np.int32),
        seconds=np.array([time[post] for post in reached], np.float64), moved=moved,
    )


def make_cascade(
    thread: str, posts: Mapping[str, Post], source: str, label: str | None, report: ReadReport, *,
    where: Callable[[Post], str], event: str = "", second_source: str = NO_PARENT,
    above: Callable[[Post], str | None] = lambda post: post.parent, profiles: bool = True,
    targets: Callable[[Sequence[Post]], dict[str, Target]] = lambda posts: {},
) -> Cascade:
    """Bring the posts of a thread into order; what is dropped or changed is reported.

    ``where`` names a post's place, ``above`` its parent's id. One that names none is a
    ``second_source``.
    """
    given = list(posts.values())
    number = {post: place for place, post in enumerate(posts)}
    parent = [number.get(above(post) or "", -1) for post in given]
    # A post without a date is before any other, so that it gets its parent's time.
    seconds = [-inf if post.seconds is None else post.seconds for post in given]
    arranged = arrange(parent, seconds, number[source])
    for lost in sorted(set(range(len(given))).difference(arranged.post)):
        orphan = parent[lost] < 0
        report.count(f"posts_dropped_{'without_parent' if orphan else 'below_dropped'}")
        no_parent = NO_PARENT if given[lost].parent else second_source
        report.repair(no_parent if orphan else UNREACHABLE, where(given[lost]))
    for moved in arranged.moved:
        report.repair(UNDATED if given[moved].seconds is None else MOVED, where(given[moved]))
    stored = [given[place] for place in arranged.post]
    return Cascade(
        id=thread, event=event, label=label, posted_at=int(stored[0].seconds or 0),
        post_id=[post.id for post in stored], parent=arranged.parent,
        user=np.array([post.user for post in stored], np.int64),
        delay_seconds=arranged.seconds - arranged.seconds[0],
        kind=np.array([Kind.SOURCE] + [post.kind for post in stored[1:]], np.uint8),
        text=[post.text for post in stored],
        features={user_feature.SPEC.name: user_feature.profile_rows(
            [post.profile for post in stored]
        )} if profiles else {},
        targets=targets(stored),
    )
