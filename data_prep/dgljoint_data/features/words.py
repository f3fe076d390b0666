"""Texts to sparse rows: what the features of words have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import SparseBlock
from dgljoint_data.features.tokens import tokenize

Index = NDArray[np.int64]


def find_words(texts: Sequence[str], number: dict[str, int]) -> tuple[Index, Index]:
    """Return the text and the number of each word, text after text."""
    # Most posts of most data sets have no text: find those that do in one pass.
    filled = [row for row, text in enumerate(texts) if text]
    words = [tokenize(texts[row]) for row in filled]
    found = [number[word] for line in words for word in line]
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    return np.repeat(np.array(filled, np.int64), lengths), np.array(found, np.int64)


def sum_words(
    rows: int, row: Index, column: Index, width: int, weight: NDArray[np.float64] | None = None
) -> SparseBlock:
    """Add up the words of each row and column; sums of 0 are left out.

    Args:
        rows: N.
        row: of each word, from 0 to N-1.
        column: of each word.
        width: more than any column.
        weight: what each word counts; 1 when ``None``.
    """
    cells = row * width + column
    values: NDArray[np.floating] | NDArray[np.integer]
    if weight is None:
        cells, values = np.unique(cells, return_counts=True)
    else:
        cells, inverse = np.unique(cells, return_inverse=True)
        values = np.bincount(inverse, weight, len(cells))
        cells, values = cells[values != 0], values[values != 0]
    row_of = cells // width
    return SparseBlock(
        indptr=np.concatenate(([0], np.bincount(row_of, minlength=rows).cumsum())),
        indices=(cells % width).astype(np.int32),
        values=values.astype(np.float32),
    )
