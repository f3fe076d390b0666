"""RvNN rows with other columns, and files of the RvNN form under other names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dgljoint import Cascade, DataError, ReadReport
from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader, dgljoint_readers
from dgljoint_data.readers.twitter.rvnn_form import Form, find_form
from twitter_release import RvnnRelease, words_of

LABELS = b"true\tA\t500\nfalse\tB\t600\n"
# thread, parent, index, parents, length, minutes, words, stance
ROWS = [
    (thread, *row)
    for thread in ("500", "600")
    for row in (
        ("None", "1", "3", "9", "0", "20:1 60:2", "4"),
        ("1", "2", "3", "9", "6", "100:1", "2"),
        ("2", "3", "3", "9", "39", "", "0"),
    )
]
EIGHT = (0, 1, 2, 3, 4, 5, 6, 7)


def lines(*columns: int) -> tuple[str, ...]:
    return tuple("\t".join(row[column] for column in columns) for row in ROWS)


def read(
    folder: Path, rows: tuple[str, ...] | bytes, labels: bytes = LABELS, **options: str
) -> tuple[list[Cascade], ReadReport]:
    RvnnRelease(rows=rows, labels=labels).write(folder)
    report = ReadReport()
    cascades = list(TwitterReader("15", TwitterOptions(**options)).read(folder, report))
    for cascade in cascades:
        cascade.check()
    assert report.posts_met == sum(map(len, cascades)) + report.posts_dropped
    return cascades, report


@pytest.mark.parametrize(
    ("columns", "timed", "worded"),
    [
        (EIGHT, True, True),
        ((0, 1, 2, 3, 4, 5, 6), True, True),
        ((0, 1, 2, 3, 4, 5), True, False),
        ((0, 1, 2, 3, 4, 6), False, True),
        ((0, 1, 2, 3, 4, 6, 7), False, True),
        ((0, 1, 2, 5, 6), True, True),
        ((0, 1, 2, 3, 6), False, True),
        ((0, 1, 2, 3, 5, 6), True, True),
        ((0, 1, 2, 6), False, True),
    ],
)
def test_the_columns_of_a_row_are_told_by_what_they_hold(
    tmp_path: Path, columns: tuple[int, ...], timed: bool, worded: bool
) -> None:
    cascades, report = read(tmp_path, lines(*columns))
    assert [cascade.id for cascade in cascades] == ["500", "600"]
    for cascade in cascades:
        assert cascade.parent.tolist() == [-1, 0, 1]
        assert cascade.delay_seconds.tolist() == ([0, 360, 2340] if timed else [0, 0, 0])
        assert words_of(cascade) == ([{20: 1, 60: 2}, {100: 1}, {}] if worded else [{}, {}, {}])
    assert any("carries no times" in note for note in report.notes) != timed
    assert report.counts.get("rows_with_stance", 0) == (6 if 7 in columns else 0)
    assert not report.repairs


def test_posts_with_times_come_in_their_order(tmp_path: Path) -> None:
    rows = (
        "500\tNone\t1\t2\t9\t0\t1:1\t4", "500\t1\t2\t2\t9\t50\t2:1\t4",
        "500\t1\t3\t2\t9\t10\t3:1\t4", "600\tNone\t1\t1\t9\t0\t1:1\t4",
    )
    [first, _], _ = read(tmp_path, rows)
    assert list(first.post_id) == ["500-1", "500-3", "500-2"]
    assert first.delay_seconds.tolist() == [0, 600, 3000]


def test_a_delay_before_the_parent_or_without_a_number_becomes_the_parents(tmp_path: Path) -> None:
    rows = list(lines(*EIGHT))
    rows[1] = rows[1].replace("\t6\t", "\t50\t")  # later than the answer to it
    rows[4] = rows[4].replace("\t6\t", "\tsoon\t")
    cascades, report = read(tmp_path, tuple(rows))
    assert cascades[0].delay_seconds.tolist() == [0, 3000, 3000]
    assert cascades[1].delay_seconds.tolist() == [0, 0, 2340]
    assert {reason: tally.examples for reason, tally in report.repairs.items()} == {
        "post dated before its parent (given its parent's time)": [
            "data.TD_RvNN.vol_5000.txt:3"
        ],
        "row without a delay in minutes (its parent's time is taken)": [
            "data.TD_RvNN.vol_5000.txt:5"
        ],
    }


def test_rows_of_another_number_of_columns_are_refused_with_the_reason(tmp_path: Path) -> None:
    odd = ("500\t1\t4\t2\t9\t0\t1:1\t4\t5\t6", "500\t1\t5\t7\t1:1")
    cascades, report = read(tmp_path, (*lines(*EIGHT), *odd))
    assert len(cascades[0]) == 3 + 1  # one column before the words is the same in all its rows
    [(reason, tally)] = report.repairs.items()
    assert reason == "row of a form that is not known"
    assert tally.examples == [
        "data.TD_RvNN.vol_5000.txt:7: 3 columns of numbers before the words and 3 after them"
    ]


def test_texts_in_the_place_of_word_counts_are_not_taken_for_them(tmp_path: Path) -> None:
    rows = tuple(f"{number}00\tNone\t1\t1\t9\tBreaking news" for number in (5, 6))
    with pytest.raises(DataError, match=r"not known \(.*:1: column 6 holds no word counts"):
        read(tmp_path, rows)


def test_a_last_row_that_was_cut_keeps_no_half_a_delay(tmp_path: Path) -> None:
    data = "\n".join(lines(*EIGHT)).encode()
    cascades, report = read(tmp_path, data[: data.rindex(b"9\t\t0")])
    assert cascades[1].delay_seconds.tolist() == [0, 360, 360]
    assert "row without a delay in minutes (its parent's time is taken)" in report.repairs


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([b"1 None 1 5 1:1", b"1 1 2 6 1:1"], "column 4 may be a delay or the number of parents"),
        ([b"1 None 1 0 0 1:1", b"1 1 2 6 7 1:1"], "columns 4 and 5 could each be the delay"),
        ([b"1 None 1 a:1 b:1"], "columns 4 and 5 hold no numbers, expected one column"),
        ([b"1 None 1 a 1:1"], "columns 4 and 5 hold no numbers, expected one column"),
        ([b"1 None 1 2 9 1:1 deny", b"1 1 2 2 9 2:1 "], Form(parents=3, words=5, stance=6)),
        ([b"1 None 1 2"], "it ends before its words"),
        ([b"1 None 1 2 9 0 1:1"], Form(parents=3, delay=5, words=6)),
    ],
)
def test_what_cannot_be_told_is_said(rows: list[bytes], expected: str | Form) -> None:
    found = find_form([row.split(b" ") for row in rows])
    assert found == expected or (isinstance(expected, str) and str(found).startswith(expected))


def rename(folder: Path, old: str, new: str) -> None:
    (folder / new).parent.mkdir(parents=True, exist_ok=True)
    (folder / old).rename(folder / new)


DATA, EVENTS = "data.TD_RvNN.vol_5000.txt", "Twitter15_label_All.txt"


@pytest.mark.parametrize("inside", ["", "resource", "a/b"])
@pytest.mark.parametrize(
    ("data", "labels"),
    [("trees.tsv", "labels"), (DATA, "Twitter_label_all.TXT"), ("t15.data", EVENTS.lower())],
)
def test_both_files_may_have_any_name(
    tmp_path: Path, inside: str, data: str, labels: str
) -> None:
    RvnnRelease(labels=b"\xef\xbb\xbf" + LABELS.replace(b"\n", b"\r\n")).write(
        tmp_path, inside=inside
    )
    rename(tmp_path / inside, DATA, data)
    rename(tmp_path / inside, EVENTS, labels)
    (tmp_path / inside / "README.txt").write_text("label\tevent\tthread\nand more\nand more\n")
    specs = [spec.recognises for spec in dgljoint_readers()]
    assert all(tell is not None for tell in specs)
    told = [tell(tmp_path) for tell in specs if tell is not None]
    assert told == [True, "15" not in labels and "15" not in data]
    report = ReadReport()
    cascades = list(TwitterReader("15", TwitterOptions()).read(tmp_path, report))
    assert [(one.id, one.label, one.event) for one in cascades] == [
        ("500", "true", "A"), ("600", "false", "B")
    ]
    assert not any("were not read" in note for note in report.notes)


def test_of_several_candidates_the_message_names_them_and_an_option_chooses(
    tmp_path: Path,
) -> None:
    RvnnRelease(labels=LABELS).write(tmp_path, inside="")
    rename(tmp_path, EVENTS, "one.txt")
    (tmp_path / "two.txt").write_bytes(LABELS.replace(b"true", b"unverified"))
    with pytest.raises(DataError, match=r"several label files: one.txt, two.txt") as caught:
        list(TwitterReader("15", TwitterOptions()).read(tmp_path, ReadReport()))
    assert caught.value.hint == "name one: label_file=one.txt"
    report = ReadReport()
    options = TwitterOptions(label_file="two.txt")
    [first, _] = TwitterReader("15", options).read(tmp_path, report)
    assert first.label == "unverified"
    assert "1 other label file was not read: one.txt" in report.notes
    rename(tmp_path, DATA, "rows.txt")
    (tmp_path / "more.txt").write_bytes((tmp_path / "rows.txt").read_bytes())
    with pytest.raises(DataError, match=r"several files of RvNN rows: more.txt, rows.txt"):
        list(TwitterReader("15", options).read(tmp_path, ReadReport()))
    both = TwitterOptions(label_file="two.txt", data_file="rows.txt")
    report = ReadReport()
    assert len(list(TwitterReader("15", both).read(tmp_path, report))) == 2
    assert "1 other file of RvNN rows was not read: more.txt" in report.notes
    assert report.counts["other_files_of_RvNN_rows_not_read"] == 1
    lost = TwitterOptions(label_file="three.txt", data_file="rows.txt")
    with pytest.raises(DataError, match=r"holds no file three\.txt"):
        list(TwitterReader("15", lost).read(tmp_path, ReadReport()))


def test_a_label_file_without_rows_is_named_and_so_is_a_packed_file(tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_bytes(LABELS)
    (tmp_path / "data.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"Twitter15_label_All\.txt .* no file of its rows; pa"):
        list(TwitterReader("15", TwitterOptions()).read(tmp_path, ReadReport()))


def test_a_line_of_headings_above_the_rows_is_no_row_and_no_obstacle(tmp_path: Path) -> None:
    headings = "thread\tparent\tindex\tparents\tlength\tdelay\twords\tstance"
    cascades, report = read(tmp_path, (headings, *lines(*EIGHT)))
    assert [cascade.delay_seconds.tolist() for cascade in cascades] == [[0, 360, 2340]] * 2
    assert {name: tally.examples for name, tally in report.repairs.items()} == {
        "not a row of a tree": [f"{DATA}:1"]
    }


def test_rows_separated_by_spaces_are_named_as_the_reason(tmp_path: Path) -> None:
    rows = tuple(line.replace("\t", " ") for line in lines(*EIGHT))
    with pytest.raises(DataError, match=rf"no file of its rows: {DATA} begins with '500 None 1"):
        read(tmp_path, rows)


def test_of_folders_named_after_editions_the_wanted_one_is_read(tmp_path: Path) -> None:
    for edition in ("15", "16"):
        RvnnRelease(labels=LABELS).write(
            tmp_path / f"Twitter{edition}", inside="", edition=edition
        )
    report = ReadReport()
    cascades = list(TwitterReader("16", TwitterOptions()).read(tmp_path, report))
    assert len(cascades) == 2
    assert f"1 other file of RvNN rows was not read: Twitter15/{DATA}" in report.notes


def test_classes_are_read_in_every_spelling(tmp_path: Path) -> None:
    labels = b"TRUE\tA\t500\nnews\tB\t600\nNon-Rumour\tC\t700\n Unverified\tD\t800\n"
    cascades, _ = read(tmp_path, RvnnRelease().rows, labels)
    assert [one.label for one in cascades] == ["true", "non-rumor", "non-rumor", "unverified"]


def test_the_published_form_is_what_it_was(tmp_path: Path) -> None:
    cascades, report = read(tmp_path, RvnnRelease().rows)
    assert not any(np.any(one.delay_seconds) for one in cascades)
    assert any("carries no times" in note for note in report.notes)
