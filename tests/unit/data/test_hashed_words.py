"""Word counts without a vocabulary."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer

from dgljoint_data.features.bow import HashedWordCounts, HashedWordsOptions
from dgljoint_data.features.tokens import tokenize

TEXTS = [
    "Breaking: 3 dead at https://t.co/x, via @someone #paris", "", "naïve 東京 dead dead",
    " ".join(f"word{n % 90}" for n in range(400)),
]


def dense(texts: list[str], options: HashedWordsOptions) -> np.ndarray:
    block = HashedWordCounts(options).count(texts)
    rows = np.zeros((len(texts), options.columns))
    for row in range(len(texts)):
        places = slice(block.indptr[row], block.indptr[row + 1])
        assert (np.diff(block.indices[places]) > 0).all()
        rows[row, block.indices[places]] = block.values[places]
    assert (block.values != 0).all()
    assert (block.indices.dtype, block.values.dtype) == (np.int32, np.float32)
    return rows


@pytest.mark.parametrize("columns", [1, 16, 1000, 2**12])
@pytest.mark.parametrize("signed", [False, True])
def test_columns_and_values_are_those_of_scikit_learn(columns: int, signed: bool) -> None:
    theirs = HashingVectorizer(
        n_features=columns, alternate_sign=signed, norm=None, analyzer=tokenize
    ).transform(TEXTS).toarray()
    ours = dense(TEXTS, HashedWordsOptions(columns=columns, signed=signed))
    np.testing.assert_array_equal(ours, theirs)


def test_a_word_has_one_column_for_ever() -> None:
    """Files that were written at different times fit one another."""
    counts = HashedWordCounts(HashedWordsOptions())
    assert counts.count(["paris", "dead"]).indices.tolist() == [39699, 152015]
    assert counts.columns() == 2**18
