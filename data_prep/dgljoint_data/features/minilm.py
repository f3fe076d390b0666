"""Sentence vectors of posts from all-MiniLM-L6-v2, a model that an installed package carries.

A text is told apart by what it says alone: links become ``url`` and mentions ``@user``, as in the
other features of words, and runs of white space one space. Its vector is the model card's: the
mean over at most 256 word pieces, of unit length. A post without a text has none.

A vector does not depend on what else was computed with it: texts share a batch only when they
have the same number of word pieces, so that none is padded, and a batch is computed by one thread.
That gives the same bits in batches of 1 to 128 texts (measured with torch 2.13 on an AMD EPYC;
torch does not promise it); more threads inside a batch, or padding, do not. The cache holds vectors
by the model, the version of torch and the text: the first value found stays, and a build that was
interrupted goes on where it was.

Reference: Reimers, N. and Gurevych, I. (2019). Sentence-BERT: sentence embeddings using Siamese
BERT-networks. https://aclanthology.org/D19-1410/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade, RowBlock
from dgljoint.errors import install_command
from dgljoint_data.features.protocol import FeatureSpec, PostFeature
from dgljoint_data.features.tokens import LINK, MENTION, URL, USER

WIDTH = 384

_LINK = re.compile(LINK, re.IGNORECASE)
_MENTION = re.compile(MENTION)


class MinilmOptions(Options):
    """Options of the feature; none of them changes a vector."""

    # From 16 to 128 the speed is the same; what an interrupted build loses is a batch.
    batch: int = Field(32, ge=1, le=4096, description="texts that are computed at once, at most")
    # As in training: more pay on an idle machine only.
    threads: int = Field(1, ge=1, le=256, description="batches that are computed side by side")


class SentenceModel(Protocol):
    """What turns texts into vectors."""

    def split(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the word pieces of each text, at most 256, the model's own marks included."""
        ...

    def embed(
        self, batches: Iterable[NDArray[np.int64]], threads: int
    ) -> Iterator[NDArray[np.float32]]:
        """Yield (B, 384) vectors of unit length for each batch of (B, L) word pieces, in order."""
        ...


class ModelSource(Protocol):
    """Where a model comes from; loading it may take seconds, naming it does not."""

    def identity(self) -> str:
        """Return a digest that changes when a vector may."""
        ...

    def load(self) -> SentenceModel:
        """Return the model."""
        ...


class VectorCache(Protocol):
    """Vectors kept from earlier builds.

    Attributes:
        notes: what was wrong with them, one sentence each.
    """

    notes: list[str]

    def read(self, identity: str, texts: Sequence[str]) -> dict[str, NDArray[np.float16]]:
        """Return the vectors that are there."""
        ...

    def write(self, identity: str, texts: Sequence[str], vectors: NDArray[np.float16]) -> None:
        """Keep some vectors for good."""
        ...


class SentenceVectors(PostFeature):
    """The 384 float16 numbers of each cascade's posts that have a text.

    Args:
        options: see :class:`MinilmOptions`.
        source: of the model, which is loaded when a vector is missing.
        cache: of vectors.
    """

    name = "minilm"

    def __init__(self, options: MinilmOptions, source: ModelSource, cache: VectorCache) -> None:
        self._options = options
        self._source = source
        self._cache = cache
        self._identity: str | None = None
        self._model: SentenceModel | None = None
        self._vectors: dict[str, NDArray[np.float16]] = {}

    def prepare(self, cascades: Sequence[Cascade]) -> None:
        """Find or compute the vectors of all their texts, each text once."""
        texts = [normalise(text) for cascade in cascades for text in cascade.text if text]
        distinct = [text for text in dict.fromkeys(texts) if text]
        if self._identity is None:
            self._identity = self._source.identity()
        self._vectors = self._cache.read(self._identity, distinct)
        missing = [text for text in distinct if text not in self._vectors]
        if not missing:
            return
        if self._model is None:
            self._model = self._source.load()
        for batch, vectors in embed(self._model, missing, self._options):
            self._cache.write(self._identity, batch, vectors)
            self._vectors.update(zip(batch, vectors, strict=True))

    def block(self, cascade: Cascade) -> RowBlock:
        """Return the vectors of the posts that have a text."""
        given = {post: normalise(text) for post, text in enumerate(cascade.text) if text}
        texts = {post: text for post, text in given.items() if text}
        if any(text not in self._vectors for text in texts.values()):
            self.prepare([cascade])
        rows = np.empty((len(texts), WIDTH), np.float16)
        for row, text in enumerate(texts.values()):
            rows[row] = self._vectors[text]
        return RowBlock(np.array(list(texts), np.int64), rows)

    def notes(self) -> Sequence[str]:
        """Say what was wrong with the cache."""
        return self._cache.notes


def normalise(text: str) -> str:
    """Return what the model is shown of a text.

    >>> normalise("RT @BBCNews:  dam  broke https://t.co/x")
    'RT @user: dam broke url'
    """
    return " ".join(_MENTION.sub(USER, _LINK.sub(URL, text)).split())


def embed(
    model: SentenceModel, texts: Sequence[str], options: MinilmOptions
) -> Iterator[tuple[list[str], NDArray[np.float16]]]:
    """Yield batches of texts with their (B, 384) vectors, short texts first."""
    pieces = model.split(texts)
    by_length = sorted(range(len(texts)), key=lambda number: len(pieces[number]))
    batches = [
        same[start : start + options.batch]
        for same in (list(run) for _, run in groupby(by_length, lambda n: len(pieces[n])))
        for start in range(0, len(same), options.batch)
    ]
    arrays = (np.array([pieces[number] for number in batch], np.int64) for batch in batches)
    for batch, vectors in zip(batches, model.embed(arrays, options.threads), strict=True):
        yield [texts[number] for number in batch], vectors.astype(np.float16)


def build(options: MinilmOptions) -> SentenceVectors:
    """Make the feature from the package that is installed.

    Raises:
        UsageError: none is.
    """
    from dgljoint_data.features._model_package import find_package
    from dgljoint_data.features._vector_cache import SqliteCache, cache_path

    return SentenceVectors(options, find_package(), SqliteCache(cache_path(), WIDTH))


SPEC = FeatureSpec(
    name=SentenceVectors.name,
    summary=f"sentence vectors of all-MiniLM-L6-v2 (384); {install_command('minilm')}",
    options=MinilmOptions,
    build=build,
)
