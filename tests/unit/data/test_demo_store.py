"""The demo set: made once for each folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.data.store import CascadeStore
from dgljoint.errors import RunFailedError
from dgljoint_data import build, demo_store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(build, "user_cache_path", lambda name: folder / name)
    return folder


def test_it_is_made_once(cache: Path) -> None:
    path = demo_store()
    before = path.stat()
    assert path.parent == cache / "dgljoint"
    assert CascadeStore(path).name == "demo"
    assert demo_store() == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_a_folder_that_is_named_holds_it_hidden_and_nothing_else_does(
    cache: Path, tmp_path: Path
) -> None:
    path = demo_store(tmp_path / "runs")
    assert path.parent == tmp_path / "runs"
    assert path.name.startswith(".demo-")
    assert not cache.exists()
    assert CascadeStore(path).digest == CascadeStore(demo_store()).digest


def test_a_damaged_file_is_replaced() -> None:
    path = demo_store()
    digest = CascadeStore(path).digest
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert CascadeStore(demo_store()).digest == digest
    path.write_bytes(b"")
    assert CascadeStore(demo_store()).digest == digest


def test_another_generator_makes_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    path = demo_store()
    monkeypatch.setattr("dgljoint_data.readers.synthetic.GENERATOR_VERSION", 999)
    assert demo_store() != path
    assert path.exists()


def test_a_cache_that_cannot_be_written_is_an_error(cache: Path) -> None:
    cache.write_text("a file in the way")
    with pytest.raises(RunFailedError, match="cannot write"):
        demo_store()
