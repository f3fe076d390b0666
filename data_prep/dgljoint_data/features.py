"""Word counts of posts, kept sparse and raw.

Nothing is fitted here: the vocabulary is that of the whole data set, in the order in which words
are first met. Which words count and how much is decided in training, on the training part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from dgljoint.cascade import SparseBlock

NAME = "bow"
VERSION = 1

URL = "url"
USER = "@user"
NUMBER = "<number>"

# A word is what scikit-learn's analyzer takes for one: two or more word characters. The expression
# is written out because importing the analyzer costs more than tokenising Twitter15.
_TOKEN = re.compile(
    r"(?P<url>https?://\S+|www\.\S+)"
    r"|(?P<user>(?<!\w)@\w+)"
    r"|(?P<number>(?<!\w)\d+(?:[.,:]\d+)*(?!\w))"
    r"|#?\w\w+"
)
_STANDS_FOR = {"url": URL, "user": USER, "number": NUMBER}


def tokenize(text: str) -> list[str]:
    """Split a text into lower-case words.

    Links, mentions and numbers each become one token; hashtags keep their sign.

    >>> tokenize("RT @Whitehouse: 3,000 jobs! #Jobs https://t.co/x URL")
    ['rt', '@user', '<number>', 'jobs', '#jobs', 'url', 'url']
    """
    return [
        _STANDS_FOR[match.lastgroup] if match.lastgroup else match[0]
        for match in _TOKEN.finditer(text.lower())
    ]


class WordCounts:
    """Counts words, cascade after cascade, and collects the vocabulary on the way."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}

    def block(self, texts: Sequence[str]) -> SparseBlock:
        """Count the words of the N posts of one cascade; an empty text gives an empty row."""
        columns = self._columns
        # Most posts of most data sets have no text: find those that do in one pass.
        filled = [row for row, text in enumerate(texts) if text]
        words = [tokenize(texts[row]) for row in filled]
        found = [columns.setdefault(word, len(columns)) for line in words for word in line]
        width = max(len(columns), 1)
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        rows = np.repeat(np.array(filled, np.int64), lengths)
        cells, counts = np.unique(rows * width + np.array(found, np.int64), return_counts=True)
        row_of = cells // width
        return SparseBlock(
            indptr=np.concatenate(([0], np.bincount(row_of, minlength=len(texts)).cumsum())),
            indices=(cells % width).astype(np.int32),
            values=counts.astype(np.float32),
        )

    def vocabulary(self) -> list[str]:
        """Return the words by column."""
        return list(self._columns)
