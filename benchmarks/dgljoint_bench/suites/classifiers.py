"""Rows of a rumor table that need no graph model: what text, tree and date reach alone.

They are trained on everything a model may be trained or selected on: nothing about them is
selected, so they need no validation set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.classes import choose_classes
from dgljoint.data.observation import first_posts, parse_deadlines
from dgljoint.data.store import CascadeColumns, CascadeStore, shared_threads
from dgljoint.errors import DataError
from dgljoint.evaluation.matched import class_pairs, date_matched, pair_figures
from dgljoint.evaluation.metrics import f1_by_class
from dgljoint.evaluation.scores import MATCHED
from dgljoint.runs.many.job import Job
from dgljoint_data.audit.overlap import source_texts
from dgljoint_data.audit.probes import (
    cascade_shapes,
    count_classifier,
    forest_classifier,
    has_words,
    text_classifier,
)

TEXT = "source text, TF-IDF + logistic regression"
WORDS = "source words, TF-IDF + logistic regression"
STRUCTURE = "structure and delays, random forest"
DATE = "date alone, random forest"

# The RvNN archives' words. A feature of our own counts the words of texts that they have not.
_PUBLISHED = "published_words"

Figures = dict[str, float]
Features = Any  # an array or a sparse matrix, one row per cascade
Cut = Callable[[CascadeColumns], CascadeColumns]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Labelled cascades that are trained on or tested."""

    store: CascadeStore
    index: NDArray[np.int64]  # (B,) their positions
    label: NDArray[np.int64]  # (B,) numbers of the classes of the file that is trained on

    @property
    def texts(self) -> NDArray[Any]:
        return np.array(source_texts(self.store), dtype=object)[self.index]

    def shapes(self, cut: Cut) -> NDArray[np.float64]:
        return cascade_shapes(cut(self.store.read(self.index)))


def classifier_metrics(job: Job) -> dict[str, Figures]:
    """Train classifiers that see one thing each on what a model could be trained or selected on.

    A row is of what both files have: without texts, the words of the source take the place of its
    text; without dates there is no row of them. The forest sees the share of a cascade's posts that
    the models observe, or what is there at a deadline: ``accuracy@1h`` and so on.
    """
    from dgljoint.tasks.targets import evaluation_targets

    def observed(columns: CascadeColumns) -> CascadeColumns:
        seen = ~evaluation_targets(columns, job.observed_share, scored=False).hidden
        return first_posts(columns, np.bincount(columns.cascade_of[seen]))

    moments = parse_deadlines(job.deadlines) if job.deadlines else ()
    train, test = _parts(job)
    cuts: dict[str, Cut] = {"": observed}
    cuts |= {f"@{deadline.text}": deadline.cut for deadline in moments}
    rows = {
        # what is known of the source is known at all deadlines
        name: {figure: value for when in cuts for figure, value in _at(when, found).items()}
        for name, (seen, asked, model) in _of_sources(train, test).items()
        for found in [_tested(train, test, seen, asked, model)]
    }
    rows[STRUCTURE] = {
        figure: value
        for when, cut in cuts.items()
        for figure, value in _at(when, _tested(
            train, test, train.shapes(cut), test.shapes(cut), forest_classifier
        )).items()
    }
    return {name: rows[name] for name in (TEXT, WORDS, STRUCTURE, DATE) if name in rows}


def _at(when: str, found: Figures) -> Figures:
    """Return figures by their names at a deadline: those that models have at deadlines."""
    if not when:
        return found
    return {f"{figure}{when}": found[figure] for figure in ("accuracy", "macro_f1")}


def _parts(job: Job) -> tuple[_Part, _Part]:
    from dgljoint.training.parts import part_under_test, training_parts
    from dgljoint.training.scoring import with_classes_of

    whole, fold, test_on = CascadeStore(job.data), job.fold, job.test_on
    store, divided = choose_classes(whole, whole.split(job.split), job.labels, job.merge)
    # Which seed divides them is all one: the parts are put together again.
    parts = training_parts(store, divided, fold, seed=0, meta=False)
    train = _labelled(store, np.concatenate((parts.train, parts.validation)), store.label)
    if test_on is None:
        test = _labelled(store, part_under_test(divided, fold), store.label)
    else:
        other = CascadeStore(test_on)
        # those that a run of this fold knows, as it is scored on all others
        known = np.concatenate((parts.train, parts.validation, part_under_test(divided, fold)))
        new = np.flatnonzero(~shared_threads(store, other, known))
        other, new = with_classes_of(job.labels, job.merge, store.label_names, other, new)
        test = _labelled(other, new, other.label)
    rest = f"fold {fold} of split '{job.split}'"
    if not len(train.index):
        raise DataError(f"{store.path} has no labelled cascade to train on outside {rest}")
    if not len(test.index):
        where = f"in {rest}" if test_on is None else f"that {store.path} has not"
        raise DataError(f"{test.store.path} has no labelled cascade to test on {where}")
    return train, test


def _labelled(store: CascadeStore, index: NDArray[np.int64], label: NDArray[Any]) -> _Part:
    index = index[label[index] >= 0]
    return _Part(store, index, label[index].astype(np.int64))


def _of_sources(train: _Part, test: _Part) -> dict[str, tuple[Features, Features, Any]]:
    """Return what is known of the sources, of both parts, each with its classifier."""
    found: dict[str, tuple[Features, Features, Any]] = {}
    if has_words(train.texts) and has_words(test.texts):
        found[TEXT] = (train.texts, test.texts, text_classifier)
    elif (words := _words(train, test)) is not None:
        found[WORDS] = (*words, count_classifier)
    if all(len(np.unique(part.store.posted_at)) > 1 for part in (train, test)):
        dates = [part.store.posted_at[part.index].reshape(-1, 1) for part in (train, test)]
        found[DATE] = (dates[0], dates[1], forest_classifier)
    return found


def _words(train: _Part, test: _Part) -> tuple[Features, Features] | None:
    """Return how often each word is in each source, of both sets; ``None`` if none has any."""
    sparse = [name for name, kind in train.store.features.items() if kind == "sparse"]
    for name in sorted(sparse, key=lambda name: name != _PUBLISHED):
        seen = _counts(train, name)
        if not seen.nnz or test.store.features.get(name) != "sparse":
            continue
        asked = _counts(test, name)
        column = _columns_of(train.store, test.store, name)
        if column is not None:
            known = np.flatnonzero(column >= 0)
            entries = asked[:, known].tocoo()
            place = (entries.row, column[known][entries.col])
            shape = (len(test.index), seen.shape[1])
            return seen, type(seen)((entries.data, place), shape=shape)
    return None


def _columns_of(store: CascadeStore, other: CascadeStore, name: str) -> NDArray[np.int64] | None:
    """Return in which column of ``store`` each word of ``other`` is, -1 for none.

    ``None`` where that is unknown.
    """
    ours, theirs = store.sparse(name), other.sparse(name)
    if ours.vocabulary is not None and theirs.vocabulary is not None:
        place = {word: column for column, word in enumerate(ours.vocabulary.all())}
        return np.array([place.get(word, -1) for word in theirs.vocabulary.all()], np.int64)
    alike = store.attributes["reader"] == other.attributes["reader"]
    return np.arange(ours.columns) if alike and ours.columns == theirs.columns else None


def _counts(part: _Part, name: str) -> Any:
    """Return the rows of a sparse feature that belong to the sources; (B, columns)."""
    from scipy.sparse import csr_matrix

    feature = part.store.sparse(name)
    shape = (len(feature.indptr) - 1, feature.columns)
    whole = csr_matrix((feature.values, feature.indices, feature.indptr), shape=shape)
    return whole[part.store.post_ptr[part.index]]


def _tested(
    train: _Part, test: _Part, seen: Features, asked: Features, model: Callable[[], Any]
) -> Figures:
    """Train a model on what is ``seen`` of one set, and score its predictions for the other."""
    names = train.store.label_names
    classes = len(names)
    probability = np.zeros((len(test.label), classes))
    if len(np.unique(train.label)) < 2:
        probability[:, train.label[0]] = 1.0
    else:
        fitted = model().fit(seen, train.label)
        probability[:, fitted.classes_] = fitted.predict_proba(asked)
    predicted = probability.argmax(axis=1)
    confusion = np.bincount(test.label * classes + predicted, minlength=classes**2)
    f1 = f1_by_class(confusion.reshape(classes, classes))
    with np.errstate(divide="ignore"):
        pairs = class_pairs(
            np.log(probability), test.label, test.store.posted_at[test.index], names
        )
    matched = date_matched(pairs)
    return {
        "accuracy": float((predicted == test.label).mean()), "macro_f1": float(f1.mean()),
        **({} if matched is None else {MATCHED: matched}), **pair_figures(pairs),
    }
