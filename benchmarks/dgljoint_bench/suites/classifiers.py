"""Rows of a rumor table that need no graph model: text, structure, both together, and the date.

They see the posts that the models observe, and are scored on the same test cascades.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.classes import choose_classes
from dgljoint.data.observation import first_posts, parse_deadlines
from dgljoint.data.store import CascadeColumns, CascadeStore, shared_threads
from dgljoint.errors import DataError
from dgljoint.evaluation.matched_pairs import pair_figures
from dgljoint.evaluation.metrics import rumor_scores
from dgljoint.evaluation.scores import figures_of
from dgljoint.runs.many.job import Job
from dgljoint_data.audit.overlap import source_texts
from dgljoint_data.audit.probes import (
    cascade_shapes,
    count_classifier,
    forest_classifier,
    has_words,
    text_classifier,
)
from dgljoint_data.features.minilm import SentenceVectors

if TYPE_CHECKING:
    from dgljoint.training.parts import TrainingParts

TEXT = "source text, TF-IDF + logistic regression"
WORDS = "source words, TF-IDF + logistic regression"
SENTENCES = "source sentence vectors, logistic regression"
STRUCTURE = "structure and delays, random forest"
DATE = "date alone, random forest"
BOTH = {
    TEXT: "structure + source text, logistic regression",
    WORDS: "structure + source words, logistic regression",
    SENTENCES: "structure + sentence vectors, logistic regression",
}
"""The row of text and structure, by that of its text."""

# The RvNN archives' words. A feature of our own counts the words of texts that they have not.
_PUBLISHED = "published_words"
# C of the logistic regressions: of rows of TF-IDF as in the audit, of sentence vectors, and of
# structure. It was chosen on Twitter15, before there was this row, for structure next to 8 times
# the sentence vector at 0.02, which is 0.02 * 8**2 for the vector itself.
_TFIDF_C, _SENTENCE_C, _STRUCTURE_C = 10.0, 1.28, 0.02

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
    def sources(self) -> NDArray[np.int64]:
        """(B,) positions of their sources among all posts."""
        found: NDArray[np.int64] = self.store.post_ptr[self.index]
        return found

    @property
    def texts(self) -> NDArray[Any]:
        return np.array(source_texts(self.store), dtype=object)[self.index]

    @property
    def dates(self) -> NDArray[np.int64]:
        return self.store.posted_at[self.index].reshape(-1, 1)

    @property
    def vectors(self) -> NDArray[np.float32] | None:
        """(B, F) sentence vectors of the sources, where any has one."""
        if self.store.features.get(SentenceVectors.name) != "dense":
            return None
        found = self.store.dense(SentenceVectors.name).filled(self.sources)
        return found if found.any() else None

    def shapes(self, cut: Cut) -> NDArray[np.float64]:
        return cascade_shapes(cut(self.store.read(self.index)))


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """The texts of the sources of both sets, as rows of at most unit length."""

    name: str  # of the row that sees nothing else
    seen: Features  # (B, F) of the training set
    asked: Features  # (B', F) of the test set
    strength: float  # C of the logistic regression

    def joined(
        self, shapes: NDArray[np.float64], asked: NDArray[np.float64]
    ) -> tuple[Features, Features]:
        """Put the texts of both sets next to standardised structure, (B, S) and (B', S).

        The text is scaled so that it is regularised as in the row that sees it alone.
        """
        from scipy.sparse import csr_matrix, hstack, issparse
        from sklearn.preprocessing import StandardScaler

        scaler, scale = StandardScaler().fit(shapes), (self.strength / _STRUCTURE_C) ** 0.5

        def joined(shape: NDArray[np.float64], text: Features) -> Features:
            shape, text = scaler.transform(shape), text * scale
            if issparse(text):
                return hstack((csr_matrix(shape), text), format="csr")
            return np.hstack((shape, text))

        return joined(shapes, self.seen), joined(asked, self.asked)


def classifier_metrics(job: Job) -> dict[str, Figures]:
    """Train classifiers of text, structure, both, and the date; return the metrics of each row.

    A row is of what both files have. Sentence vectors of the sources are taken for their text,
    otherwise TF-IDF of it, otherwise of their word counts; without dates there is no row of them.
    Structure is that of the posts that the models observe, or of those that are there at a
    deadline: ``accuracy@1h`` and so on.
    """
    from dgljoint.tasks.targets import evaluation_targets

    def observed(columns: CascadeColumns) -> CascadeColumns:
        seen = ~evaluation_targets(columns, job.observed_share, scored=False).hidden
        return first_posts(columns, np.bincount(columns.cascade_of[seen]))

    moments = parse_deadlines(job.deadlines) if job.deadlines else ()
    train, test = _parts(job)
    cuts: dict[str, Cut] = {"": observed}
    cuts |= {f"@{deadline.text}": deadline.cut for deadline in moments}
    shapes = {when: (train.shapes(cut), test.shapes(cut)) for when, cut in cuts.items()}
    rows: dict[str, Figures] = defaultdict(dict)

    def score(name: str, seen: Features, asked: Features, model: Any, at: Iterable[str]) -> None:
        found = _tested(train, test, seen, asked, model)
        for when in at:
            rows[name] |= _at(when, found)

    # what is known of the source is known at all deadlines
    if (text := _text(train, test)) is not None:
        score(text.name, text.seen, text.asked, _logistic(text.strength), cuts)
    for when, (seen, asked) in shapes.items():
        score(STRUCTURE, seen, asked, forest_classifier, [when])
    if text is not None:
        for when, (seen, asked) in shapes.items():
            score(BOTH[text.name], *text.joined(seen, asked), _logistic(_STRUCTURE_C), [when])
    if all(len(np.unique(part.store.posted_at)) > 1 for part in (train, test)):
        score(DATE, train.dates, test.dates, forest_classifier, cuts)
    return dict(rows)


def classifier_training_set(parts: TrainingParts) -> NDArray[np.int64]:
    """Return the positions of the cascades that the classifiers are trained on.

    They are all that a model gets: its training set, a meta set within it, and its validation set,
    by which its epoch is chosen. A classifier chooses nothing, and learns from both.
    """
    return np.concatenate((parts.train, parts.meta, parts.validation))


def _logistic(strength: float) -> Callable[[], Any]:
    from sklearn.linear_model import LogisticRegression

    return partial(LogisticRegression, C=strength, max_iter=1000)


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
    train = _labelled(store, classifier_training_set(parts), store.label)
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


def _text(train: _Part, test: _Part) -> _Text | None:
    """Return the best that both sets have of the texts of their sources."""
    vectors = (train.vectors, test.vectors)
    if vectors[0] is not None and vectors[1] is not None:
        return _Text(SENTENCES, *vectors, _SENTENCE_C)
    if has_words(train.texts) and has_words(test.texts):
        name, (seen, asked), weigh = TEXT, (train.texts, test.texts), text_classifier()[:-1]
    elif (words := _words(train, test)) is not None:
        name, (seen, asked), weigh = WORDS, words, count_classifier()[:-1]
    else:
        return None
    return _Text(name, weigh.fit_transform(seen), weigh.transform(asked), _TFIDF_C)


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
    return whole[part.sources]


def _tested(
    train: _Part, test: _Part, seen: Features, asked: Features, model: Callable[[], Any]
) -> Figures:
    """Train a model on what is ``seen`` of one set, and score its predictions for the other."""
    classes = train.store.label_names
    probability = np.zeros((len(test.label), len(classes)))
    trained = np.bincount(train.label, minlength=len(classes))
    if (trained > 0).sum() < 2:
        probability[:, train.label[0]] = 1.0
    else:
        fitted = model().fit(seen, train.label)
        probability[:, fitted.classes_] = fitted.predict_proba(asked)
    found = rumor_scores(
        probability, test.label, classes, majority=int(trained.argmax()), answerable=trained > 0,
        posted_at=test.store.posted_at[test.index],
    )
    figures = figures_of({"rumor": asdict(found), "links": {}})
    return figures | pair_figures(found.class_pairs)
