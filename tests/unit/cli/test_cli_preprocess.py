"""``preprocess``: readers, their options, and what is in the way."""

from __future__ import annotations

import json

import pytest

from dgljoint_cli.main import run

SMALL = ["--option", "cascades=30", "--option", "events=10"]

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
    assert run([*arguments, "--option", "seed=1"]) == 2
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
        (["synthetic", "--option", "casades=3"], 2, "did you mean 'cascades'?"),
        (["synthetic", "--option", "cascades"], 2, "KEY=VALUE"),
        (["synthetic", "--features", "bow:words=9"], 2, "-o features.words=9"),
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
