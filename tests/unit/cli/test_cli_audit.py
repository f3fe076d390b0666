"""``audit``: both forms, and the exit code of ``--strict``."""

from __future__ import annotations

import json

import pytest

from dgljoint_cli.main import run


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "small.h5"
    options = ["-s", "cascades=200", "-s", "events=50", "-s", "mean_posts=8"]
    assert run(["preprocess", "synthetic", "-o", str(path), "-q", *options]) == 0
    return str(path)


@pytest.mark.slow
def test_a_table_with_a_verdict_and_exit_3_when_strict(store, capsys):
    assert run(["audit", store, "--split", "random", "--strict"]) == 3
    text = capsys.readouterr().out
    assert text.startswith("synthetic, split random: 0 error, ")
    assert "events across folds" in text
    assert run(["audit", store, "--split", "random"]) == 0


def test_events_kept_apart_pass_when_strict(store, capsys):
    assert run(["audit", store, "--strict", "--format", "json"]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert (audit["split"], audit["grouped_by"], audit["worst"]) == ("event", "event", "info")


def test_a_typo_in_the_split_is_refused_at_once(store, capsys):
    assert run(["audit", store, "--split", "evnt"]) == 2
    assert "did you mean 'event'" in capsys.readouterr().err
