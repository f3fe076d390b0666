"""Vectors by the digest of what they were made from, in one SQLite file.

Vectors are there for good once a batch is written, however the process ends. Several builds may
share the file. What is wrong with it never stops a build: a damaged file is made anew, a damaged
vector counts as missing, and where it cannot be written all goes on without it. The file stays
small beside what it saves, and may be deleted at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from dgljoint_data.features.minilm import VectorCache

_DTYPE = np.dtype("<f2")
_CHECK_BYTES = 8
_KEY_BYTES = 20
# How long a build waits for another one's batch.
_TIMEOUT_SECONDS = 30
_SELECT = "SELECT value FROM vectors WHERE key = ?"
# What a file says that is no cache, or half of one: SQLITE_ERROR comes from other tables.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def cache_path() -> Path:
    """Return where the vectors are kept."""
    return user_cache_path("dgljoint") / "sentence-vectors-1.sqlite3"


class SqliteCache(VectorCache):
    """A cache of float16 vectors of one width.

    Args:
        path: of the file, made when it is missing.
        width: of a vector.

    Attributes:
        notes: what was wrong with the file, one sentence each.
    """

    def __init__(self, path: Path, width: int) -> None:
        self._path = path
        self._bytes = width * _DTYPE.itemsize
        self._usable = True
        self.notes: list[str] = []

    def read(self, identity: str, texts: Sequence[str]) -> dict[str, NDArray[np.float16]]:
        """Return the vectors that are there and whole, by text."""
        found: dict[str, NDArray[np.float16]] = {}

        def select(connection: sqlite3.Connection) -> None:
            for text in texts:
                key = _key(identity, text)
                row = connection.execute(_SELECT, (key,)).fetchone()
                vector = None if row is None else self._unpack(key, row[0])
                if vector is not None:
                    found[text] = vector

        if texts:
            self._use(select)
        return found

    def write(self, identity: str, texts: Sequence[str], vectors: NDArray[np.float16]) -> None:
        """Keep some vectors in one transaction."""
        keys = [_key(identity, text) for text in texts]
        rows = [(key, _pack(key, row)) for key, row in zip(keys, vectors, strict=True)]

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
                if _code(error) not in _DAMAGED:
                    raise
                self._remove()
                self.notes.append(f"{self._path} was damaged ({error}) and is made anew")
                with self._connected() as connection:
                    action(connection)
        except (sqlite3.Error, OSError) as error:
            self._usable = False
            self.notes.append(f"sentence vectors are not kept for later: {self._path}: {error}")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Transactions begin where the code says so.
        with closing(
            sqlite3.connect(self._path, timeout=_TIMEOUT_SECONDS, isolation_level=None)
        ) as connection:
            # A killed process loses nothing by it; after a power cut the file may be damaged.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, value BLOB NOT NULL)"
            )
            yield connection

    def _remove(self) -> None:
        self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def _unpack(self, key: bytes, value: object) -> NDArray[np.float16] | None:
        if not isinstance(value, bytes) or len(value) != self._bytes + _CHECK_BYTES:
            return None
        data, check = value[: self._bytes], value[self._bytes :]
        return np.frombuffer(data, _DTYPE) if check == _check(key, data) else None


def _key(identity: str, text: str) -> bytes:
    return blake2b(f"{identity}\n{text}".encode(), digest_size=_KEY_BYTES).digest()


def _pack(key: bytes, vector: NDArray[np.float16]) -> bytes:
    data = vector.astype(_DTYPE).tobytes()
    return data + _check(key, data)


def _check(key: bytes, data: bytes) -> bytes:
    return blake2b(key + data, digest_size=_CHECK_BYTES).digest()


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error; its extended part says more than is asked."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
