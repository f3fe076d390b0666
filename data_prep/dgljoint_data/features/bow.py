"""Word counts of posts, kept sparse and raw.

Nothing is fitted here: the vocabulary is that of the whole data set, in the order in which words
are first met. Which words count and how much is decided in training, on the training part.
"""

from __future__ import annotations

from collections.abc import Sequence

from dgljoint.config.options import NoOptions
from dgljoint.data.cascade import Cascade, SparseBlock
from dgljoint_data.features.protocol import FeatureSpec, PostFeature
from dgljoint_data.features.words import find_words, sum_words

# What is chosen on the training part instead.
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
        row, column = find_words(texts, self._column)
        return sum_words(len(texts), row, column, max(len(self._column), 1))

    def columns(self) -> list[str]:
        """Return the words by column."""
        return list(self._column)


SPEC = FeatureSpec(
    name=WordCounts.name,
    summary="counts of all words; which of them count is chosen in training (-s features.words=N)",
    build=WordCounts,
    in_training=IN_TRAINING,
)
