"""Real data written as JSON Lines and built again: every column, text and split is the same.

Features that a reader carries, such as what is known of users, are not in JSON Lines.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dgljoint.data.reading import Reader
from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.export import write_jsonl
from dgljoint_data.readers.jsonl import JsonlOptions, JsonlReader
from dgljoint_data.readers.pheme import PhemeOptions, PhemeReader
from dgljoint_data.readers.twitter.readers import TwitterTreeReader

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")


@pytest.mark.parametrize(
    ("archive", "reader", "carried"),
    [
        ("pheme-derived-layout", PhemeReader(PhemeOptions()), {"user"}),
        ("rumoureval2017-raw", PhemeReader(PhemeOptions()), {"user"}),
        # posts that share an id and users
        ("twitter16-tree", TwitterTreeReader("16"), set()),
    ],
)
def test_an_export_is_built_into_the_same_columns(
    tmp_path: Path, archive: str, reader: Reader, carried: set[str]
) -> None:
    source = Path(RAW or "") / archive
    if not source.is_dir():
        pytest.skip(f"{archive} is not unpacked in DGLJOINT_RAW_DATA")
    if (source / "twitter16").is_dir():
        source = source / "twitter16"
    build_store(reader, reader_name="x", source=source, output=tmp_path / "a.h5")
    store = CascadeStore(tmp_path / "a.h5")
    write_jsonl(store, tmp_path / "a.jsonl")
    labels = JsonlOptions(labels=",".join(store.label_names))
    summary = build_store(
        JsonlReader(labels), reader_name="jsonl", source=tmp_path / "a.jsonl",
        output=tmp_path / "b.h5",
    )
    assert not summary.report.refusals
    again = CascadeStore(tmp_path / "b.h5")
    assert store.features.keys() - again.features.keys() == carried
    columns = {
        name: column
        for name, column in store.columns.items()
        if not name.startswith(tuple(f"features/{feature}/" for feature in carried))
    }
    assert again.columns.keys() == columns.keys()
    for name, column in columns.items():
        np.testing.assert_array_equal(again.columns[name], column, name)
    for name in store.splits:
        assert again.split(name).digest == store.split(name).digest
