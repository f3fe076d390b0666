"""Word counts of posts, kept sparse and raw: ``bow`` with a vocabulary, ``bow_hashed`` without.

Which words count and how much is decided in training, on the training set. A hashed word's column
is that of scikit-learn's ``FeatureHasher`` (Weinberger et al., 2009, arXiv 0902.2206), so that
files of different data fit one another.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint_data.features import FeatureSpec, PostFeature
from dgljoint_data.features.tokens import tokenize

# What is chosen on the training set instead.
IN_TRAINING = ("words", "min_count", "idf")


class _Vocabulary(dict[str, int]):
    """The column of each word; a new word gets the next one."""

    def __missing__(self, word: str) -> int:
        self[word] = column = len(self)
        return column


class WordCounts(PostFeature):
    """Counts words, cascade after cascade, and collects the vocabulary on the way."""

    name = "bow"

    def __init__(self, options: NoOptions | None = None) -> None:
        self._column = _Vocabulary()

    def block(self, cascade: Cascade) -> SparseBlock:
        """Count the words of the N posts; an empty text gives an empty row."""
        return self.count(cascade.text)

    def count(self, texts: Sequence[str]) -> SparseBlock:
        """Count the words of N texts."""
        # Most posts of most data sets have no text: find those that do in one pass.
        filled = [row for row, text in enumerate(texts) if text]
        words = [tokenize(texts[row]) for row in filled]
        column = np.array([self._column[word] for line in words for word in line], np.int64)
        row = np.repeat(np.array(filled, np.int64), np.fromiter(map(len, words), np.int64))
        width = max(len(self._column), 1)
        cells, counts = np.unique(row * width + column, return_counts=True)
        filled_cells = np.bincount(cells // width, minlength=len(texts))
        return SparseBlock(
            indptr=np.concatenate(([0], filled_cells.cumsum())),
            indices=(cells % width).astype(np.int32), values=counts.astype(np.float32),
        )

    def columns(self) -> list[str]:
        """Return the words by column."""
        return list(self._column)


class HashedWordsOptions(Options):
    """How words become columns."""

    columns: int = Field(2**18, ge=1, le=2**24, description="number of columns")
    # Training counts in how many cascades a column is used, which signs that cancel would hide.
    signed: bool = Field(
        False, description="count half of the words negatively, so that collisions cancel out"
    )


class HashedWordCounts(PostFeature):
    """Counts words in a fixed number of columns."""

    name = "bow_hashed"

    def __init__(self, options: HashedWordsOptions) -> None:
        from sklearn.feature_extraction import FeatureHasher

        self._columns = options.columns
        self._hasher = FeatureHasher(
            options.columns, input_type="string", dtype=np.float32, alternate_sign=options.signed
        )

    def block(self, cascade: Cascade) -> SparseBlock:
        """Count the words of the N posts; an empty text gives an empty row."""
        return self.count(cascade.text)

    def count(self, texts: Sequence[str]) -> SparseBlock:
        """Count the words of N texts; sums of 0 are left out."""
        counts = self._hasher.transform([tokenize(text) if text else () for text in texts])
        counts.eliminate_zeros()
        return SparseBlock(
            counts.indptr.astype(np.int64), counts.indices.astype(np.int32), counts.data
        )

    def columns(self) -> int:
        """Return the number of columns."""
        return self._columns


BOW = FeatureSpec(
    name=WordCounts.name,
    summary="counts of all words; which of them count is chosen in training (-s features.words=N)",
    build=WordCounts, in_training=IN_TRAINING,
)
HASHED = FeatureSpec(
    name=HashedWordCounts.name, summary="counts of words by hashed column, without a vocabulary",
    options=HashedWordsOptions, build=HashedWordCounts, in_training=IN_TRAINING,
)
