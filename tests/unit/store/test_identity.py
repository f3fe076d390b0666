"""Which cascades of two files are one thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.data.store import CascadeStore, Identity, identities, same_thread
from toys import toy_cascade, write_store

LONG = "731166399389962242"


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("c1", (0, ""), (0, ""), True),
        ("c1", (5, "a storm"), (5, "a storm"), True),
        ("c1", (5, "a storm"), (0, ""), True),
        ("c1", (5, ""), (0, "a storm"), True),
        ("c1", (5, "a storm"), (6, "a storm"), False),
        ("c1", (5, ""), (6, "a storm"), False),
        ("c1", (5, "a storm"), (5, "another storm"), False),
        ("c1", (0, "a storm"), (5, "another storm"), False),
        ("c1", (0, "A storm: https://t.co/x @you"), (0, "a STORM url"), True),
        ("c1", (0, "@you https://t.co/x"), (0, "a storm"), True),
        ("c1", (0, "暴风雨来了"), (0, "暴风雨来了!"), True),
        ("c1", (0, "暴风雨来了"), (0, "地震来了"), False),
        (LONG, (5, "a storm"), (6, "another storm"), True),
        ("12345678901234", (5, ""), (6, ""), False),
        (f"c{LONG}", (5, ""), (6, ""), False),
    ],
)
def test_equal_ids_are_one_thread_unless_the_data_prove_otherwise(
    name: str, one: tuple[int, str], other: tuple[int, str], same: bool
) -> None:
    left, right = Identity.of(*one), Identity.of(*other)
    assert same_thread(name, left, right) == same_thread(name, right, left) == same


def test_the_source_s_text_counts_and_no_other(tmp_path: Path) -> None:
    cascades = [toy_cascade("c0", [-1, 0], text="a storm"), toy_cascade("c1", [-1], text="")]
    store = CascadeStore(write_store(tmp_path / "a.h5", cascades, folds=2))
    assert list(identities(store)) == [
        ("c0", Identity.of(0, "a storm")), ("c1", Identity(0, "")),
    ]
