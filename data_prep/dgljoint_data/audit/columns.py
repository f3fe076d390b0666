"""Class balance, times of collection, features that identify, edges that batches should hide."""

import re
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.observation import parse_observation
from dgljoint.data.store import CascadeColumns, CascadeStore, StoredSplit
from dgljoint_data.audit.outcome import Finding, Severity, not_asked
from dgljoint_data.features import user

_UNEVEN = 0.1  # a class's share of a fold, against its share of all
_APART = 0.8  # chance that a thread of one class is earlier than one of another
_SAME_ORDER = 0.95
_LATE_SHARE = 0.2
_FEW_USERS = 20  # who wrote several posts: fewer prove nothing
_TIME, _USER = "the time of posting", "the user"
_FEW_ROWS = 20  # of which one of hundreds of columns is in any order by chance
# More posts change a rank correlation in the second decimal.
_SAMPLE = 20_000
_SUSPICIOUS = re.compile(
    r"(^|[^a-z])((user|tweet|post|status|author)?_?ids?|users?|authors?|timestamp|date|"
    r"(posted|created)_?at)($|[^a-z])"
)

# Batches that are looked at, and how they are masked: as by default in training.
_BATCH, _MOST_CASCADES = 64, 256
_OBSERVED_IN_TRAINING, _OBSERVED_SHARE, _TARGETS, _CANDIDATES = "50%-100%", 0.75, 64, 64


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
    """Find out whether the classes were collected at different times."""
    from sklearn.metrics import roc_auc_score

    check = "time order"
    used = np.flatnonzero(store.label >= 0)
    label, posted_at = store.label[used], store.posted_at[used]
    present = np.unique(label).tolist()
    if len(np.unique(posted_at)) < 2 or len(present) < 2:
        return not_asked(check, "no two classes" if len(present) < 2 else "no dates")
    earlier, one, other = max(
        (max(chance, 1 - chance), a, b)
        for a, b in combinations(present, 2)
        for both in [(label == a) | (label == b)]
        for chance in [float(roc_auc_score(label[both] == a, posted_at[both]))]
    )
    late = np.argsort(posted_at, kind="stable")[-max(1, round(_LATE_SHARE * len(used))) :]
    missing = len(present) - len(np.unique(label[late]))
    names = store.label_names
    explanation = (
        f"'{names[one]}' and '{names[other]}' can be distinguished by date alone this often; "
        f"{missing} of {len(present)} classes are missing from the latest fifth"
    )
    return Finding(
        check, Severity.warning if missing or earlier >= _APART else Severity.ok, f"{earlier:.3f}",
        explanation, {"chance": earlier, "classes_missing_late": missing},
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
        check, Severity.warning if found else Severity.ok, f"{len(found)}",
        "named like an identity or a time: " + ", ".join(found[:5]) if found
        else "no stored feature or word is named like an id, a user or a time",
        {"found": len(found)},
    )


def _is_profile(store: CascadeStore, name: str) -> bool:
    """Return whether a feature is what a reader knows of authors, which is documented."""
    if name != user.SPEC.name or store.features[name] != "dense":
        return False
    return store.dense(name).columns == len(user.COLUMNS)


def _disguised_columns(store: CascadeStore) -> Finding:
    """Compare each dense column, and each sparse row, with times and users."""
    from scipy.stats import rankdata

    check = "feature values"
    posted_at = np.repeat(store.posted_at, np.diff(store.post_ptr))
    both = {_TIME: posted_at, _USER: store.user}
    known = {name: values for name, values in both.items() if len(np.unique(values)) > 1}
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
        against = {name: rankdata(values[posts]) for name, values in known.items()}
        for number, column in enumerate(columns):
            age = _is_profile(store, feature) and number == user.ACCOUNT_AGE
            for name, rank in against.items():
                likeness = abs(_correlation(rankdata(column), rank))
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
        check, Severity.error if errors else Severity.warning if warnings else Severity.ok,
        f"{largest:.3f}",
        "; ".join(found[:5]) if found else _harmless(known if dense else (), store.user[every]),
        {"largest_correlation": largest, "found": len(found)},
    )


def _harmless(compared: Collection[str], author: NDArray[np.int64]) -> str:
    """Explain what was asked in vain: of which orders of posts, and whether of names of users."""
    return (
        (f"largest rank correlation of a dense column with {' or '.join(compared)}; " if compared
         else "no dense column; ")
        + ("nothing stored identifies a user" if _writing_several(author)[1] >= _FEW_USERS
           else f"not asked whether one identifies a user: fewer than {_FEW_USERS} are known who "
           "wrote several posts")
    )


def _writing_several(author: NDArray[np.int64]) -> tuple[NDArray[np.bool_], int]:
    """Return which posts are of known users who wrote several, and how many users these are."""
    _, who, posts = np.unique(author, return_inverse=True, return_counts=True)
    several = (posts[who] > 1) & (author != 0)
    return several, len(np.unique(who[several]))


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
    """Yield which posts have a row that is not empty, and a number that identifies each."""
    for feature, kind in store.features.items():
        if kind == "sparse":
            stored = store.sparse(feature)
            start = stored.indptr[posts]
            sizes = stored.indptr[posts + 1] - start
            row = np.repeat(np.arange(len(posts)), sizes)
            place = np.arange(len(row)) + np.repeat(start - (np.cumsum(sizes) - sizes), sizes)
            # Sums of sines of the columns: equal for two rows that differ by no accident.
            sines = np.sin(stored.indices[place] + 1.0) * stored.values[place]
            rows = np.flatnonzero(sizes)
            summed = np.bincount(row, sines, len(posts)).astype(np.float64, copy=False)
            yield feature, rows, summed[rows]


def _names_users(values: NDArray[np.generic], author: NDArray[np.int64]) -> bool:
    """Return whether, among users of several posts, values and users name each other."""
    several, users = _writing_several(author)
    if users < _FEW_USERS:
        return False
    who = np.unique(author, return_inverse=True)[1]
    _, value = np.unique(values[several], return_inverse=True)
    distinct = int(value.max()) + 1
    pairs = len(np.unique(who[several] * distinct + value))
    return pairs <= (2 - _SAME_ORDER) * users and distinct >= _SAME_ORDER * users


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale else 0.0


def hidden_edges(store: CascadeStore) -> Finding:
    """Make graphs as the engine does; count hidden edges in them, and later candidates."""
    # torch, which nothing else in data preparation needs
    from dgljoint.batch.assemble import observed_edges
    from dgljoint.tasks.targets import evaluation_targets, training_pairs

    rng, drawn = np.random.default_rng(0), parse_observation(_OBSERVED_IN_TRAINING)
    chosen = np.sort(rng.permutation(len(store))[:_MOST_CASCADES])
    shown = late = asked = 0
    for start in range(0, len(chosen), _BATCH):
        columns = store.read(chosen[start : start + _BATCH])
        delay = columns.delay_seconds
        training = training_pairs(
            columns, drawn, rng, targets=_TARGETS, candidates=_CANDIDATES
        )
        child, candidate = training.pairs
        late += int((delay[candidate] >= delay[child]).sum())
        targets = evaluation_targets(columns, _OBSERVED_SHARE)
        # Posts are in order of time: the last of a target's candidates is the latest.
        late += int((delay[targets.end - 1] >= delay[targets.post]).sum())
        asked += int(training.is_parent.sum()) + len(targets)
        for each in (training, targets.unpaired()):
            tail, head = (end.numpy() for end in observed_edges(columns, each))
            shown += _count_hidden(columns, tail, head, np.flatnonzero(each.hidden))
    bad = shown + late
    if not (asked or bad):
        why = "no post is later than its source, so no parent is asked for"
        return not_asked("target edges", why)
    return Finding(
        "target edges", Severity.error if bad else Severity.ok, f"{shown:,} of {asked:,}",
        f"hidden edges in the message graphs of {len(chosen):,} cascades, in either direction; "
        f"{late:,} candidates not earlier than their child",
        {"hidden_edges": shown, "late_candidates": late, "targets": asked},
    )


def _count_hidden(
    columns: CascadeColumns, tail: np.ndarray, head: np.ndarray, child: np.ndarray
) -> int:
    """Count edges that join a post whose parent is hidden with that parent."""
    posts, parent = len(columns.parent), columns.parent[child]
    hidden = np.concatenate((parent * posts + child, child * posts + parent))
    return int(np.isin(tail * posts + head, hidden).sum())
