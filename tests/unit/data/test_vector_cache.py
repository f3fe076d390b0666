"""The cache of vectors: nothing that is wrong with it stops a build."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dgljoint_data.features import minilm
from dgljoint_data.features.minilm import VectorCache

WIDTH = 8
TEXTS = [f"text {number}" for number in range(50)]
VECTORS = np.random.default_rng(0).normal(size=(50, WIDTH)).astype(np.float16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the place of a cache that holds the vectors."""
    path = tmp_path / "folder" / "vectors.sqlite3"
    VectorCache(path, WIDTH).write("m", TEXTS, VECTORS)
    return path


def same(found: dict[str, NDArray[np.float16]]) -> bool:
    return list(found) == TEXTS and bool((np.stack(list(found.values())) == VECTORS).all())


def test_what_is_written_is_read_by_another(file: Path) -> None:
    cache = VectorCache(file, WIDTH)
    assert same(cache.read("m", TEXTS))
    assert cache.read("m", []) == {}
    assert cache.read("m", ["another text"]) == {}
    assert cache.read("another model", TEXTS) == {}
    assert cache.notes == []


@pytest.mark.parametrize("content", [b"no database at all" * 99, b""], ids=["bytes", "empty"])
def test_a_file_that_is_none_is_made_anew(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    cache = VectorCache(file, WIDTH)
    assert cache.read("m", TEXTS) == {}
    cache.write("m", TEXTS, VECTORS)
    assert same(VectorCache(file, WIDTH).read("m", TEXTS))
    assert len(cache.notes) == bool(content)


def test_a_file_with_other_columns_is_made_anew(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE vectors (name TEXT)")
        connection.commit()
    cache = VectorCache(file, WIDTH)
    cache.write("m", TEXTS, VECTORS)
    assert same(VectorCache(file, WIDTH).read("m", TEXTS))
    assert "damaged" in cache.notes[0]


def test_a_file_cut_in_the_middle_yields_no_wrong_vector(file: Path) -> None:
    data = file.read_bytes()
    for share in range(1, 8):
        file.write_bytes(data[: len(data) * share // 8])
        cache = VectorCache(file, WIDTH)
        for text, vector in cache.read("m", TEXTS).items():
            assert (vector == VECTORS[TEXTS.index(text)]).all()
        cache.write("m", TEXTS, VECTORS)
        assert same(VectorCache(file, WIDTH).read("m", TEXTS))


def test_a_flipped_bit_is_a_missing_vector(file: Path) -> None:
    data = bytearray(file.read_bytes())
    place = data.find(VECTORS[7].tobytes())
    data[place] ^= 1
    file.write_bytes(data)
    cache = VectorCache(file, WIDTH)
    assert set(TEXTS) - set(cache.read("m", TEXTS)) == {TEXTS[7]}
    cache.write("m", TEXTS[7:8], VECTORS[7:8])
    assert same(cache.read("m", TEXTS))


def test_vectors_of_another_width_are_missing(file: Path) -> None:
    assert VectorCache(file, WIDTH + 1).read("m", TEXTS) == {}


def test_without_a_place_to_write_all_goes_on_and_a_note_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = VectorCache(tmp_path / "file" / "vectors.sqlite3", WIDTH)
    assert cache.read("m", TEXTS) == {}
    cache.write("m", TEXTS, VECTORS)
    assert len(cache.notes) == 1
    assert "not kept" in cache.notes[0]


def test_two_builds_wait_for_each_other(file: Path) -> None:
    with closing(
        sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        cache = VectorCache(file, WIDTH)
        cache.write("m", ["new"], VECTORS[:1])
        release.join()
    assert list(cache.read("m", ["new"])) == ["new"]
    assert cache.notes == []


def test_a_build_that_waits_too_long_goes_on_without(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        cache = VectorCache(file, WIDTH)
        assert cache.read("m", TEXTS) == {}
        other.execute("COMMIT")
    assert "locked" in cache.notes[0]
    assert same(VectorCache(file, WIDTH).read("m", TEXTS))
