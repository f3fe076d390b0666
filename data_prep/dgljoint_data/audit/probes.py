"""Classifiers that see one thing each, on the folds of a split: what does that thing give away?

Each is trained on the other folds (in order of time: the earlier ones) and scored on the one left
out, next to the largest class of its training set. Where a split divides events, it is scored once
more on folds that do not: the difference is what recognising an event is worth.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Kind
from dgljoint.data.folds import stratified_folds
from dgljoint.data.store import CascadeColumns, CascadeStore, StoredSplit
from dgljoint_data.audit.near_duplicates import merge_groups, near_duplicate_groups
from dgljoint_data.audit.outcome import Finding, Severity, not_asked
from dgljoint_data.audit.overlap import shared_groups, source_texts
from dgljoint_data.features.tokens import is_plain, tokenize

# An accuracy this much above what it is compared with is more than folds of a hundred threads vary.
LEAK = 0.1
_TREES = 100
_SEED = 0
# What a vectorizer of scikit-learn takes for a word.
_WORD = re.compile(r"(?u)\b\w\w+\b")
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_MOMENTS = (60.0, 3600.0, 6 * 3600.0, 86_400.0)

Features = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Probe:
    """One probe: its name, and what it sees in words and in numbers."""

    check: str
    sees: str
    features: Features  # (C, F), or (C,) texts
    model: Callable[[], Any]  # makes an untrained classifier
    # Whether a model may use what it sees: then only the share that shared events add is a leak.
    legitimate: bool
    advice: str = "must never be a feature"


def probes(store: CascadeStore, split: StoredSplit) -> list[Finding]:
    """Measure what date, id, text, features and shape of the sources reach alone."""
    used = np.flatnonzero((split.fold >= 0) & (store.label >= 0))
    label, fold = store.label[used].astype(np.int64), split.fold[used].astype(np.int64)
    if len(np.unique(label)) < 2:
        return [not_asked("probes", "no two classes to distinguish")]
    if len(np.unique(fold)) < 2:
        return [not_asked("probes", "no second fold to learn from")]
    group = merge_groups(store.event, near_duplicate_groups(source_texts(store)))[used]
    apart = None
    folds = len(np.unique(fold))
    if shared_groups(group, fold).any() and len(np.unique(group)) >= folds:
        apart = stratified_folds(label, group, folds, _SEED)
    made, skipped = _available(store, used)
    ordered = bool(split.ordered_by)
    return [*(_report(probe, label, fold, apart, ordered) for probe in made), *skipped]


def text_classifier() -> Any:
    """Return an untrained classifier of texts: words and pairs of words, logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(tokenizer=_words, token_pattern=None, ngram_range=(1, 2)),
        LogisticRegression(C=10.0, max_iter=1000),
    )


def count_classifier() -> Any:
    """Return an untrained classifier of word counts, (B, words): TF-IDF, logistic regression."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TfidfTransformer(), LogisticRegression(C=10.0, max_iter=1000))


def has_words(texts: Iterable[str]) -> bool:
    """Return whether any text has a word that :func:`text_classifier` would see."""
    return any(map(_words, texts))


def _words(text: str) -> list[str]:
    """Return scikit-learn's words, and of scripts that it would not cut those of the features."""
    return _WORD.findall(text) if is_plain(text) else tokenize(text)


def forest_classifier() -> Any:
    """Return an untrained classifier of numbers: a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(_TREES, random_state=_SEED)


def out_of_fold_accuracy(
    features: Features, label: NDArray[np.int64], fold: NDArray[np.int64],
    model: Callable[[], Any], *, ordered: bool = False,
) -> tuple[float, float]:
    """Return the accuracy, each fold predicted from others (``ordered``: later), and majority's."""
    right = majority = asked = 0
    for number in np.unique(fold):
        test, train = fold == number, fold > number if ordered else fold != number
        if not train.any():
            continue
        asked += int(test.sum())
        common = np.bincount(label[train]).argmax()
        majority += int((label[test] == common).sum())
        if len(np.unique(label[train])) < 2:
            predicted = np.full(int(test.sum()), common)
        else:
            predicted = model().fit(features[train], label[train]).predict(features[test])
        right += int((label[test] == predicted).sum())
    return right / max(asked, 1), majority / max(asked, 1)


def _report(
    probe: _Probe, label: NDArray[np.int64], fold: NDArray[np.int64],
    apart: NDArray[np.int64] | None, ordered: bool,
) -> Finding:
    accuracy, majority = out_of_fold_accuracy(
        probe.features, label, fold, probe.model, ordered=ordered
    )
    values = {"accuracy": accuracy, "majority": majority}
    explanation = f"{probe.sees} alone reach this accuracy; the majority {majority:.3f}"
    reference = majority
    if apart is not None:
        kept, _ = out_of_fold_accuracy(probe.features, label, apart, probe.model)
        values["events_apart"] = kept
        explanation += f"; with events kept apart {kept:.3f}"
        if probe.legitimate:
            reference = kept
    elif probe.legitimate:
        # Nothing is recognised across the folds: what is left was learned.
        reference = accuracy
    leaks = accuracy - reference >= LEAK
    if leaks:
        explanation += (
            ": the difference is recognised, not learned" if probe.legitimate
            else f": {probe.advice}"
        )
    severity = Severity.warning if leaks else Severity.info if probe.legitimate else Severity.ok
    return Finding(probe.check, severity, f"{accuracy:.3f}", explanation, values)


def _available(store: CascadeStore, used: NDArray[np.int64]) -> tuple[list[_Probe], list[Finding]]:
    made, skipped = [], []
    posted_at = store.posted_at[used]
    if len(np.unique(posted_at)) > 1:
        date = posted_at.reshape(-1, 1)
        made.append(_Probe("date probe", "dates", date, forest_classifier, False))
    else:
        skipped.append(not_asked("date probe", "the sources have no dates"))
    ids = [store.ids[place] for place in used.tolist()]
    if all(name.isascii() and name.isdigit() for name in ids):
        # An id of today has more digits than a float64 holds: only its last ones are lost.
        number = np.array([float(name) for name in ids]).reshape(-1, 1)
        made.append(_Probe("id probe", "ids", number, forest_classifier, False))
    else:
        skipped.append(not_asked("id probe", "the ids are no numbers"))
    texts = np.array(source_texts(store), dtype=object)[used]
    if has_words(texts):
        sees = "words and pairs of words of the source"
        made.append(_Probe("source-text probe", sees, texts, text_classifier, True))
    else:
        skipped.append(not_asked("source-text probe", "the sources have no texts with words"))
    present = sources_with_values(store, used)
    if (present != present[:1]).any():
        sees = "which features the source has a value of"
        advice = "known of some classes only: leave that feature out"
        made.append(_Probe("presence probe", sees, present, forest_classifier, False, advice))
    elif present.shape[1]:
        same = "all sources have values of the same features, which give nothing away"
        skipped.append(Finding("presence probe", Severity.ok, "–", same))
    else:
        skipped.append(not_asked("presence probe", "no feature is stored"))
    shape = cascade_shapes(store.read(used))
    sees = "tree structure and delays"
    made.append(_Probe("structure probe", sees, shape, forest_classifier, True))
    return made, skipped


def sources_with_values(store: CascadeStore, used: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the stored features that are not empty at the sources of B cascades; (B, features)."""
    source = store.post_ptr[used]
    table = []
    for name, kind in store.features.items():
        if kind == "dense":
            dense = store.dense(name)
            place, rows = dense.of(source)
            has = np.zeros(len(source), np.bool_)
            # A row that exists is a value; where all posts have one, zeros may mean none.
            has[place] = (rows != 0).any(axis=1) if dense.posts is None else True
            table.append(has)
        elif kind == "sparse":
            indptr = store.sparse(name).indptr
            table.append(indptr[source + 1] > indptr[source])
    return np.array(table, np.bool_).reshape(len(table), len(used)).T


def cascade_shapes(columns: CascadeColumns) -> NDArray[np.float64]:
    """Describe the tree and the delays of B cascades; (B, F), counts and times as logarithms."""
    first, sizes = columns.post_ptr[:-1], np.diff(columns.post_ptr)
    cascades = len(sizes)
    depth = _depths(columns)
    children = np.bincount(columns.parent[columns.parent >= 0], minlength=len(depth))

    def share(which: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(columns.cascade_of[which], minlength=cascades) / sizes

    table = [
        np.log1p(sizes),
        np.maximum.reduceat(depth, first),
        np.add.reduceat(depth, first) / sizes,
        np.log1p(np.maximum.reduceat(children, first)),
        np.log1p(children[first]),
        share(depth == 1), share(depth == 2), share(depth > 2),
        share(children == 0), share(children > 4),
        *(share(columns.kind == kind) for kind in Kind if kind is not Kind.SOURCE),
    ]
    log_delay = np.log1p(columns.delay_seconds)
    last = columns.post_ptr[1:] - 1
    # Posts are in time order, so a quantile of their delays is the delay of one of them.
    table += [
        log_delay[first + (quantile * (last - first)).astype(np.int64)] for quantile in _QUANTILES
    ]
    table += [share(columns.delay_seconds <= seconds) for seconds in _MOMENTS]
    return np.stack([np.asarray(column, np.float64) for column in table], axis=1)


def _depths(columns: CascadeColumns) -> NDArray[np.int64]:
    """Count each post's ancestors by pointer doubling: a thread may be one chain of replies."""
    depth, ancestor = (columns.parent >= 0).astype(np.int64), columns.parent
    while (alive := ancestor >= 0).any():
        depth += np.where(alive, depth[ancestor], 0)
        ancestor = np.where(alive, ancestor[ancestor], -1)
    return depth
