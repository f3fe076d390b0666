"""PHEME threads whose files are damaged: what is lost of them is in the report."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pheme_release import Files, folder, read, whole

THREAD = folder("600")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=4)
    | st.sampled_from(["600", "601", "602", 603, [], {}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["600", "601", "602", "id", "id_str", "user", "x"]), inner, max_size=3
    ),
    max_leaves=8,
)
NAMES = sorted(name for name in whole() if name.startswith(THREAD))


def _cut(data: bytes, draw: st.DrawFn) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def _splice(data: bytes, draw: st.DrawFn) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.binary(max_size=20)) + data[at + draw(st.integers(0, 9)) :]


def _retype(data: bytes, draw: st.DrawFn) -> bytes:
    value = json.loads(data)
    name = draw(st.sampled_from(sorted(value)))
    return json.dumps(value | {name: draw(VALUES)}).encode()


def _remove(data: bytes, draw: st.DrawFn) -> bytes:
    value = json.loads(data)
    del value[draw(st.sampled_from(sorted(value)))]
    return json.dumps(value).encode()


def _replace(data: bytes, draw: st.DrawFn) -> bytes:
    return json.dumps(draw(VALUES)).encode()


@st.composite
def mutants(draw: st.DrawFn) -> Files:
    """Damage one to three files of a thread, or swap two."""
    files = whole()
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)):
        change = draw(st.sampled_from((_cut, _splice, _retype, _remove, _replace, None)))
        if change is None:
            other = draw(st.sampled_from(NAMES))
            files[name], files[other] = files[other], files[name]
        else:
            original = whole()[name]
            files[name] = change(original, draw)
    return files


@settings(max_examples=300, deadline=None, derandomize=True)
@given(files=mutants(), labels=st.sampled_from(["veracity", "rumor", "veracity3"]))
def test_a_damaged_thread_loses_nothing_silently(
    tmp_path_factory: pytest.TempPathFactory, files: Files, labels: str
) -> None:
    cascades, report = read(files, tmp_path_factory.mktemp("mutant"), labels)
    assert {"800", "900"} <= set(cascades)
    assert ("600" in cascades) != any(
        "/600" in example for tally in report.refusals.values() for example in tally.examples
    )
