"""From the RvNN release to a trained model on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import SMALL, ends, everything
from dgljoint_cli.main import run
from dgljoint_data.readers.twitter.releases import LABEL_NAMES
from twitter_release import Release, RvnnRelease, small_rows

THREADS = [str(number) for number in range(1000, 1080)]


@pytest.fixture
def rvnn(tmp_path: Path) -> Path:
    """Write eighty threads of forty events, in five published folds but for one."""
    labels = "".join(
        f"{LABEL_NAMES[number % 80 // 2 % 4]}\tE{number // 2}\t{thread}\t0\r\n"
        for number, thread in enumerate(THREADS)
    )
    release = RvnnRelease(
        rows=sum(map(small_rows, THREADS), ()),
        labels=labels.encode(),
        folds=tuple(tuple(THREADS[:-1][fold::5]) for fold in range(5)),
    )
    return release.write(tmp_path / "rvnn")


@pytest.mark.parametrize("plugins", [(), ("--plugin", "contrastive", "--plugin", "meta_weight")])
def test_words_without_times_train_the_rumor_task_and_say_that_links_have_no_targets(
    rvnn, tmp_path, capsys, plugins
):
    out, folder = tmp_path / "words.h5", tmp_path / "run"
    arguments = ["preprocess", str(rvnn), "-o", str(out), "--folds", str(rvnn)]
    assert run([*arguments, "--format", "json"]) == 0
    said, err = capsys.readouterr()
    summary = json.loads(said)
    assert "reader 'twitter15'" in err
    assert summary["splits"]["published"] == 5
    assert any("carries no times" in note for note in summary["report"]["notes"])

    train = ["train", str(out), "--split", "published", "--epochs", "2", "--out", str(folder)]
    assert run([*train, *SMALL, *plugins]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "rumor detection, 16 cascades · test set of" in text
    assert "RANDOM FOLDS" in text
    assert "the rumor task is trained alone: no post of the training set has" in text
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in lines]
    assert all("cascade" not in epoch["losses"] for epoch in epochs)
    assert all("mrr" not in epoch["validation"] for epoch in epochs)
    assert all(epoch["validation"]["score"] == epoch["validation"]["auroc"] for epoch in epochs)
    assert run(["evaluate", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["links"] == {}


def test_both_releases_are_joined(tmp_path, capsys):
    trees, place = Release().write(tmp_path / "trees"), RvnnRelease().write(tmp_path / "rvnn")
    arguments = ["preprocess", "twitter15", str(trees), "--text-from", str(place)]
    assert run([*arguments, "-o", str(tmp_path / "out.h5"), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["report"]["counts"]["rvnn_posts_matched"] == 15


@pytest.mark.parametrize(
    ("reader", "flags", "message"),
    [
        ("synthetic", ("--text-from", "x"), "synthetic has no option 'text_from'"),
        ("synthetic", ("--labels", "x"), "synthetic has no option 'labels'"),
        ("twitter15", ("--labels", "x"), "twitter15 has no option 'labels'"),
    ],
)
def test_a_flag_of_another_reader_is_a_usage_error(tmp_path, capsys, reader, flags, message):
    source = () if reader == "synthetic" else (tmp_path,)
    out = ("-o", tmp_path / "out.h5")
    assert message in ends(capsys, 2, "preprocess", reader, *source, *flags, *out).error
    assert not everything(tmp_path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--text-from", "nothing"), "nothing is no folder: no words can be joined from it"),
        (("--folds", "nothing"), "nothing does not exist; expected the published folds"),
    ],
)
def test_a_second_source_that_is_not_there_leaves_no_file(tmp_path, capsys, flags, message):
    trees = Release().write(tmp_path / "trees")
    out = tmp_path / "out" / "out.h5"
    out.parent.mkdir()
    assert message in ends(capsys, 3, "preprocess", "twitter15", trees, *flags, "-o", out).error
    assert not everything(out.parent)


def test_labels_are_the_option_of_that_name(tmp_path, capsys):
    posts = [{"id": "a", "parent": None, "delay_seconds": 0}]
    raw = tmp_path / "raw.jsonl"
    raw.write_text("\n".join(
        json.dumps({"id": f"c{number}", "label": "yes", "posts": posts}) for number in range(3)
    ))
    arguments = ["preprocess", "jsonl", str(raw), "--labels", "no,yes", "--format", "json"]
    assert run([*arguments, "-o", str(tmp_path / "out.h5")]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"no": 0, "yes": 3}
