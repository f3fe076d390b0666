"""A store written as JSON Lines is read back as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint import Cascade, DataError, Kind, ReadReport
from dgljoint.data.store import CascadeStore, create_store
from dgljoint_data import build_store
from dgljoint_data.export import cascade_line, cascade_lines, write_jsonl
from dgljoint_data.readers.jsonl import JsonlOptions, JsonlReader
from dgljoint_data.readers.jsonl.schema import JsonCascade
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from toys import LABELS, toy_cascade, write_store

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
DELAYS = st.sampled_from([0.0, 1.0, 0.1, 1e9]) | st.floats(0, 1e9)


@st.composite
def cascades(draw: st.DrawFn, name: str) -> Cascade:
    """Draw any cascade that a reader may yield: ties in time, shared ids, every kind."""
    count = draw(st.integers(1, 7))
    parent = [-1, *(draw(st.integers(0, place - 1)) for place in range(1, count))]
    later = sorted(draw(st.lists(DELAYS, min_size=count - 1, max_size=count - 1)))
    ids = draw(st.lists(st.sampled_from(["a", "b", "é\0", "731"]), min_size=count, max_size=count))
    users = draw(st.permutations(range(count)) | st.just([2**63 - 1 - n for n in range(count)]))
    kinds = draw(st.lists(st.sampled_from(list(Kind)[1:]), min_size=count - 1, max_size=count - 1))
    return Cascade(
        id=name,
        event=draw(st.sampled_from(["", "storm", "é\n"])),
        label=draw(st.sampled_from([None, *LABELS])),
        posted_at=draw(st.integers(0, 2**36)),
        post_id=ids,
        parent=np.array(parent, np.int32),
        user=np.array(users, np.int64),
        delay_seconds=np.array([0.0, *later]),
        kind=np.array([Kind.SOURCE, *kinds], np.uint8),
        text=draw(st.lists(TEXTS, min_size=count, max_size=count)),
    )


def write(path: Path, made: list[Cascade]) -> CascadeStore:
    with create_store(path, name="n", reader="r", label_names=LABELS, raw_digest="") as writer:
        for cascade in made:
            writer.add(cascade, {})
    return CascadeStore(path)


def assert_equal(one: Cascade, other: Cascade) -> None:
    for field in ("id", "event", "label", "posted_at"):
        assert getattr(one, field) == getattr(other, field), field
    for field in ("post_id", "parent", "user", "delay_seconds", "kind", "text"):
        assert list(getattr(one, field)) == list(getattr(other, field)), field


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data())
def test_any_cascade_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("export")
    made = [data.draw(cascades(f"c{number}")) for number in range(data.draw(st.integers(1, 3)))]
    store = write(folder / "a.h5", made)
    write_jsonl(store, folder / "a.jsonl")
    report = ReadReport()
    found = list(JsonlReader(JsonlOptions()).read(folder / "a.jsonl", report))
    assert not report.refusals
    for one, other in zip(made, found, strict=True):
        assert_equal(one, other)


def test_a_build_from_the_export_has_the_same_columns(tmp_path: Path) -> None:
    reader = SyntheticReader(SyntheticOptions(world="mixed", cascades=40))
    build_store(reader, reader_name="synthetic", source=None, output=tmp_path / "a.h5")
    store = CascadeStore(tmp_path / "a.h5")
    write_jsonl(store, tmp_path / "a.jsonl")
    labels = JsonlOptions(labels=",".join(store.label_names))
    build_store(JsonlReader(labels), reader_name="jsonl", source=tmp_path / "a.jsonl",
                output=tmp_path / "b.h5")
    again = CascadeStore(tmp_path / "b.h5")
    assert again.label_names == store.label_names
    assert again.columns.keys() == store.columns.keys()
    for name, column in store.columns.items():
        np.testing.assert_array_equal(again.columns[name], column, name)


def test_a_line_is_of_the_schema_and_alone_a_file(tmp_path: Path) -> None:
    store = write(tmp_path / "a.h5", [toy_cascade("c1", [-1, 0, 1]), toy_cascade("c2", [-1])])
    line = cascade_line(store, 0)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    made = JsonCascade.model_validate_json(line)
    assert [post.parent for post in made.posts] == [None, "c1.0", "c1.1"]
    (tmp_path / "x.jsonl").write_bytes(line)
    [found] = JsonlReader(JsonlOptions()).read(tmp_path / "x.jsonl", ReadReport())
    assert_equal(toy_cascade("c1", [-1, 0, 1]), found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"post_id": ["a", "b", "b"], "user": np.array([1, 2, 2])}, "post that occurs twice"),
        ({"user": np.array([1, -2, 3])}, "line of another form"),
        ({"post_id": ["a", "", "b"]}, "line of another form"),
        ({"kind": np.array([1, 1, 1], np.uint8)}, "kind and parent disagree"),
    ],
)
def test_what_the_format_cannot_say_is_refused_and_leaves_no_file(
    tmp_path: Path, changes: dict, message: str
) -> None:
    good, bad = toy_cascade("good", [-1]), replace(toy_cascade("bad", [-1, 0, 0]), **changes)
    store = write(tmp_path / "a.h5", [good, bad])
    with pytest.raises(DataError, match=f"cascade bad of .*{message}"):
        write_jsonl(store, tmp_path / "a.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_an_empty_store_has_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no cascade"):
        list(cascade_lines(write(tmp_path / "a.h5", [])))


def test_lines_come_one_at_a_time(tmp_path: Path) -> None:
    store = CascadeStore(write_store(tmp_path / "a.h5", [toy_cascade(n, [-1]) for n in "abc"]))
    lines = cascade_lines(store)
    assert b'"id":"a"' in next(lines)


def test_targets_are_read_back_and_the_content_is_the_same(tmp_path: Path) -> None:
    made = [
        replace(toy_cascade("a", [-1, 0, 0]), targets={"stance": ["deny", None, "query"]}),
        replace(toy_cascade("b", [-1, 0]), targets={"veracity": "true", "stance": [None, "deny"]}),
        toy_cascade("c", [-1]),
    ]
    store = write(tmp_path / "a.h5", made)
    write_jsonl(store, tmp_path / "a.jsonl")
    report = ReadReport()
    reader = JsonlReader(JsonlOptions(labels=",".join(LABELS)))
    back = write(tmp_path / "b.h5", list(reader.read(tmp_path / "a.jsonl", report)))
    assert back.content_digest == store.content_digest
    assert {name: target.count() for name, target in back.targets.items()} == {
        "stance": ({"deny": 2, "query": 1}, 3), "veracity": ({"true": 1}, 2)
    }
    summary = build_store(
        reader, reader_name="jsonl", source=tmp_path / "a.jsonl", output=tmp_path / "c.h5"
    )
    assert str(summary.targets["stance"]) == "per post: 2 deny, 1 query; 3 none"
    assert summary.targets["veracity"].none == 2


def test_posts_in_another_order_keep_their_targets(tmp_path: Path) -> None:
    line = (
        b'{"id": "a", "posts": [{"id": "r", "parent": "s", "delay_seconds": 5, "targets": '
        b'{"stance": "deny"}}, {"id": "s", "parent": null, "delay_seconds": 0}]}'
    )
    (tmp_path / "a.jsonl").write_bytes(line)
    [cascade] = JsonlReader(JsonlOptions()).read(tmp_path / "a.jsonl", ReadReport())
    assert cascade.targets == {"stance": [None, "deny"]}
