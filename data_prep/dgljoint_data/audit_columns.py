"""Class balance, times of collection, and stored features that are identity or time in disguise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dgljoint.store import CascadeStore, StoredSplit
from dgljoint_data.audit_findings import Finding, Severity
from dgljoint_data.features import user

_UNEVEN = 0.1  # a class's share of a fold, against its share of all
_APART = 0.8  # chance that a thread of one class is earlier than one of another
_SAME_ORDER = 0.95
_LATE_SHARE = 0.2
_FEW_USERS = 20  # who wrote several posts: fewer say nothing
# More posts change a rank correlation in the second decimal.
_SAMPLE = 20_000
_SUSPICIOUS = re.compile(
    r"(^|[^a-z])((user|tweet|post|status|author)?_?ids?|users?|authors?|timestamp|date|"
    r"(posted|created)_?at)($|[^a-z])"
)

Ranks = NDArray[np.float64]


def class_balance(store: CascadeStore, split: StoredSplit) -> Finding:
    """Compare each fold's shares of the classes with those of the whole."""
    used = (split.fold >= 0) & (store.label >= 0)
    label, fold = store.label[used].astype(np.int64), split.fold[used].astype(np.int64)
    held = np.zeros((fold.max(initial=0) + 1, len(store.label_names)))
    np.add.at(held, (fold, label), 1)
    held = held[held.sum(axis=1) > 0]
    if not len(held):
        return Finding("class balance", Severity.info, "–", "no cascade has a label")
    overall = held.sum(axis=0) / held.sum()
    missing = int((held == 0)[:, overall > 0].sum())
    worst = float(abs(held / held.sum(axis=1, keepdims=True) - overall).max())
    explanation = "largest difference between a class's share of a fold and of all"
    if missing:
        explanation += f"; {missing} times a fold lacks a class: its macro F1 is of fewer classes"
    severity = Severity.warning if missing or worst > _UNEVEN else Severity.ok
    values = {"largest_difference": worst, "missing": missing}
    return Finding("class balance", severity, f"{worst:.3f}", explanation, values)


def time_order(store: CascadeStore) -> Finding:
    """Say whether the classes were collected at different times."""
    check = "time order"
    used = np.flatnonzero(store.label >= 0)
    label, posted_at = store.label[used], store.posted_at[used]
    present = np.unique(label).tolist()
    if len(np.unique(posted_at)) < 2 or len(present) < 2:
        return Finding(check, Severity.info, "–", "not asked: no dates, or one class alone")
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
        "feature names",
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
    return bool(store.dense(name).shape[1] == len(user.COLUMNS))


def _disguised_columns(store: CascadeStore) -> Finding:
    """Compare each dense column, and each sparse row, with times and users."""
    posts = np.arange(store.posts)
    if len(posts) > _SAMPLE:
        posts = np.sort(np.random.default_rng(0).choice(len(posts), _SAMPLE, replace=False))
    cascade = np.searchsorted(store.post_ptr, posts, side="right") - 1
    author = store.user[posts]
    against = {"the time of posting": ranks(store.posted_at[cascade]), "the user": ranks(author)}
    errors: list[str] = []
    warnings: list[str] = []
    largest = 0.0
    for feature, number, column in _dense_columns(store, posts):
        age = _is_profile(store, feature) and number == user.ACCOUNT_AGE
        for name, rank in against.items():
            likeness = abs(_correlation(ranks(column), rank))
            largest = max(largest, likeness)
            if likeness > _SAME_ORDER:
                expected = age and name == "the user"
                (warnings if expected else errors).append(
                    f"{feature}[{number}] orders posts like {name}"
                    + (", whose ids rise with the date of the account" if expected else "")
                )
        if not age and _names_users(column, author):
            errors.append(f"{feature}[{number}] is another name of the user")
    for feature, rows, row in _sparse_rows(store, posts):
        if _names_users(row, author[rows]):
            errors.append(f"the rows of {feature} are other names of the user")
    found = errors + warnings
    return Finding(
        "feature values",
        Severity.error if errors else Severity.warning if warnings else Severity.ok,
        f"{largest:.3f}",
        "; ".join(found[:5]) if found
        else "largest rank correlation of a dense column with time of posting or user; nothing "
        "stored stands for a user",
        {"largest_correlation": largest, "found": len(found)},
    )


def _dense_columns(
    store: CascadeStore, posts: NDArray[np.int64]
) -> Iterator[tuple[str, int, NDArray[np.generic]]]:
    for feature, kind in store.features.items():
        if kind == "dense":
            for number, column in enumerate(store.dense(feature)[posts].T):
                yield feature, number, column


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
    _, who, posts = np.unique(author, return_inverse=True, return_counts=True)
    several = (posts[who] > 1) & (author != 0)
    users = len(np.unique(who[several]))
    if users < _FEW_USERS:
        return False
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
