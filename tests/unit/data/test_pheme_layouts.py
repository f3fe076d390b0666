"""Where the PHEME reader finds threads, and what it names that it does not read."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from dgljoint import DataError, ReadReport
from dgljoint_data.readers.pheme import PhemeOptions, PhemeReader, dgljoint_readers
from pheme_release import Files, folder, read, tweet, whole, write

THREAD = folder("600")
SOURCE = f"{THREAD}/source-tweets/600.json"


def moved(change: dict[str, str], files: Files | None = None) -> Files:
    """Replace parts of all paths."""
    found = {}
    for name, data in (whole() if files is None else files).items():
        for old, new in change.items():
            name = name.replace(old, new)
        found[name] = data
    return found


def failure(source: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        list(PhemeReader(PhemeOptions()).read(source, ReadReport()))
    return caught.value


@pytest.mark.parametrize(
    "change",
    [
        {"/beta-": "/more/beta-"}, {"/gamma-": "/some/of/the/rest/gamma-"},
        {"/beta-": "/a/beta-", "/gamma-": "/b/gamma-"},
        {"/rumours/": "/rumors/", "/non-rumours/": "/non-rumors/"},
        {"/rumours/": "/Rumours/", "/non-rumours/": "/Non-Rumours/"},
        {"/non-rumours/": "/non_rumours/"}, {"/non-rumours/": "/nonrumours/"},
        {"/rumours/": "/rumours/first/"},
        {".json": ".JSON"}, {"/reactions/": "/reactions/first/second/"},
        {"/source-tweets/": "/Source-Tweets/", "/reactions/": "/REACTIONS/"},
        {"/structure.json": "/Structure.JSON"}, {"all-rnr-annotated-threads/": ""},
        {"/gamma-all-rnr-threads/": "/2014/gamma/"},
    ],
    ids=str,
)
def test_threads_are_read_from_whatever_folders_they_lie_in(
    tmp_path: Path, change: dict[str, str]
) -> None:
    expected, plain = read(whole(), tmp_path / "plain")
    found, report = read(moved(change), tmp_path / "moved")
    assert set(found) == set(expected)
    for thread, cascade in found.items():
        assert (cascade.event, cascade.label) == (expected[thread].event, expected[thread].label)
        assert cascade.parent.tolist() == expected[thread].parent.tolist()
    assert (report.repairs, report.refusals, report.notes) == ({}, {}, [])
    assert report.counts == plain.counts


def test_compressed_files_are_read(tmp_path: Path) -> None:
    files = {f"{name}.gz": gzip.compress(data) for name, data in whole().items()}
    found, report = read(files, tmp_path)
    assert [cascade.label for cascade in found.values()] == [
        "non-rumor", "true", "false", "unverified"
    ]
    assert not report.repairs


def test_one_event_or_category_or_thread_may_be_named_itself(tmp_path: Path) -> None:
    write(whole(), tmp_path)
    event = tmp_path / "all-rnr-annotated-threads/alpha-all-rnr-threads"
    for source, expected in (
        (event, ["700", "600"]), (event / "rumours", ["600"]), (event / "rumours/600", ["600"])
    ):
        cascades = list(PhemeReader(PhemeOptions()).read(source, ReadReport()))
        assert [cascade.id for cascade in cascades] == expected
        assert {cascade.event for cascade in cascades} == {"alpha"}
        assert cascades[-1].label == "true"


def test_a_folder_linked_twice_is_read_once(tmp_path: Path) -> None:
    write(whole(), tmp_path)
    (tmp_path / "zz").symlink_to("all-rnr-annotated-threads")
    (tmp_path / "all-rnr-annotated-threads/up").symlink_to("..")
    report = ReadReport()
    assert len(list(PhemeReader(PhemeOptions()).read(tmp_path, report))) == 4
    assert not report.refusals


def test_json_files_outside_the_threads_are_named_and_counted(tmp_path: Path) -> None:
    more = {f"all-rnr-annotated-threads/more/{n}.json": tweet(n, 0) for n in (1, 2, 3, 4)}
    more["all-rnr-annotated-threads/alpha-all-rnr-threads/rumours/5.JSON"] = tweet(5, 0)
    found, report = read(whole() | more, tmp_path)
    assert len(found) == 4
    [note] = report.notes
    assert "not read" in note
    assert "5 JSON files (all-rnr-annotated-threads/alpha-all-rnr-threads/rumours/5.JSON" in note
    assert "more/1.json" in note
    assert "and 2 more" in note
    assert report.counts["json_files_outside_threads"] == 5


def test_json_files_of_a_thread_that_are_not_read_are_named(tmp_path: Path) -> None:
    more = {f"{THREAD}/retweets.json": b"[]", f"{THREAD}/likes/7.json": tweet(7, 0)}
    _, report = read(whole() | more, tmp_path)
    [(reason, tally)] = report.repairs.items()
    assert "not read" in reason
    assert tally.count == 2
    assert tally.examples[0] == "alpha-all-rnr-threads/rumours/600/likes/7.json"


@pytest.mark.parametrize(
    "names", [("true", "false", "non-rumor"), ("rumor", "non-rumor", "non-rumor"),
              ("Real", "FAKE", "unverified"), ("false_rumour", "Fake-News", "hoax")]
)
def test_folders_by_class_are_refused_with_the_layouts(
    tmp_path: Path, names: tuple[str, str, str]
) -> None:
    files: Files = {}
    for thread, name in zip(("600", "700", "800"), names, strict=True):
        files |= {
            f"{name}/{thread}{path.removeprefix(folder(thread))}": data
            for path, data in whole().items() if path.startswith(folder(thread))
        }
    error = failure(write(files, tmp_path))
    assert "in folders of classes, not of events" in error.message
    assert f"{names[0]}/" in error.message
    assert "EVENT/{rumours,non-rumours}/ID" in (error.hint or "")


def test_classes_below_a_category_are_refused_as_well(tmp_path: Path) -> None:
    files = moved({"/rumours/": "/rumours/true/"})
    assert "true/" in failure(write(files, tmp_path)).message


def test_an_unknown_folder_is_answered_with_what_it_holds_and_the_layouts(tmp_path: Path) -> None:
    write({f"threads/{n}.json": tweet(n, 0) for n in range(5)}, tmp_path)
    error = failure(tmp_path)
    assert "holds no thread of PHEME; found: 5 JSON files (threads/0.json, " in error.message
    assert "EVENT/ID/{source-tweet,replies}" in (error.hint or "")
    assert "'jsonl'" in (error.hint or "")


BAD = {
    "no date": (tweet(600, 0, created_at=None), "it has no created_at"),
    "another date": (tweet(600, 0, created_at="gestern"), "'gestern' is no date"),
    "UTF-16": (tweet(600, 0).decode().encode("utf-16-le"), "looks like UTF-16"),
    "float": (tweet(600, 0, id=5e17, id_str=None), "its id is '5e+17', as a floating-point"),
    "Reddit": (json.dumps({"kind": "Listing", "data": {}}).encode(), "reader 'rumoureval'"),
    "another": (tweet(5, 0), "it holds 5, the folder names the source"),
    "nothing": (b"", "it is empty"),
    "cut": (tweet(600, 0)[:40], "no JSON: "),
}


@pytest.mark.parametrize(("data", "why"), BAD.values(), ids=BAD)
def test_when_nothing_can_be_read_the_first_file_and_its_reason_are_named(
    tmp_path: Path, data: bytes, why: str
) -> None:
    files = {name: data if "source-tweets" in name else old for name, old in whole().items()}
    message = failure(write(files, tmp_path)).message
    assert "non-rumours/700/source-tweets/700.json: " in message
    assert why in message


@pytest.mark.parametrize(("data", "why"), BAD.values(), ids=BAD)
def test_one_bad_source_costs_its_thread_alone(tmp_path: Path, data: bytes, why: str) -> None:
    found, report = read(whole() | {SOURCE: data}, tmp_path)
    assert list(found) == ["700", "800", "900"]
    [(reason, tally)] = report.refusals.items()
    assert reason == "thread without its source tweet"
    assert "rumours/600/source-tweets/600.json: " in tally.examples[0]
    assert why in tally.examples[0]


def test_an_event_that_cannot_be_read_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(whole(), tmp_path)
    scan = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("beta-all-rnr-threads"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("dgljoint_data.readers.common.thread_folders.os.scandir", refuse)
    report = ReadReport()
    found = [cascade.id for cascade in PhemeReader(PhemeOptions()).read(tmp_path, report)]
    assert found == ["700", "600", "900"]
    [(reason, tally)] = report.repairs.items()
    assert (reason, tally.count) == ("folder that cannot be read", 1)
    assert "beta-all-rnr-threads: Permission denied" in tally.examples[0]


def test_a_folder_is_recognised_by_a_thread_with_a_source(tmp_path: Path) -> None:
    recognises = dgljoint_readers()[0].recognises
    assert recognises is not None
    assert recognises(write(whole(), tmp_path / "a"))
    assert recognises(write(whole("rumoureval"), tmp_path / "b"))
    assert not recognises(write({"tree/600.json": b"", "600/x.txt": b""}, tmp_path / "c"))
    assert not recognises(tmp_path / "missing")
