"""The reader of X's API: answers, arrays and lines of tweets, grouped into conversations."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dgljoint import Cascade, DataError, Kind, ReadReport
from dgljoint.testing import check_reader
from dgljoint_data import build_store
from dgljoint_data.readers.xapi import XApiReader, dgljoint_readers
from pheme_release import tweet as older
from pheme_release import whole as pheme
from pheme_release import write

Value = dict[str, object]


def tweet(number: int, seconds: int, conversation: int | None, **refers: int) -> Value:
    """Make a tweet of version 2, ``refers`` giving what it refers to, by the type."""
    value: Value = {
        "id": str(number), "text": f"text no{number}", "author_id": str(number % 3 + 1),
        "created_at": f"2023-01-01T00:00:{seconds:02}.000Z",
        "referenced_tweets": [{"type": how, "id": str(other)} for how, other in refers.items()],
    }
    return value if conversation is None else value | {"conversation_id": str(conversation)}


USER = {"id": "2", "public_metrics": {"followers_count": 9}, "created_at": "2020-01-01T00:00:00Z"}
FIRST = [
    tweet(100, 0, 100), tweet(101, 5, 100, replied_to=100), tweet(102, 9, 100, replied_to=101),
    tweet(103, 7, 103, retweeted=101),
]
SECOND = [tweet(200, 1, 200, quoted=100), tweet(201, 3, 200, replied_to=200)]
PAGES = [
    {"data": FIRST, "includes": {"users": [USER]}, "meta": {"result_count": 4}},
    {"data": SECOND, "includes": {"tweets": [FIRST[0], tweet(7, 1, 7)]}, "errors": [{}, {}]},
]


def read(files: dict[str, bytes], target: Path) -> tuple[dict[str, Cascade], ReadReport]:
    """Read the files and check what holds always: sound cascades, nothing lost."""
    report = ReadReport()
    cascades = list(XApiReader().read(write(files, target), report))
    for cascade in cascades:
        cascade.check()
    counts = report.counts
    assert report.posts_met == sum(map(len, cascades)) + report.posts_dropped
    assert report.threads_met == len(cascades) + len(report.quarantine)
    assert counts["tweets_in_files"] == counts["distinct_posts"] - counts.get(
        "tweets_from_includes", 0
    ) + counts.get("duplicate_tweets", 0)
    return {cascade.id: cascade for cascade in cascades}, report


def dump(*values: object) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values)


FORMS = {
    "answers": {"a.json": dump(PAGES[0]), "deep/er/b.JSON": dump(PAGES[1])},
    "lines of answers": {"a.jsonl": dump(*PAGES)},
    "compressed": {"a.ndjson.gz": gzip.compress(dump(*PAGES)), "c.txt": b"x"},
    "twice": {"a.jsonl": dump(*PAGES, PAGES[0])},
    "mixed": {"a.json": dump(FIRST[::-1]), "b.jsonl": dump(*SECOND), "c.json": dump(FIRST[1]),
              "d.json": dump({"meta": {"result_count": 0}})},
}


@pytest.mark.parametrize("files", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_conversations(tmp_path: Path, files: dict[str, bytes]) -> None:
    found, report = read(files, tmp_path)
    assert list(found) == ["100", "200"]
    first = found["100"]
    assert list(first.post_id) == ["100", "101", "103", "102"]
    assert first.parent.tolist() == [-1, 0, 1, 1]
    assert first.delay_seconds.tolist() == [0, 5, 7, 9]
    assert first.kind.tolist() == [Kind.SOURCE, Kind.REPLY, Kind.RETWEET, Kind.REPLY]
    assert first.user.tolist() == [2, 3, 2, 1]
    assert first.posted_at == 1_672_531_200
    assert (first.event, first.label, first.text[1]) == ("", None, "text no101")
    assert (report.repairs, report.refusals) == ({}, {})


def test_users_errors_and_repeated_tweets_are_taken_and_counted(tmp_path: Path) -> None:
    found, report = read({"a.jsonl": dump(*PAGES, PAGES[0])}, tmp_path)
    users = found["100"].features["user"]
    assert users[0].any()  # type: ignore[union-attr]  # dense, as the reader gives it
    assert report.counts["duplicate_tweets"] == 4
    assert report.counts["errors_in_answers"] == 2
    assert "tweets_from_includes" not in report.counts


def test_a_source_that_is_only_included_completes_its_conversation(tmp_path: Path) -> None:
    page = {"data": FIRST[1:], "includes": {"tweets": [FIRST[0], tweet(7, 1, 7)]}}
    found, report = read({"a.json": dump(page)}, tmp_path)
    assert list(found) == ["100"]
    assert len(found["100"]) == 4
    assert report.counts["tweets_from_includes"] == 1


def test_without_the_id_of_the_conversation_replies_are_followed(tmp_path: Path) -> None:
    plain = [{key: value for key, value in one.items() if key != "conversation_id"}
             for one in FIRST]
    found, _ = read({"a.json": dump(plain)}, tmp_path)
    assert found["100"].parent.tolist() == [-1, 0, 1, 1]


def test_tweets_of_the_older_version_are_grouped_as_well(tmp_path: Path) -> None:
    lines = [older(600, 0), older(601, 20, 600), older(602, 30, 601)]
    found, _ = read({"a.jsonl": b"\n".join(lines)}, tmp_path)
    assert found["600"].parent.tolist() == [-1, 0, 1]


def test_a_conversation_without_its_source_is_refused(tmp_path: Path) -> None:
    found, report = read({"a.json": dump([*SECOND, tweet(301, 1, 300, replied_to=300)])}, tmp_path)
    assert list(found) == ["200"]
    [(reason, tally)] = report.refusals.items()
    assert reason == "conversation without its source tweet"
    assert tally.examples == ["a.json: 300, of which 301 is a part"]


def test_a_source_that_cannot_be_read_is_the_reason_and_not_its_absence(tmp_path: Path) -> None:
    undated = {key: value for key, value in FIRST[0].items() if key != "created_at"}
    found, report = read({"a.json": dump([*SECOND, undated, *FIRST[1:]])}, tmp_path)
    assert list(found) == ["200"]
    [(reason, tally)] = report.refusals.items()
    assert reason == "conversation whose source tweet cannot be read"
    assert tally.examples == ["a.json: 100: a tweet without a date: it has no created_at"]


@pytest.mark.parametrize(
    ("odd", "reason", "where"),
    [
        (b"{", "file or line that cannot be read", "z.jsonl:1: no JSON"),
        (b'{"id": "5"}', "tweet that cannot be read", "z.jsonl:1: a tweet without a date"),
        (b"[3]", "tweet that cannot be read", "z.jsonl:1: no tweet: int"),
        (dump(tweet(105, 9, 100, replied_to=99)), "post whose parent is not in the thread",
         "z.jsonl:1: 105"),
        (dump(tweet(105, 1, 100, replied_to=102)),
         "post dated before its parent (given its parent's time)", "z.jsonl:1: 105"),
        (dump(tweet(105, 9, 100, replied_to=100) | {"text": "x\u2026", "truncated": True}),
         "truncated text whose whole is not there", "z.jsonl:1: 105"),
        (b'{"data": [{"id": 1e17, "created_at": 1}]}', "tweet that cannot be read",
         "z.jsonl:1: a tweet without an id: its id is '1e+17', as a floating-point"),
    ],
)
def test_an_oddity_is_repaired_with_its_line(
    tmp_path: Path, odd: bytes, reason: str, where: str
) -> None:
    found, report = read({"a.jsonl": dump(*PAGES), "z.jsonl": odd}, tmp_path)
    assert list(found) == ["100", "200"]
    assert list(report.repairs) == [reason]
    assert report.repairs[reason].examples[0].startswith(where)


def test_two_tweets_that_answer_each_other_end_nowhere(tmp_path: Path) -> None:
    circle = [tweet(8, 1, None, replied_to=9), tweet(9, 2, None, replied_to=8)]
    found, report = read({"a.json": dump([*FIRST, *circle])}, tmp_path)
    assert "100" in found
    assert report.posts_met == 6


def test_what_holds_no_tweets_is_an_error_that_shows_the_forms(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write({"bad/a.json": b"{", "none/a.json": b'{"data": []}'}, tmp_path)
    for name, message in (
        ("missing", "does not exist"), ("empty", "holds no .json, .jsonl or .ndjson file"),
        ("bad", r"file or line that cannot be read \(a.json: no JSON"),
        ("none", "holds no readable conversation"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            list(XApiReader().read(tmp_path / name, ReadReport()))
        assert "includes" in (caught.value.hint or "")


def test_the_reader_keeps_the_contract_and_recognises_answers(tmp_path: Path) -> None:
    [spec] = dgljoint_readers()
    source = write(FORMS["answers"], tmp_path / "a")
    check_reader(spec, source)
    assert spec.recognises is not None
    assert not spec.recognises(write(FORMS["lines of answers"], tmp_path / "b"))
    assert not spec.recognises(write(pheme(), tmp_path / "c"))
    assert not spec.recognises(write({"x.json": b'{"data": {"a": 1}}'}, tmp_path / "d"))
    assert not spec.recognises(tmp_path / "missing")


def test_a_build_has_no_labels_and_says_so(tmp_path: Path) -> None:
    source = write(FORMS["answers"], tmp_path / "a")
    summary = build_store(
        XApiReader(), reader_name="xapi", source=source, output=tmp_path / "x.h5"
    )
    assert (summary.cascades, summary.posts, summary.unlabelled) == (2, 6, 2)
    assert any("neither labels nor events" in note for note in summary.report.notes)


def test_a_reference_whose_type_is_no_text_is_none(tmp_path: Path) -> None:
    odd = tweet(101, 5, 100) | {"referenced_tweets": [{"type": [], "id": "100"}]}
    cascades, _ = read({"a.json": dump({"data": [tweet(100, 0, 100), odd]})}, tmp_path)
    assert len(cascades["100"]) == 1
