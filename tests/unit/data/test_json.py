"""JSON of which single signs are damaged, and JSON in other wrappings."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dgljoint_data.readers.common.values import BadJsonError, parse_json, read_json


@pytest.mark.parametrize(
    ("written", "text", "mended"),
    [
        (rb'"a \ud83d b"', "a \ufffd b", 1), (rb'"\uDD25"', "\ufffd", 1),
        (rb'"\ud83d\ud83d"', "\ufffd\ufffd", 2), (rb'"\ud83d\u0041"', "\ufffdA", 1),
        (rb'"\udd25\ud83d\udd25\ud83d"', "\ufffd🔥\ufffd", 2),
        (rb'"\ud83d\n\ud83d\udd25"', "\ufffd\n🔥", 1),
        # Before these "u" an escaped backslash ends: no escape begins there.
        (rb'"\\ud83d \ud83d"', "\\ud83d \ufffd", 1), (rb'"\\\ud83d"', "\\\ufffd", 1),
        (rb'"\\\\ud83d \udd25"', "\\\\ud83d \ufffd", 1),
        # The half as three bytes, a character cut short, a byte of Latin 1.
        (b'"\xed\xa0\xbd!"', "\ufffd!", 1), (b'"a\xe4\xbd"', "a\ufffd", 1), (b'"caf\xe9"',
                                                                             "caf\ufffd", 1),
        ('"\ufffd \\ud83d"'.encode(), "\ufffd \ufffd", 1),
    ],
)
def test_part_of_a_sign_costs_that_sign(written: bytes, text: str, mended: int) -> None:
    assert parse_json(b'{"text": ' + written + b', "id": 1}') == ({"text": text, "id": 1}, mended)


@pytest.mark.parametrize(
    "written", [rb'"\ud83d\udd25 \\ud83d"', '"🔥 \ufffd"'.encode(), b"\xef\xbb\xbf[]"]
)
def test_what_is_whole_is_not_touched(written: bytes) -> None:
    assert parse_json(written) == (json.loads(written.decode("utf-8-sig")), 0)


def test_text_in_another_encoding_is_refused_and_not_mended_away() -> None:
    text = json.dumps({"text": "中华人民共和国"}, ensure_ascii=False)
    with pytest.raises(BadJsonError, match=r"no JSON: .*UTF-8"):
        parse_json(text.encode("gbk"))


@pytest.mark.parametrize(
    "wrap", [lambda data: data.decode().encode("utf-16"), gzip.compress, bytes],
    ids=["utf-16", "gzip", "plain"],
)
def test_a_file_in_utf_16_or_compressed_is_read(tmp_path: Path, wrap: object) -> None:
    assert callable(wrap)
    (tmp_path / "x.json").write_bytes(wrap('{"text": "größe 🔥"}'.encode()))
    assert read_json(tmp_path / "x.json") == ({"text": "größe 🔥"}, 0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON: it is empty"), (b" \n", "it is empty"),
        ('{"id": 1}'.encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        (b"\x00" * 40, "or like no text"), (gzip.compress(b"{}", mtime=0)[:-9], "cannot be read: "),
        (b"\x1f\x8bnot gzip", "cannot be read: "), (b'{"a": "\\ud83d"', "no JSON: unexpected end"),
    ],
)
def test_the_reason_is_the_true_one(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(BadJsonError, match=why):
        read_json(tmp_path / "x.json")
