"""``preprocess DIR``: the reader that recognises the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgljoint_cli.main import run
from pheme_release import LAYOUTS, whole, write
from twitter_release import Release, RvnnRelease
from weibo_release import whole as weibo

BROKEN = """
    import dgljoint

    def fail(path):
        raise OSError("no licence")

    @dgljoint.hookimpl
    def dgljoint_readers():
        return [dgljoint.ReaderSpec(name="bad", summary="", build=print, recognises=fail)]
"""


def lines(target: Path) -> Path:
    target.mkdir()
    posts = [{"id": "a", "parent": None, "delay_seconds": 0}]
    made = (json.dumps({"id": f"c{number}", "posts": posts}) for number in range(3))
    (target / "cascades.jsonl").write_text("\n".join(made))
    return target


@pytest.mark.parametrize(
    "expected", ["twitter15", "rvnn", "rvnn16", *LAYOUTS, "weibo", "jsonl", "file"]
)
def test_the_reader_is_found(site, tmp_path, capsys, expected):
    site.install("dgljoint-bad", {"bad": "bad"}, bad=BROKEN)
    raw = tmp_path / "raw"
    if expected == "twitter15":
        Release().write(raw)
    elif expected.startswith("rvnn"):
        RvnnRelease().write(raw, edition=expected[4:] or "15")
    elif expected in LAYOUTS:
        write(whole(expected), raw)
    elif expected == "weibo":
        write(weibo(), raw)
    else:
        lines(raw)
    named = {"rvnn": "twitter15", "rvnn16": "twitter16", "file": "jsonl"}
    reader = "pheme" if expected in LAYOUTS else named.get(expected, expected)
    place = raw / "cascades.jsonl" if expected == "file" else raw
    arguments = ["preprocess", str(place), "-o", str(tmp_path / "out.h5"), "--format", "json"]
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["reader"] == reader
    assert f"{place}: reader '{reader}'" in err


def test_several_or_no_readers_exit_2_and_are_named(tmp_path, capsys):
    out = ["-o", str(tmp_path / "out.h5")]
    Release(events=None).write(tmp_path / "undated")
    assert run(["preprocess", str(tmp_path / "undated"), *out]) == 2
    err = capsys.readouterr().err
    assert "may be of several readers: twitter15, twitter16" in err
    assert "dgljoint preprocess twitter15" in err
    (tmp_path / "empty").mkdir()
    assert run(["preprocess", str(tmp_path / "empty"), *out]) == 2
    err = capsys.readouterr().err
    assert "no reader recognises" in err
    assert "empty, which is empty" in err
    assert "label.txt and tree/ID.txt" in err
    assert "docs/readers/jsonl.md" in err
    assert not (tmp_path / "out.h5").exists()


def test_a_reader_is_meant_where_a_folder_has_its_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Release().write(tmp_path / "twitter15")
    assert run(["preprocess", "twitter15", "-o", "out.h5"]) == 2
    assert "dgljoint preprocess twitter15 RAW_DIR" in capsys.readouterr().err
    assert run(["preprocess", "./twitter15", "-o", "out.h5"]) == 0


def test_a_folder_of_no_known_form_shows_what_it_holds_and_the_forms_that_are_known(
    tmp_path, capsys
):
    raw = tmp_path / "raw"
    for name in ("true", "false"):
        (raw / name).mkdir(parents=True)
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        (raw / name).write_text("x")
    assert run(["preprocess", str(raw), "-o", str(tmp_path / "out.h5")]) == 2
    err = capsys.readouterr().err
    assert "contains 2 folders (false/, true/) and 4 files (a.csv, b.csv, c.csv, ...)" in err
    for layout in ("jsonl ", "twitter15 ", "twitter16 ", "weibo "):
        assert f"\n  {layout}" in err
    packed = tmp_path / "raw.zip"
    packed.write_bytes(b"PK")
    assert run(["preprocess", str(packed), "-o", str(tmp_path / "out.h5")]) == 2
    assert "raw.zip, a packed file: unpack it first" in capsys.readouterr().err
