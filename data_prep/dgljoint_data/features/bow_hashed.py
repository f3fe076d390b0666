"""Word counts by hashed column: no vocabulary, so that files of different data fit one another.

The column of a word is that of scikit-learn's ``FeatureHasher``: MurmurHash3 of its UTF-8 bytes,
without its sign, modulo the number of columns (Weinberger et al., 2009, arXiv 0902.2206).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint_data.features.bow import IN_TRAINING
from dgljoint_data.features.protocol import FeatureSpec, PostFeature
from dgljoint_data.features.words import find_words, sum_words

_MOST_REMEMBERED = 1_000_000


class HashedWordsOptions(Options):
    """How words become columns."""

    columns: int = Field(2**18, ge=1, le=2**24, description="number of columns")
    # Training counts in how many cascades a column is used, which signs that cancel would hide.
    signed: bool = Field(
        False, description="count half of the words negatively, so that collisions cancel out"
    )


class _Columns(dict[str, int]):
    """The column of each word met lately; its complement for a word that counts negatively."""

    def __init__(self, options: HashedWordsOptions, digest: Callable[[str, int], int]) -> None:
        self._options = options
        self._digest = digest

    def __missing__(self, word: str) -> int:
        digest = self._digest(word, 0)
        column = abs(digest) % self._options.columns
        number = ~column if digest < 0 and self._options.signed else column
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        self[word] = number
        return number


class HashedWordCounts(PostFeature):
    """Counts words in a fixed number of columns."""

    name = "bow_hashed"

    def __init__(self, options: HashedWordsOptions) -> None:
        from sklearn.utils import murmurhash3_32

        self._options = options
        self._column = _Columns(options, murmurhash3_32)

    def block(self, cascade: Cascade) -> SparseBlock:
        """Count the words of the N posts; an empty text gives an empty row."""
        return self.count(cascade.text)

    def count(self, texts: Sequence[str]) -> SparseBlock:
        """Count the words of N texts."""
        row, number = find_words(texts, self._column)
        width = self._options.columns
        if not self._options.signed:
            return sum_words(len(texts), row, number, width)
        column, weight = np.where(number < 0, ~number, number), np.where(number < 0, -1.0, 1.0)
        return sum_words(len(texts), row, column, width, weight)

    def columns(self) -> int:
        """Return the number of columns."""
        return self._options.columns


SPEC = FeatureSpec(
    name=HashedWordCounts.name,
    summary="counts of words by hashed column, without a vocabulary",
    options=HashedWordsOptions,
    build=HashedWordCounts,
    in_training=IN_TRAINING,
)
