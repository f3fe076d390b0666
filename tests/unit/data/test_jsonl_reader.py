"""The reader of our own format: what it takes, and every line it refuses with its place."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint import Cascade, DataError, Kind, ReadReport, UsageError
from dgljoint.config.options import parse_options
from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.readers.jsonl import JsonlOptions, JsonlReader, dgljoint_readers
from dgljoint_data.readers.jsonl.schema import JsonCascade

Value = dict[str, object]


def post(name: object, parent: object, delay: object, **more: object) -> Value:
    return {"id": name, "parent": parent, "delay_seconds": delay, **more}


def line(name: object = "c1", *posts: Value, **more: object) -> Value:
    """Make a cascade of a source, two replies to it and one below, not in time order."""
    small = (
        post("d", "b", 40), post("b", "a", 20.5, kind="retweet", user=3),
        post("a", None, 0, user=7, text=f"of {name} 🔥"), post("c", "a", 30, kind="quote"),
    )
    return {"id": name, "posts": list(posts or small), **more}


def read(
    path: Path, *lines: Value | bytes, labels: str = ""
) -> tuple[list[Cascade], ReadReport]:
    """Read a file of these lines and check what holds for every one: nothing is lost."""
    data = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    path.write_bytes(b"\n".join(data) + b"\n")
    report = ReadReport()
    cascades = list(JsonlReader(JsonlOptions(labels=labels)).read(path, report))
    for cascade in cascades:
        cascade.check()
    counts = report.counts
    refused = sum(tally.count for tally in report.refusals.values())
    assert counts["lines"] == len(cascades) + refused
    stored = sum(map(len, cascades))
    assert counts["distinct_posts"] == stored + counts.get("posts_dropped_with_line", 0)
    return cascades, report


def test_a_line_is_a_cascade_in_time_order(tmp_path: Path) -> None:
    full = line(event="storm", label="false", posted_at=1_407_891_610)
    [cascade, bare], report = read(tmp_path / "x.jsonl", full, b"", line("c2", post("s", None, 0)))
    assert (cascade.id, cascade.event, cascade.label) == ("c1", "storm", "false")
    assert cascade.posted_at == 1_407_891_610
    assert list(cascade.post_id) == ["a", "b", "c", "d"]
    assert cascade.parent.tolist() == [-1, 0, 0, 1]
    assert cascade.delay_seconds.tolist() == [0, 20.5, 30, 40]
    assert cascade.user.tolist() == [7, 3, 0, 0]
    assert cascade.kind.tolist() == [Kind.SOURCE, Kind.RETWEET, Kind.QUOTE, Kind.REPLY]
    assert list(cascade.text) == ["of c1 🔥", "", "", ""]
    assert (bare.event, bare.label, bare.posted_at, len(bare)) == ("", None, 0, 1)
    assert report.counts == {"threads_met": 2, "lines": 2, "distinct_posts": 5}


@pytest.mark.parametrize(
    ("bad", "reason", "example"),
    [
        (b'{"id": "c2", "po', "not JSON", "x.jsonl:2: "),
        (b"\xff\xfe", "not JSON", "x.jsonl:2: "),
        (
            b'{"id": "c2", "targets": {"s": "x"}, "posts": [{"id": "p", "parent": null, '
            b'"delay_seconds": 0, "targets": {"s": "y"}}]}',
            "target per cascade and per post", "x.jsonl:2: targets.s",
        ),
        (b"\x00", "not JSON", "x.jsonl:2: "),
        (b"[" * 100_000, "not JSON", "x.jsonl:2: recursion limit"),
        (b"[]", "line of another form", "x.jsonl:2: "),
        (line(7), "line of another form", "x.jsonl:2: id: Input should be a valid string"),
        (line("c2", lable="x"), "line of another form", "x.jsonl:2: lable: Extra inputs"),
        (line("c2", posted_at=[1]), "line of another form", "x.jsonl:2: posted_at: "),
        (line("c2", posted_at="soon"), "no date", "x.jsonl:2: posted_at: 'soon' is no date"),
        (line("c2", label=""), "line of another form", "x.jsonl:2: label: "),
        ({"id": "c2"}, "line of another form", "x.jsonl:2: posts: Field required"),
        ({"id": "c2", "posts": []}, "line of another form", "x.jsonl:2: posts: List should"),
        (
            line("c2", {"id": "a", "delay_seconds": 0}),
            "line of another form", "x.jsonl:2: posts.0.parent: Field required",
        ),
        (
            line("c2", post("a", None, "0"), post(1, "a", 1)),
            "line of another form",
            "x.jsonl:2: posts.0.delay_seconds: Input should be a valid number (and 1 more)",
        ),
        (line("c2", post("a", None, -1)), "line of another form", "x.jsonl:2: posts.0.delay_sec"),
        (line("c2", post("a", None, 1e300)), "line of another form", "x.jsonl:2: posts.0.delay"),
        (line("c2", post("a", None, 0, user=2**63)), "line of another form", "x.jsonl:2: posts.0"),
        (line("c2", post("a", None, 0, kind="like")), "line of another form", "x.jsonl:2: posts.0"),
        (line("c1"), "cascade that occurs twice", "x.jsonl:2: id: 'c1'"),
        (
            line("c2", post("a", None, 0), post("a", "a", 1)),
            "post that occurs twice", "x.jsonl:2: posts.0.id: 'a'",
        ),
        (
            line("c2", post("a", None, 0), post("b", None, 1)),
            "cascade without one source", "x.jsonl:2: posts: 2 have no parent",
        ),
        (line("c2", post("a", None, 3)), "source with a delay", "x.jsonl:2: posts.0.delay_seconds"),
        (
            line("c2", post("a", None, 0, kind="reply")),
            "kind and parent disagree", "x.jsonl:2: posts.0.kind: 'reply'",
        ),
        (
            line("c2", post("a", None, 0), post("b", "a", 1, kind="source")),
            "kind and parent disagree", "x.jsonl:2: posts.1.kind: 'source'",
        ),
        (
            line("c2", post("a", None, 0), post("b", "x", 1)),
            "unknown parent", "x.jsonl:2: posts.1.parent: 'x'",
        ),
        (
            line("c2", post("a", None, 0), post("b", 2, 1)),
            "unknown parent", "x.jsonl:2: posts.1.parent: 2",
        ),
        (line("c2", post("a", None, 0), post("b", -1, 1)), "line of another form", "x.jsonl:2: p"),
        (
            line("c2", post("a", None, 0, user=1), post("a", 0, 1, user=2), post("b", "a", 2)),
            "parent that several posts could be", "x.jsonl:2: posts.2.parent: 'a'; name its place",
        ),
        (
            line("c2", post("a", None, 0), post("b", 1, 1)),
            "posts that answer one another in a circle", "x.jsonl:2: posts.1.parent",
        ),
        (
            line("c2", post("a", None, 0), post("b", "c", 1), post("c", "b", 1)),
            "posts that answer one another in a circle", "x.jsonl:2: posts.1.parent",
        ),
        (
            line("c2", post("a", None, 0), post("b", "a", 2), post("c", "b", 1)),
            "post earlier than its parent", "x.jsonl:2: posts.2.delay_seconds",
        ),
    ],
)
def test_a_bad_line_is_refused_with_its_place_and_the_others_kept(
    tmp_path: Path, bad: Value | bytes, reason: str, example: str
) -> None:
    cascades, report = read(tmp_path / "x.jsonl", line(), bad, line("c3"))
    assert [cascade.id for cascade in cascades] == ["c1", "c3"]
    [(found, tally)] = report.refusals.items()
    assert (found, tally.count) == (reason, 1)
    assert tally.examples[0].startswith(example)


def test_posts_that_share_an_id_are_told_apart_by_place_and_user(tmp_path: Path) -> None:
    shared = line(
        "c2", post("a", None, 0, user=1), post("a", 0, 5, user=2), post("b", 1, 5, user=2)
    )
    [cascade], report = read(tmp_path / "x.jsonl", shared)
    assert not report.refusals
    assert cascade.parent.tolist() == [-1, 0, 1]


def test_posts_in_order_of_time_stay_in_their_order(tmp_path: Path) -> None:
    tied = line("c", post("a", None, 0), post("b", "a", 5), post("c", "b", 5), post("d", "a", 5))
    [cascade], _ = read(tmp_path / "x.jsonl", tied)
    assert list(cascade.post_id) == ["a", "b", "c", "d"]


def test_labels_come_from_the_data_or_from_the_option(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    lines = [line("c1", label="true"), line("c2", label="hoax"), line("c3"), b'{"label": "no"}']
    read(file, *lines)
    assert JsonlReader(JsonlOptions()).collect_labels(file) == ("hoax", "true")
    named = JsonlOptions(labels="true, false")
    assert JsonlReader(named).collect_labels(file) == ("true", "false")
    cascades, report = read(file, *lines, labels="true, false")
    assert [cascade.id for cascade in cascades] == ["c1", "c3"]
    assert report.refusals["unknown label"].examples == [
        "x.jsonl:2: label: 'hoax'; known: true, false"
    ]


@pytest.mark.parametrize("labels", ["a,a", "a,,b", ",", " "])
def test_labels_that_are_no_names_are_a_usage_error(labels: str) -> None:
    with pytest.raises(UsageError, match="names that differ"):
        parse_options(JsonlOptions, {"labels": labels}, "jsonl")


def test_a_folder_of_files_is_built_into_a_store(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    read(raw / "b.jsonl", b"\xef\xbb\xbf" + json.dumps(line("c3", label="x")).encode())
    read(raw / "a.jsonl", line("c1", label="y"), line("c2", label="x"))
    (raw / "._a.jsonl").write_bytes(b"\x00")

    def build(labels: str = "") -> str:
        summary = build_store(
            JsonlReader(JsonlOptions(labels=labels)), reader_name="jsonl", source=raw,
            output=tmp_path / "out.h5",
        )
        assert summary.posts == 12
        expected = {"y": 1, "x": 2} if labels else {"x": 2, "y": 1}
        assert list(summary.labels.items()) == list(expected.items())
        store = CascadeStore(summary.path)
        assert store.label_names == tuple(expected)
        return summary.raw_digest

    digests = [build(), build("y,x")]
    assert build() == digests[0]
    read(raw / "b.jsonl", line("c3", label="x", event="e"))
    assert len({*digests, build()}) == 3


def test_nothing_to_read_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank.jsonl").write_text("\n \n")
    for name, message in (
        ("missing", "does not exist"), ("empty", "holds no .jsonl or .ndjson file"),
        ("blank.jsonl", "holds no readable cascade: it is empty"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            list(JsonlReader(JsonlOptions()).read(tmp_path / name, ReadReport()))
        assert caught.value.hint
    with pytest.raises(DataError, match=r"no readable cascade: not JSON \(bad.jsonl:1: "):
        read(tmp_path / "bad.jsonl", b"{")


def test_the_schema_that_ships_is_that_of_the_reader() -> None:
    shipped = resources.files("dgljoint_data").joinpath("cascade.schema.json").read_text()
    assert json.loads(shipped) == JsonCascade.model_json_schema()


def test_the_spec_needs_a_source() -> None:
    [spec] = dgljoint_readers()
    assert (spec.name, spec.needs_source, spec.options) == ("jsonl", True, JsonlOptions)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3)
    | st.sampled_from(["a", "b", "c", "c1", "source"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "posts", "parent"]), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Damage a line: a value replaced or a key removed, then perhaps bytes cut or put in."""
    value = line("c2", event="e", label="x", posted_at=5)
    posts = value["posts"]
    assert isinstance(posts, list)
    target = draw(st.sampled_from([value, *posts]))
    key = draw(st.sampled_from(sorted(target)))
    if draw(st.booleans()):
        target[key] = draw(VALUES)
    else:
        del target[key]
    data = json.dumps(value).encode()
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=9)) + data[at + draw(st.integers(0, 400)) :]
    return data


@settings(max_examples=300, deadline=None, derandomize=True)
@given(damaged=mutants())
def test_a_damaged_line_loses_nothing_silently(
    tmp_path_factory: pytest.TempPathFactory, damaged: bytes
) -> None:
    folder = tmp_path_factory.mktemp("mutant")
    cascades, _ = read(folder / "x.jsonl", line(), damaged, line("c3"))
    assert {"c1", "c3"} <= {cascade.id for cascade in cascades}
