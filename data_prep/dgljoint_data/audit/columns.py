"""Class balance, times of collection, and stored features that are identity or time in disguise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint_data.audit.findings import Finding, Severity, not_asked
from dgljoint_data.features import user

_UNEVEN = 0.1  # a class's share of a fold, against its share of all
_APART = 0.8  # chance that a thread of one class is earlier than one of another
_SAME_ORDER = 0.95
_LATE_SHARE = 0.2
_FEW_USERS = 20  # who wrote several posts: fewer say nothing
_TIME, _USER = "the time of posting", "the user"
_FEW_ROWS = 20  # of which one of hundreds of columns is in any order by chance
# More posts change a rank correlation in the second decimal.
_SAMPLE = 20_000
_SUSPICIOUS = re.compile(
    r"(^|[^a-z])((user|tweet|post|status|author)?_?ids?|users?|authors?|timestamp|date|"
    r"(posted|created)_?at)($|[^a-z])"
)

Ranks = NDArray[np.float64]


def class_balance(store: CascadeStore, split: StoredSplit) -> Finding:
    """Compare each fold's shares of the classes with those of the whole."""
    check = "class balance"
    used = (split.fold >= 0) & (store.label >= 0)
    label, fold = store.label[used].astype(np.int64), split.fold[used].astype(np.int64)
    held = np.zeros((fold.max(initial=0) + 1, len(store.label_names)))
    np.add.at(held, (fold, label), 1)
    held = held[held.sum(axis=1) > 0]
    if len(held) < 2:
        return not_asked(check, "no second fold with labels" if len(held) else "no labels")
    if (held.sum(axis=0) > 0).sum() < 2:
        return not_asked(check, "one class alone")
    overall = held.sum(axis=0) / held.sum()
    missing = int((held == 0)[:, overall > 0].sum())
    worst = float(abs(held / held.sum(axis=1, keepdims=True) - overall).max())
    explanation = "largest difference between a class's share of a fold and of all"
    if missing:
        explanation += f"; {missing} times a fold lacks a class: its macro F1 is of fewer classes"
    severity = Severity.warning if missing or worst > _UNEVEN else Severity.ok
    values = {"largest_difference": worst, "missing": missing}
    return Finding(check, severity, f"{worst:.3f}", explanation, values)


def time_order(store: CascadeStore) -> Finding:
    """Say whether the classes were collected at different times."""
    check = "time order"
    used = np.flatnonzero(store.label >= 0)
    label, posted_at = store.label[used], store.posted_at[used]
    present = np.unique(label).tolist()
    if len(np.unique(posted_at)) < 2 or len(present) < 2:
        return not_asked(check, "no two classes" if len(present) < 2 else "no dates")
    earlier, one, other = max(
        (max(chance, 1 - chance), a, b)
        for a, b in combinations(present, 2)
        for chance in [_chance_later(posted_at[label == a], posted_at[label == b])]
    )
    late = np.argsort(posted_at, kind="stable")[-max(1, round(_LATE_SHARE * len(used))) :]
    missing = len(present) - len(np.unique(label[late]))
    names = store.label_names
    explanation = (
        f"'{names[one]}' and '{names[other]}' can be told apart by date alone this often; "
        f"{missing} of {len(present)} classes are missing from the latest fifth"
    )
    return Finding(
        check,
        Severity.warning if missing or earlier >= _APART else Severity.ok,
        f"{earlier:.3f}",
        explanation,
        {"chance": earlier, "classes_missing_late": missing},
    )


def stored_features(store: CascadeStore) -> list[Finding]:
    """Look for identity or absolute time among the stored features."""
    return [_suspicious_names(store), _disguised_columns(store)]


def _suspicious_names(store: CascadeStore) -> Finding:
    check = "feature names"
    if set(store.features.values()) <= {"derived"}:
        return not_asked(check, "no feature is stored")
    found = [
        name for name in store.features
        if _SUSPICIOUS.search(name.lower()) and not _is_profile(store, name)
    ]
    known = set(store.ids.all())
    for feature, kind in store.features.items():
        if kind == "sparse":
            words = store.sparse(feature).vocabulary
            named = words.all() if words is not None else ()
            found += [f"{feature}: {word}" for word in named if word in known]
    return Finding(
        check,
        Severity.warning if found else Severity.ok,
        f"{len(found)}",
        "named like an identity or a time: " + ", ".join(found[:5]) if found
        else "no stored feature or word is named like an id, a user or a time",
        {"found": len(found)},
    )


def _is_profile(store: CascadeStore, name: str) -> bool:
    """Say whether a feature is what a reader knows of authors, which is documented."""
    if name != user.SPEC.name or store.features[name] != "dense":
        return False
    return store.dense(name).columns == len(user.COLUMNS)


def _disguised_columns(store: CascadeStore) -> Finding:
    """Compare each dense column, and each sparse row, with times and users."""
    check = "feature values"
    known = _known_identities(store)
    if not known:
        return not_asked(check, "neither dates nor users are known")
    every = _sample(np.arange(store.posts))
    enough = _writing_several(store.user[every])[1] >= _FEW_USERS
    dense = list(_dense_columns(store, every))
    sparse = list(_sparse_rows(store, every)) if enough else []
    if not (dense or sparse):
        return not_asked(check, "no feature is stored that could be compared with what is known")
    errors: list[str] = []
    warnings: list[str] = []
    largest = 0.0
    for feature, posts, columns in dense:
        against = {name: ranks(values[posts]) for name, values in known.items()}
        for number, column in enumerate(columns):
            age = _is_profile(store, feature) and number == user.ACCOUNT_AGE
            for name, rank in against.items():
                likeness = abs(_correlation(ranks(column), rank))
                largest = max(largest, likeness)
                if likeness > _SAME_ORDER:
                    expected = age and name == _USER
                    (warnings if expected else errors).append(
                        f"{feature}[{number}] orders posts like {name}"
                        + (", whose ids rise with the date of the account" if expected else "")
                    )
            if not age and _names_users(column, store.user[posts]):
                errors.append(f"{feature}[{number}] is another name of the user")
    for feature, rows, row in sparse:
        if _names_users(row, store.user[every][rows]):
            errors.append(f"the rows of {feature} are other names of the user")
    found = errors + warnings
    return Finding(
        check,
        Severity.error if errors else Severity.warning if warnings else Severity.ok,
        f"{largest:.3f}",
        "; ".join(found[:5]) if found else _harmless(known if dense else (), store.user[every]),
        {"largest_correlation": largest, "found": len(found)},
    )


def _harmless(compared: Collection[str], author: NDArray[np.int64]) -> str:
    """Say what was asked in vain: of which orders of posts, and whether of names of users."""
    return (
        (f"largest rank correlation of a dense column with {' or '.join(compared)}; " if compared
         else "no dense column; ")
        + ("nothing stored stands for a user" if _writing_several(author)[1] >= _FEW_USERS
           else f"not asked whether one stands for a user: fewer than {_FEW_USERS} are known who "
           "wrote several posts")
    )


def _writing_several(author: NDArray[np.int64]) -> tuple[NDArray[np.bool_], int]:
    """Return which posts are of known users who wrote several, and how many users these are."""
    _, who, posts = np.unique(author, return_inverse=True, return_counts=True)
    several = (posts[who] > 1) & (author != 0)
    return several, len(np.unique(who[several]))


def _known_identities(store: CascadeStore) -> dict[str, NDArray[np.int64]]:
    """Return what no column may follow, (P,) by name; what nothing is known of is left out."""
    posted_at = np.repeat(store.posted_at, np.diff(store.post_ptr))
    both = {_TIME: posted_at, _USER: store.user}
    return {name: values for name, values in both.items() if len(np.unique(values)) > 1}


def _sample(posts: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(posts) <= _SAMPLE:
        return posts
    return np.sort(np.random.default_rng(0).choice(posts, _SAMPLE, replace=False))


def _dense_columns(
    store: CascadeStore, every: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[Any]]]:
    """Yield each dense feature's name, some posts that have a row of it, and its columns there."""
    for feature, kind in store.features.items():
        if kind == "dense":
            dense = store.dense(feature)
            posts = every if dense.posts is None else _sample(dense.posts)
            if dense.posts is None or len(posts) >= _FEW_ROWS:
                yield feature, posts, dense.of(posts)[1].T


def _sparse_rows(
    store: CascadeStore, posts: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield which posts have a row that is not empty, and a number for each that tells it."""
    for feature, kind in store.features.items():
        if kind == "sparse":
            stored = store.sparse(feature)
            start = stored.indptr[posts]
            sizes = stored.indptr[posts + 1] - start
            row = np.repeat(np.arange(len(posts)), sizes)
            place = np.arange(len(row)) + np.repeat(start - (np.cumsum(sizes) - sizes), sizes)
            # Sums of sines of the columns: equal for two rows that differ by no accident.
            told = np.sin(stored.indices[place] + 1.0) * stored.values[place]
            rows = np.flatnonzero(sizes)
            summed = np.bincount(row, told, len(posts)).astype(np.float64, copy=False)
            yield feature, rows, summed[rows]


def _names_users(values: NDArray[np.generic], author: NDArray[np.int64]) -> bool:
    """Say whether, among users of several posts, a value tells the user and a user the value."""
    several, users = _writing_several(author)
    if users < _FEW_USERS:
        return False
    who = np.unique(author, return_inverse=True)[1]
    _, value = np.unique(values[several], return_inverse=True)
    distinct = int(value.max()) + 1
    pairs = len(np.unique(who[several] * distinct + value))
    return pairs <= (2 - _SAME_ORDER) * users and distinct >= _SAME_ORDER * users


def ranks(values: NDArray[np.generic]) -> Ranks:
    """Rank values from 1; equal ones share the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranked: Ranks = (counts.cumsum() - (counts - 1) / 2)[inverse]
    return ranked


def _correlation(one: Ranks, other: Ranks) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale else 0.0


def _chance_later(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return the chance that a draw of ``one`` is later than one of ``other``; half for ties."""
    ranked = ranks(np.concatenate((one, other)))[: len(one)]
    return float((ranked.sum() - len(one) * (len(one) + 1) / 2) / (len(one) * len(other)))
