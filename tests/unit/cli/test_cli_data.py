"""``data``: a store summed up, checked and drawn."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.store import CascadeStore, create_store
from dgljoint_cli.main import run
from dgljoint_cli.views.holdings import cascade_tree
from dgljoint_cli.views.rendering import render
from toys import random_cascade, toy_cascade, write_store


@pytest.fixture
def store(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    chain = toy_cascade("chain", [-1, 0, 1, 1], label="false", event="e")
    chain = replace(
        chain, posted_at=86_400 * 365, text=["a \x1b[31mred\n text", "b" * 200, "", "[bold]d"]
    )
    others = [random_cascade(f"c{n}", rng, 40, event=f"e{n}") for n in range(3)]
    unlabelled = toy_cascade("none", [-1], label=None)
    return write_store(tmp_path / "a.h5", [chain, *others, unlabelled])


def test_info_in_both_forms(store, capsys):
    assert run(["data", "info", str(store)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["cascades", "5"] in rows
    assert ["none", "1", "20.0%"] in rows
    assert any(row[:5] == ["event", "4", "1", "to", "2"] for row in rows)

    assert run(["data", "info", str(store), "--format", "json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["cascades"], info["posts"], info["unlabelled"]) == (5, 125, 1)
    assert info["labels"] == {"false": 1, "true": 3}
    assert info["kinds"] == {"source": 5, "reply": 120}
    assert info["posted"] == ["1971-01-01", "1971-01-01"]
    assert info["posts_a_cascade"] == {"min": 1, "median": 40, "mean": 25, "max": 40}
    assert info["posts_with_text"] == 124
    assert info["features"] == {
        "bow": "sparse, 12 columns", "extra": "dense, 2 columns",
        "time": "derived when a batch is made", "structure": "derived when a batch is made",
        "shape": "derived when a batch is made",
    }
    assert info["splits"]["event"]["folds"] == [2, 1, 1, 1]
    assert info["splits"]["event"]["digest"] == CascadeStore(store).split("event").digest


def test_an_empty_store_has_a_summary_and_nothing_to_show(tmp_path, capsys):
    path = tmp_path / "empty.h5"
    with create_store(path, name="x", reader="x", label_names=("a",), raw_digest="x"):
        pass
    assert run(["data", "info", str(path)]) == 0
    assert run(["data", "show", str(path)]) == 3
    assert "holds no cascade" in capsys.readouterr().err


def test_validate_says_what_was_checked_and_refuses_a_changed_file(store, capsys):
    assert run(["data", "validate", str(store)]) == 0
    text = capsys.readouterr().out
    assert "is valid: 5 cascades, 125 posts" in text
    assert "every other post after its parent" in text
    assert run(["data", "validate", str(store), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["cascades"], found["posts"]) == (True, 5, 125)

    content = bytearray(store.read_bytes())
    place = content.find(b"word3")
    content[place] ^= 1
    store.write_bytes(content)
    assert run(["data", "validate", str(store)]) == 3
    assert "does not match its digest" in capsys.readouterr().err


def test_show_draws_each_post_under_its_parent_and_obeys_no_post(store, capsys):
    assert run(["data", "show", str(store)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "chain · false · 4 posts"
    assert lines[1] == "+0 s source user 1  a [31mred text"
    assert lines[2].startswith("└── +1.0 min reply user 2  bbb")
    assert lines[2].endswith("b…")
    assert lines[3] == "    ├── +2.0 min reply user 3"
    assert lines[4] == "    └── +3.0 min reply user 4  [bold]d"


def test_show_names_what_there_is(store, capsys):
    assert run(["data", "show", str(store), "none"]) == 0
    assert "none · no label · 1 posts" in capsys.readouterr().out
    assert run(["data", "show", str(store), "chian"]) == 2
    assert "the first is 'chain'" in capsys.readouterr().err


@pytest.mark.parametrize("most", [1, 7, 1000])
@pytest.mark.parametrize("shape", ["random", "chain", "star"])
def test_posts_that_are_not_drawn_are_counted(tmp_path, capsys, most, shape):
    parents = {
        "random": random_cascade("a", np.random.default_rng(1), 90).parent,
        "chain": range(-1, 89),
        "star": [-1] + [0] * 89,
    }
    path = write_store(tmp_path / "a.h5", [toy_cascade("a", parents[shape])])
    render(cascade_tree(CascadeStore(path), 0, most))
    text = capsys.readouterr().out
    drawn = len(re.findall(r"(source|reply) user", text))
    assert drawn <= most
    assert drawn + sum(int(count) for count in re.findall(r"… (\d+) more", text)) == 90
