"""``preprocess``: readers, their options, and what is in the way."""

from __future__ import annotations

import json

import pytest

from dgljoint_cli.main import run

SMALL = ["-s", "cascades=30", "-s", "events=10"]

READERS = """
    import dgljoint

    class Reader:
        label_names = ("a", "b")
        def read(self, source, report):
            raise ValueError("unexpected column")
            yield

    def build_failing(options):
        raise OSError("no licence")

    @dgljoint.hookimpl
    def dgljoint_readers():
        return [
            dgljoint.ReaderSpec(name="raising", summary="", build=lambda options: Reader()),
            dgljoint.ReaderSpec(name="unbuilt", summary="", build=build_failing),
        ]
"""


def test_summary_in_both_forms_and_overwriting_only_when_forced(tmp_path, capsys):
    out = tmp_path / "small.h5"
    arguments = ["preprocess", "synthetic", "-o", str(out), *SMALL]
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert ["cascades", "30"] in [line.split() for line in text.splitlines()]

    written = out.read_bytes()
    assert run([*arguments, "-s", "seed=1"]) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == written

    assert run([*arguments, "--force", "--format", "json", "--name", "mine"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["cascades"], summary["name"]) == (30, "mine")


def test_features_are_chosen_and_shown(tmp_path, capsys):
    out = tmp_path / "small.h5"
    chosen = ["--features", "bow_hashed:columns=64,signed=true", "--features", "time"]
    assert run(["preprocess", "synthetic", "-o", str(out), *SMALL, *chosen]) == 0
    assert "bow_hashed (sparse, 64 columns); time (derived" in capsys.readouterr().out
    assert run(["data", "info", str(out), "--format", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["features"]) == ["bow_hashed", "time"]


def test_features_are_listed_with_their_options(capsys):
    assert run(["data", "features"]) == 0
    text = capsys.readouterr().out
    for name in ("bow", "bow_hashed", ":columns=", "time", "structure", "user"):
        assert name in text
    assert run(["data", "features", "--format", "json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)][:2] == [
        "bow", "bow_hashed"
    ]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["twiter15", "."], 2, "did you mean 'twitter15'"),
        (["gcn"], 2, "'gcn' is an encoder, not a reader"),
        (["twitter15"], 2, "dgljoint preprocess twitter15 RAW_DIR"),
        (["synthetic", "."], 2, "reads no raw data"),
        (["synthetic", "-s", "casades=3"], 2, "did you mean 'cascades'?"),
        (["synthetic", "-s", "cascades"], 2, "KEY=VALUE"),
        (["synthetic", "--features", "bow:words=9"], 2, "-s features.words=9"),
        (["synthetic", "--features", "hashed"], 2, "did you mean 'bow_hashed'?"),
        (["synthetic", "--features", "user"], 2, "this reader carries no feature 'user'"),
        (["synthetic", "--features", "time", "--features", "time"], 2, "chosen twice"),
        (["twitter15", "no/such/folder"], 3, "no/such/folder"),
    ],
)
def test_wrong_requests_write_nothing(tmp_path, capsys, arguments, exit_code, message):
    assert run(["preprocess", *arguments, "-o", str(tmp_path / "out.h5")]) == exit_code
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_output_in_a_folder_that_does_not_exist(tmp_path, capsys):
    out = tmp_path / "missing" / "out.h5"
    assert run(["preprocess", "synthetic", "-o", str(out), *SMALL]) == 1
    text = capsys.readouterr().err
    assert str(out) in text
    assert "folder does not exist" in text


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("raising", "failed in read: ValueError: unexpected column"),
        ("unbuilt", "failed in build: OSError: no licence"),
    ],
)
def test_broken_reader_exits_4_and_writes_nothing(site, tmp_path, capsys, reader, message):
    names = dict.fromkeys(("raising", "unbuilt"), "readers_module")
    site.install("dgljoint-readers", names, version="0.4", readers_module=READERS)
    raw = tmp_path / "raw"
    raw.mkdir()
    assert run(["preprocess", reader, str(raw), "-o", str(tmp_path / "out.h5")]) == 4
    text = capsys.readouterr().err
    assert f"plugin '{reader}' (dgljoint-readers 0.4) {message}" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "site"]


ODD = ["preprocess", "jsonl", "raw.jsonl", "-o", "out.h5", "--report", "report.json"]
LINE = '{"id": "%s", "posts": [{"id": "s", "parent": null, "delay_seconds": 0, "text": "%s"}]}'


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Give a folder with five cascades and a line that is none."""
    monkeypatch.chdir(tmp_path)
    lines = [LINE % (f"c{number}", f"text no{number}{number}") for number in range(5)]
    (tmp_path / "raw.jsonl").write_text("\n".join([*lines, '{"id": 7}']))
    return tmp_path


def test_the_report_lists_every_thread_that_was_left_out(odd, capsys):
    assert run(ODD) == 0
    shown = capsys.readouterr().out
    assert "all 1 that were left out, by line: report.json" in shown
    summary = json.loads((odd / "report.json").read_text())
    [left_out] = summary["report"]["quarantine"]
    assert (left_out["reason"], left_out["file"], left_out["line"]) == (
        "line of another form", "raw.jsonl", 6
    )
    assert "Input should be a valid string" in left_out["detail"]
    assert summary["shape"]["posts"]["max"] == 1

    assert run(ODD) == 2
    assert "out.h5 exists" in capsys.readouterr().err
    (odd / "out.h5").unlink()
    assert run(ODD) == 2
    assert "report.json exists" in capsys.readouterr().err


def test_strict_writes_the_report_and_nothing_else(odd, capsys):
    assert run([*ODD, "--strict"]) == 3
    out, err = capsys.readouterr()
    assert ["size", "not", "written"] in [line.split() for line in out.splitlines()]
    assert "error: 0 repairs and 1 refusals, so out.h5 was not written; the first: line of" in err
    assert "raw.jsonl:6" in err
    assert json.loads((odd / "report.json").read_text())["report"]["quarantine"][0]["line"] == 6
    assert sorted(path.name for path in odd.iterdir()) == ["raw.jsonl", "report.json"]

    lines = (odd / "raw.jsonl").read_text().splitlines()
    (odd / "raw.jsonl").write_text("\n".join(lines[:5]))
    assert run([*ODD, "--strict", "--force"]) == 0
    assert (odd / "out.h5").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("out.h5", "OUT and --report are both out.h5"),
        ("nowhere/r.json", "its folder does not exist"),
        (".", "it is a folder"),
    ],
)
def test_a_report_that_cannot_be_written_is_found_out_before_the_build(odd, capsys, file, message):
    assert run([*ODD[:-1], file]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in odd.iterdir()] == ["raw.jsonl"]


def test_other_data_sets_are_compared_with(odd, capsys):
    assert run(ODD) == 0
    capsys.readouterr()
    again = ["preprocess", "jsonl", "raw.jsonl", "-o", "again.h5"]
    assert run([*again, "--against", "out.h5", "--against", "out.h5"]) == 0
    assert capsys.readouterr().out.count("5 of 5 ") == 5  # with the note on dates
    assert run([*again, "--force", "--against", "missing.h5"]) == 3
    assert "missing.h5: no such file" in capsys.readouterr().err


def test_data_info_says_why_a_split_is_missing(odd, capsys):
    assert run(ODD) == 0
    capsys.readouterr()
    assert run(["data", "info", "out.h5"]) == 0
    assert "no split 'time': 5 of 5 cascades have no date" in capsys.readouterr().out
    assert run(["train", "out.h5", "--split", "time", "--encoder", "gcn"]) == 2
    assert "no split 'time': 5 of 5 cascades have no date" in capsys.readouterr().err


DIVIDED = """
    import dgljoint
    import numpy as np

    def read_one(number):
        raise ValueError(f"unexpected column {number}")

    class Reader:
        label_names = ("a",)
        def fingerprint(self, source):
            return "none"
        def read(self, source, report):
            return self.read_in_parts(source, report, map)
        def read_in_parts(self, source, report, spread):
            yield from spread(read_one, [1])

    class Unfingerprinted(Reader):
        def fingerprint(self, source):
            raise ValueError("no such register")

    class Unread(Unfingerprinted):
        def read_in_parts(self, source, report, spread):
            yield dgljoint.Cascade(
                id="c", event="", label=None, posted_at=0, post_id=["s"],
                parent=np.array([-1], np.int32), user=np.zeros(1, np.int64),
                delay_seconds=np.zeros(1), kind=np.zeros(1, np.uint8), text=[""],
            )

    @dgljoint.hookimpl
    def dgljoint_readers():
        return [
            dgljoint.ReaderSpec(name="divided", summary="", build=lambda options: Reader()),
            dgljoint.ReaderSpec(
                name="unnamed", summary="", build=lambda options: Unfingerprinted()
            ),
            dgljoint.ReaderSpec(name="unread", summary="", build=lambda options: Unread()),
        ]
"""


@pytest.mark.parametrize(
    ("reader", "jobs", "message"),
    [
        ("divided", "1", "failed in read: ValueError: unexpected column 1"),
        ("divided", "2", "failed in read: ValueError: unexpected column 1"),
        ("unnamed", "1", "failed in fingerprint: ValueError: no such register"),
        ("unread", "2", "failed in fingerprint: ValueError: no such register"),
    ],
)
def test_a_reader_that_fails_is_named_whatever_process_it_fails_in(
    site, tmp_path, capsys, reader, jobs, message
):
    names = dict.fromkeys(("divided", "unnamed", "unread"), "divided_module")
    site.install("dgljoint-divided", names, version="0.4", divided_module=DIVIDED)
    out = tmp_path / "out.h5"
    raw = str(site.path)
    assert run(["preprocess", reader, raw, "-o", str(out), "--jobs", jobs]) == 4
    assert f"plugin '{reader}' (dgljoint-divided 0.4) {message}" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]
