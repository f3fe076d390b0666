"""Copies of the tree release: parts that are missing, elsewhere, spelt otherwise or damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dgljoint import Cascade, DataError, ReadReport
from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader, dgljoint_readers
from twitter_release import SMALL_TREE, Release


def read(folder: Path, edition: str = "15") -> tuple[list[Cascade], ReadReport]:
    report = ReadReport()
    cascades = list(TwitterReader(edition, TwitterOptions()).read(folder, report))
    assert report.threads_met == len(cascades) + len(report.quarantine)
    return cascades, report


def recognised(folder: Path) -> list[str]:
    return [
        spec.name for spec in dgljoint_readers()
        if spec.recognises is not None and spec.recognises(folder)
    ]


def test_trees_without_source_texts_are_read_as_with_an_empty_file_of_them(tmp_path: Path) -> None:
    folder = Release(texts=None).write(tmp_path / "raw")
    assert recognised(folder) == ["twitter15"]
    cascades, report = read(folder)
    assert {one.text[0] for one in cascades} == {""}
    assert len(cascades) == report.repairs["thread without a source text"].count == 5
    same, other = read(Release(texts=b"").write(tmp_path / "empty"))
    assert [one.id for one in same] == [one.id for one in cascades]
    assert other.repairs == report.repairs


def test_a_text_file_that_cannot_be_read_costs_the_texts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Release().write(tmp_path)
    whole = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name in ("source_tweets.txt", "700.txt"):
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    cascades, report = read(folder)
    assert len(cascades) == 4
    [example] = report.repairs["file of source texts that cannot be read"].examples
    assert example.endswith("source_tweets.txt cannot be read: Permission denied")
    assert report.refusals["tree that cannot be read"].examples == [
        "tree/700.txt: Permission denied"
    ]
    assert TwitterReader("15", TwitterOptions()).fingerprint(folder)


@pytest.mark.parametrize("place", ["twitter15", "rumdetect/twitter15", "a/b/twitter15"])
def test_a_release_is_found_below_the_folder_given(tmp_path: Path, place: str) -> None:
    Release().write(tmp_path / place)
    (tmp_path / "__MACOSX" / "twitter15" / "tree").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "twitter15" / "label.txt").write_text("")
    assert recognised(tmp_path) == ["twitter15"]
    cascades, report = read(tmp_path)
    assert len(cascades) == 5
    assert not report.notes


def test_of_both_editions_the_wanted_one_is_read_and_the_other_named(tmp_path: Path) -> None:
    Release().write(tmp_path / "twitter15")
    Release(events=None).write(tmp_path / "twitter16")
    assert recognised(tmp_path) == ["twitter15", "twitter16"]
    _, report = read(tmp_path)
    assert "1 other release was not read: twitter16" in report.notes
    cascades, report = read(tmp_path, "16")
    assert len(cascades) == 5
    assert report.counts["other_releases_not_read"] == 1


def test_names_in_any_spelling_are_read_and_each_thread_once(tmp_path: Path) -> None:
    folder = Release().write(tmp_path)
    (folder / "label.txt").rename(folder / "Label.TXT")
    (folder / "source_tweets.txt").rename(folder / "SOURCE_TWEETS.txt")
    (folder / "tree").rename(folder / "Tree")
    (folder / "Tree" / "600.txt").rename(folder / "Tree" / "600.TXT")
    shutil.copy(folder / "Tree" / "700.txt", folder / "Tree" / "700.TXT")
    cascades, report = read(folder)
    assert [one.id for one in cascades] == ["500", "600", "700", "800", "900"]
    assert cascades[0].text[0] == "Breaking: 🔥 URL"
    [note] = report.notes
    assert note.startswith("1 other file among the trees was not read: Tree/700.")
    assert report.counts["other_files_among_the_trees_not_read"] == 1


def test_what_else_is_in_the_folder_of_trees_is_counted_and_named(tmp_path: Path) -> None:
    folder = Release().write(tmp_path)
    trees = folder / "tree"
    (trees / "more").mkdir()
    shutil.copy(trees / "500.txt", trees / "more" / "1000.txt")
    (trees / "1100.txt.gz").write_bytes(b"\x1f\x8b")
    (trees / "._500.txt").write_bytes(b"\0")
    cascades, report = read(folder)
    assert len(cascades) == 5
    assert report.notes == [
        "2 other files among the trees were not read: tree/1100.txt.gz, tree/more/1000.txt"
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_in_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    folder = Release().write(tmp_path)
    for path in [*folder.glob("*.txt"), folder / "tree" / "600.txt"]:
        path.write_bytes(path.read_bytes().decode().encode(encoding))
    cascades, report = read(folder)
    assert [(one.id, one.label, len(one)) for one in cascades][:2] == [
        ("500", "true", 4), ("600", "false", 4)
    ]
    assert cascades[0].text[0] == "Breaking: 🔥 URL"
    assert (report.repairs, report.refusals) == ({}, {})


def test_binary_junk_and_a_folder_in_place_of_a_tree_cost_themselves(tmp_path: Path) -> None:
    junk = bytes(range(256)) * 4
    folder = Release(trees=dict.fromkeys(("500", "800", "900"), SMALL_TREE)).write(tmp_path)
    (folder / "tree" / "600.txt").write_bytes(junk)
    (folder / "tree" / "700.txt").mkdir()
    cascades, report = read(folder)
    assert [one.id for one in cascades] == ["500", "800", "900"]
    assert {reason: tally.count for reason, tally in report.refusals.items()} == {
        "tree without a ROOT line": 1, "tree that cannot be read": 1,
    }
    [junk_tree] = report.refusals["tree without a ROOT line"].examples
    assert junk_tree.startswith("tree/600.txt: it begins with '\\x00\\x01")
    assert report.refusals["tree that cannot be read"].examples == ["tree/700.txt: Is a directory"]


def test_junk_that_begins_like_utf16_costs_its_line_alone(tmp_path: Path) -> None:
    text = "\n".join(SMALL_TREE).encode()
    folder = Release(
        trees={"500": b"\xff\xfe\x00\n" + text, "600": b"\xfe\xff\n" + text}
    ).write(tmp_path)
    cascades, report = read(folder)
    assert [one.id for one in cascades] == ["500", "600"]
    assert report.repairs["not an edge line"].count == 2


def test_when_nothing_can_be_read_the_first_file_and_the_reason_are_named(tmp_path: Path) -> None:
    folder = Release(trees=dict.fromkeys(("500", "600"), b"PK\x03\x04")).write(tmp_path)
    with pytest.raises(DataError, match=r"\(tree/500\.txt: it begins with 'PK"):
        read(folder)


def test_a_label_file_beside_the_trees_gives_the_events_whatever_its_name(tmp_path: Path) -> None:
    folder = Release().write(tmp_path)
    (folder / "Twitter15_label_All.txt").rename(folder / "events.tsv")
    assert recognised(folder) == ["twitter15", "twitter16"]
    cascades, report = read(folder)
    assert [one.event for one in cascades] == ["A", "B", "C", "D", "E"]
    assert not report.notes
