"""JSON Lines as people have them: compressed, with names, dates and numbers of their own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from dgljoint import Cascade, DataError, ReadReport
from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.readers.jsonl import JsonlOptions, JsonlReader, dgljoint_readers
from dgljoint_data.readers.jsonl import parts as _parts
from dgljoint_data.workers import working

Value = dict[str, object]


def post(name: str, parent: str | None = "a", delay: float | None = 5, **more: object) -> Value:
    value: Value = {"id": name, "parent": parent}
    return value | ({} if delay is None else {"delay_seconds": delay}) | more


def line(name: str, *posts: Value, **more: object) -> Value:
    return {"id": name, "posts": list(posts or (post("a", None, 0), post("b"))), **more}


def dump(*lines: Value) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def read(
    source: Path, *lines: Value, **options: str
) -> tuple[list[Cascade], ReadReport]:
    if lines:
        source.write_bytes(dump(*lines))
    report = ReadReport()
    cascades = list(JsonlReader(JsonlOptions(**options)).read(source, report))
    for cascade in cascades:
        cascade.check()
    assert report.threads_met == len(cascades) + len(report.quarantine)
    assert report.posts_met == sum(map(len, cascades)) + report.posts_dropped
    return cascades, report


def recognised(path: Path) -> bool:
    [spec] = dgljoint_readers()
    assert spec.recognises is not None
    return spec.recognises(path)


@pytest.mark.parametrize(
    "name", ["x.jsonl", "x.ndjson", "x.jsonl.gz", "x.ndjson.gz", "x.JSONL", "X.NDJSON.GZ"]
)
def test_files_of_every_suffix_are_read_alone_and_in_a_folder(tmp_path: Path, name: str) -> None:
    data = dump(*(line(f"c{number}", label="x") for number in range(5)))
    (tmp_path / name).write_bytes(gzip.compress(data) if name.lower().endswith("gz") else data)
    for source in (tmp_path, tmp_path / name):
        assert recognised(source)
        cascades, report = read(source)
        assert [one.id for one in cascades] == ["c0", "c1", "c2", "c3", "c4"]
        assert report.counts["lines"] == 5
        assert JsonlReader(JsonlOptions()).collect_labels(source) == ("x",)


def test_a_compressed_file_is_read_in_parts_with_the_numbers_of_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [dump(line(f"c{number}")) for number in range(40)]
    lines[17], lines[33] = b"{}\n", b"\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + b"".join(lines)))
    (tmp_path / "b.jsonl").write_bytes(dump(line("last"), {"id": "bad"}))
    reports = []
    for size in (1, 50, 333, 1 << 20):
        monkeypatch.setattr(_parts, "_PART", size)
        cascades, report = read(tmp_path)
        assert len(cascades) == 39
        reports.append(report)
    assert all(report == reports[0] for report in reports)
    assert [(left.file, left.line) for left in reports[0].quarantine] == [
        ("a.jsonl.gz", 18), ("b.jsonl", 2)
    ]
    other = ReadReport()
    reader = JsonlReader(JsonlOptions())
    with working(2) as spread:
        assert len(list(reader.read_in_parts(tmp_path, other, spread))) == 39
    assert other == reports[0]


def test_a_compressed_file_that_was_cut_keeps_what_comes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parts, "_PART", 2000)
    lines = (line(f"c{number}", text=str(np.random.default_rng(number).random(9)))
             for number in range(400))
    whole = gzip.compress(dump(*({"id": one["id"], "posts": one["posts"], "event": one["text"]}
                                 for one in lines)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.jsonl.gz").write_bytes(b"\x1f\x8bjunk")
    (tmp_path / "c.jsonl").write_bytes(dump(line("z")))
    cascades, report = read(tmp_path)
    assert 100 < len(cascades) < 300
    assert cascades[-1].id == "z"
    assert [(left.reason, left.file) for left in report.quarantine if left.line is None] == [
        ("file that cannot be read to its end", "a.jsonl.gz"),
        ("file that cannot be read", "b.jsonl.gz"),
    ]


def test_a_file_that_cannot_be_read_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(dump(line(name)))
    whole = Path.open

    def refuse(path: Path, *arguments: str) -> object:
        if path.name == "a.jsonl":
            raise PermissionError(13, "Permission denied")
        return whole(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    cascades, report = read(tmp_path)
    assert [one.id for one in cascades] == ["b"]
    assert report.refusals["file that cannot be read"].examples == ["a.jsonl: Permission denied"]
    (tmp_path / "b.jsonl").unlink()
    with pytest.raises(DataError, match=r"cannot be read \(a\.jsonl: Permission denied\)"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.json", b" [\n" + dump(line("c")) + b"]", r"one JSON array.*jq -c '\.\[\]' x\.json > x"),
        ("x.jsonl", b"[" + dump(line("c")) + b"]", r"one JSON array.*jq -c '\.\[\]' x\.jsonl"),
        ("x.jsonl.gz", gzip.compress(b"[]", mtime=0), "one JSON array"),
        (
            "x.json", json.dumps(line("c"), indent=1).encode(),
            r"objects over several lines.*jq -c \. x\.json > x\.jsonl",
        ),
        ("x.jsonl", dump(line("c")).decode().encode("utf-16"), "in UTF-16.*iconv -f utf-16"),
        ("x.jsonl", b"PK\x03\x04\0\0", r"not JSON \(x\.jsonl:1: "),
    ],
)
def test_a_file_of_another_form_says_what_it_is_and_how_it_becomes_lines(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert recognised(tmp_path / name) == (name != "x.json" or b"[" in data[:9])
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


def test_files_in_deeper_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "more" / "old").mkdir(parents=True)
    (tmp_path / "more" / "old" / "b.ndjson").write_bytes(dump(line("b")))
    with pytest.raises(DataError, match=r"the nearest is more/old/b\.ndjson"):
        read(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(dump(line("a")))
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.jsonl").write_bytes(b"\0")
    cascades, report = read(tmp_path)
    assert [one.id for one in cascades] == ["a"]
    assert report.notes == ["1 other file of JSON Lines was not read: more/old/b.ndjson"]


def test_users_may_be_texts(tmp_path: Path) -> None:
    posts = [post("a", None, 0, user="@ann"), post("b", user="bob"), post("c", user="@ann"),
             post("d", user="7"), post("e", user=7), post("f", user=""), post("g")]
    [cascade], report = read(tmp_path / "x.jsonl", line("c", *posts))
    ann, bob, again, seven, also, empty, none = cascade.user.tolist()
    assert ann == again != bob
    assert min(ann, bob) > 2**32
    assert (seven, also, empty, none) == (7, 7, 0, 0)
    # The same on every machine and in every version.
    assert ann == 3837291830372723818
    assert not report.refusals


def test_posts_of_one_id_need_users_that_differ(tmp_path: Path) -> None:
    same = line("c", post("a", None, 0, user="7"), post("a", 0, 5, user=7))  # type: ignore[arg-type]  # a place
    other = line("d", post("a", None, 0, user="x"), post("a", 0, 5, user="y"))  # type: ignore[arg-type]  # a place
    cascades, report = read(tmp_path / "x.jsonl", same, other)
    assert [one.id for one in cascades] == ["d"]
    assert list(report.refusals) == ["post that occurs twice"]


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (1_407_893_025, 1_407_893_025), (1_407_893_025_000, 1_407_893_025),
        ("2014-08-13T01:23:45Z", 1_407_893_025), ("2014-08-13T01:23:45.678+00:00", 1_407_893_025),
        ("Wed Aug 13 01:23:45 +0000 2014", 1_407_893_025), ("2014-08-13", 1_407_888_000),
        (1_407_893_025.5, 1_407_893_025), (0, 0), (None, 0), ("", 0),
    ],
)
def test_the_date_of_a_cascade_is_read_in_every_form(
    tmp_path: Path, date: object, seconds: int
) -> None:
    [cascade], report = read(tmp_path / "x.jsonl", line("c", posted_at=date))
    assert cascade.posted_at == seconds
    assert (report.repairs, report.refusals) == ({}, {})


def test_a_date_past_2100_is_a_warning(tmp_path: Path) -> None:
    [cascade], report = read(tmp_path / "x.jsonl", line("c", posted_at=5_000_000_000))
    assert cascade.posted_at == 5_000_000_000
    [reason] = report.repairs
    assert "after 2100" in reason


def test_delays_may_come_from_dates_of_posts(tmp_path: Path) -> None:
    posts = [
        post("b", "a", None, posted_at="2014-08-13T01:24:45Z"),
        post("a", None, None, posted_at="2014-08-13 01:23:45"),
        post("c", "b", None, posted_at=1_407_893_100_000),
        post("d", "a", 1),
    ]
    [cascade], _ = read(tmp_path / "x.jsonl", line("c", *posts))
    assert cascade.posted_at == 1_407_893_025
    assert list(cascade.post_id) == ["a", "d", "b", "c"]
    assert cascade.delay_seconds.tolist() == [0, 1, 60, 75]


@pytest.mark.parametrize(
    ("posts", "reason", "where"),
    [
        ((post("a", None, 0), post("b", "a", None)), "post without a time",
         "posts.1: neither delay_seconds nor posted_at"),
        ((post("a", None, 0), post("b", "a", None, posted_at=1_407_893_025)),
         "post without a time", "posts.1: no delay_seconds, and its source has no date"),
        ((post("a", None, 0, posted_at=10**9), post("b", "a", None, posted_at="2001-08-12")),
         "post dated before its source, or centuries after it", "posts.1.posted_at: '2001-08-12'"),
        ((post("a", None, 0, posted_at=1), post("b", "a", None, posted_at="soon")), "no date",
         "posts.1.posted_at: 'soon' is no date"),
        ((post("a", None, 0, posted_at=100), post("b", "a", None, posted_at=150),
          post("c", "b", None, posted_at=120)),
         "post earlier than its parent", "posts.2.posted_at"),
        ((post("a", None, 0, user=[1]),), "line of another form", "posts.0.user: Input should"),
        ((post("a", None, 0, posted_at=True),), "line of another form", "posts.0.posted_at: "),
    ],
)
def test_a_post_without_a_usable_time_refuses_its_line(
    tmp_path: Path, posts: tuple[Value, ...], reason: str, where: str
) -> None:
    _, report = read(tmp_path / "x.jsonl", line("c", *posts), line("d"))
    [left] = report.quarantine
    assert left.reason == reason
    assert left.detail.startswith(where)


def test_half_an_emoji_costs_one_sign_and_no_line(tmp_path: Path) -> None:
    cut = dump(line("c", post("a", None, 0, text="cut: X!"))).replace(b"X", b"\\ud83d")
    (tmp_path / "x.jsonl").write_bytes(cut + dump(line("d")))
    [cascade, _], report = read(tmp_path / "x.jsonl")
    assert cascade.text[0] == "cut: \N{REPLACEMENT CHARACTER}!"
    [tally] = report.repairs.values()
    assert (tally.count, tally.examples) == (1, ["x.jsonl:1"])


def test_further_numbers_of_posts_are_a_feature_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    posts = [post("a", None, 0, likes=3, verified=True), post("b", shares=2.5, likes=None)]
    cascades, report = read(tmp_path / "x.jsonl", line("c", *posts), line("d"))
    assert cascades[0].features["extra"].tolist() == [[3, 0, 1], [0, 2.5, 0]]
    assert cascades[1].features["extra"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert report.notes == [
        "further numbers of posts are the feature 'extra', 0 where a post has none: "
        "likes, shares, verified"
    ]
    summary = build_store(
        JsonlReader(JsonlOptions(labels="x,y")), reader_name="jsonl", source=tmp_path / "x.jsonl",
        output=tmp_path / "out.h5",
    )
    assert summary.features["extra"].startswith("dense")
    assert "extra" in CascadeStore(summary.path).features


def test_numbers_that_name_ids_or_dates_are_no_features_unless_asked_for(tmp_path: Path) -> None:
    said = {"user_id": 7, "createdAt": 5, "created_ts": 3, "timestamp": 9, "likes": 1}
    [cascade], report = read(tmp_path / "x.jsonl", line("c", post("a", None, 0, **said)))
    assert cascade.features["extra"].tolist() == [[1]]
    assert "createdAt, created_ts, timestamp, user_id (columns=NAME" in report.notes[1]
    [cascade], report = read(tmp_path / "x.jsonl", columns="timestamp,likes,none")
    assert cascade.features["extra"].tolist() == [[9, 1, 0]]
    assert report.notes == []


def test_without_further_numbers_there_is_no_feature(tmp_path: Path) -> None:
    [cascade], report = read(tmp_path / "x.jsonl", line("c"))
    assert not cascade.features
    assert not report.notes


@pytest.mark.parametrize(
    ("more", "reason", "where"),
    [
        ({"usr": 7}, "unknown key", "posts.0.usr: did you mean 'user'?"),
        ({"texts": 7}, "unknown key", "posts.0.texts: did you mean 'text'?"),
        ({"lang": "en"}, "unknown key", "posts.0.lang: str; only numbers may be added"),
        ({"tags": [1]}, "unknown key", "posts.0.tags: list; only numbers may be added"),
        ({"likes": 1e300}, "number out of range", "posts.0.likes"),
    ],
)
def test_other_unknown_keys_refuse_their_line(
    tmp_path: Path, more: dict[str, object], reason: str, where: str
) -> None:
    _, report = read(tmp_path / "x.jsonl", line("c", post("a", None, 0) | more), line("d"))
    [left] = report.quarantine
    assert (left.reason, left.detail[: len(where)]) == (reason, where)


def test_the_digest_follows_the_columns_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(dump(line("c", post("a", None, 0, likes=1))))
    digests = [
        JsonlReader(JsonlOptions(columns=columns)).fingerprint(file) for columns in ("", "likes")
    ]
    assert len(set(digests)) == 2
