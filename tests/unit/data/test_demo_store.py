"""The demo set: made once for each folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.data.store import CascadeStore
from dgljoint.errors import RunFailedError, UsageError
from dgljoint_data import demo_store, generated, generated_store
from dgljoint_data.readers.synthetic import SyntheticOptions


class Few(SyntheticOptions):
    cascades: int = 12


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "SyntheticOptions", Few)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(generated, "user_cache_path", lambda name: folder / name)
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


def test_generated_data_are_made_once_by_the_options_in_their_name(tmp_path: Path) -> None:
    name = "synthetic:world=both, strength=0.5, cascades=12"
    path = generated_store(name, tmp_path)
    store = CascadeStore(path)
    assert (store.name, len(store)) == ("world both, strength 0.5, cascades 12", 12)
    assert store.label_names == ("false", "true")
    assert generated_store(name, tmp_path) == path
    assert generated_store("synthetic:world=apart,cascades=12", tmp_path) != path
    assert generated.generator_settings("twitter15") == {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("synthetic:", "KEY=VALUE"), ("synthetic:world", "KEY=VALUE"),
        ("synthetic:world=boht", "both"), ("synthetic:words=1", "world"),
    ],
)
def test_generated_data_of_a_wrong_name_are_refused(
    name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        generated_store(name, tmp_path)
    assert message in f"{refused.value.message} {refused.value.hint}"
    assert not list(tmp_path.iterdir())
