"""The audit of the published Twitter15/16 shows what is known to leak from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dgljoint.data.store import CascadeStore
from dgljoint_data import build_store
from dgljoint_data.audit import audit_store
from dgljoint_data.audit.outcome import Severity
from dgljoint_data.readers.twitter.readers import TwitterTreeReader

RAW = os.environ.get("DGLJOINT_RAW_DATA")
pytestmark = pytest.mark.skipif(not RAW, reason="DGLJOINT_RAW_DATA names no folder of raw data")

# Accuracies on random folds and with events kept apart, from the README of the data: the means of
# five other divisions of the same data.
EXPECTED = {
    "15": {"id": (0.843, 0.531), "source-text": (0.836, 0.365), "structure": (0.499, 0.446)},
    "16": {"id": (0.889, 0.763), "source-text": (0.849, 0.410), "structure": (0.553, 0.499)},
}
RANDOM_NOISE, EVENT_NOISE = 0.03, 0.06


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CascadeStore]:
    made = {}
    for edition in EXPECTED:
        source = Path(RAW or "") / f"twitter{edition}-tree"
        if not source.is_dir():
            pytest.skip(f"twitter{edition}-tree is not unpacked in DGLJOINT_RAW_DATA")
        output = tmp_path_factory.mktemp("audit") / f"{edition}.h5"
        build_store(TwitterTreeReader(edition), reader_name="x", source=source, output=output)
        made[edition] = CascadeStore(output)
    return made


@pytest.mark.parametrize(("edition", "other"), [("15", "16"), ("16", "15")])
def test_random_folds_leak_as_reported(
    stores: dict[str, CascadeStore], edition: str, other: str
) -> None:
    audit = audit_store(stores[edition], "random", stores[other])
    found = {finding.check: finding for finding in audit.findings}
    assert found["threads in both stores"].values["shared"] == 169
    for probe, (random, apart) in EXPECTED[edition].items():
        values = found[f"{probe} probe"].values
        assert values["accuracy"] == pytest.approx(random, abs=RANDOM_NOISE), probe
        assert values["events_apart"] == pytest.approx(apart, abs=EVENT_NOISE), probe
    assert found["time order"].values["classes_missing_late"] > 0
    leaks = ("events across folds", "source-text probe", "date probe")
    assert {found[check].severity for check in leaks} == {Severity.warning}
    assert found["target edges"].severity is Severity.ok
    assert found["target edges"].values["targets"] > 10_000
