"""A cascade file of somebody else: refused in a moment, and no other file is opened for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgljoint.data.store import CascadeStore, _hdf5
from dgljoint.errors import DataError
from memory import peak_megabytes
from toys import toy_store

Change = Callable[[h5py.File], object]
LARGEST = 2**63 - 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return toy_store(tmp_path / "toy.h5", cascades=8).path


def instead(make: Callable[[h5py.File, str], object]) -> Change:
    """Replace a column."""

    def change(file: h5py.File) -> None:
        del file["post/user"]
        make(file, "post/user")

    return change


def column(**settings: Any) -> Change:
    return instead(lambda file, name: file.create_dataset(name, **settings))


def wide_loop(file: h5py.File) -> None:
    group = file.create_group("loop")
    for number in range(50):
        group[f"{number}"] = group


def deep(file: h5py.File) -> None:
    group: h5py.Group = file
    for _ in range(2000):
        group = group.create_group("g")


def aliases(file: h5py.File) -> None:
    for number in range(2000):
        file[f"post/{number}"] = file["post/parent"]


def virtual(file: h5py.File, name: str) -> None:
    """By a source of unknown length, which HDF5 opens to learn the length of the column."""
    source = h5py.VirtualSource("pipe", "x", shape=(9,), maxshape=(None,))
    layout = h5py.VirtualLayout(shape=(9,), dtype="<i8", maxshape=(None,))
    layout[0 : h5py.h5s.UNLIMITED] = source[0 : h5py.h5s.UNLIMITED]
    file.create_virtual_dataset(name, layout)


PLAIN = "is not a plain contiguous array"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (aliases, "digest"),
        (instead(lambda file, name: file.__setitem__(name, h5py.SoftLink("/x"))), "digest"),
        (instead(lambda file, name: file.__setitem__(name, h5py.ExternalLink("pipe", "/x"))),
         "digest"),
        (column(shape=(9,), dtype="<i8", external=[("pipe", 0, 72)]), PLAIN),
        (instead(virtual), PLAIN),
        (column(shape=(9,), dtype=h5py.vlen_dtype("i4")), PLAIN),
        (column(data=["a", "b"]), PLAIN),
        (column(shape=(9,), dtype=h5py.ref_dtype), PLAIN),
        (column(data=np.zeros(9, [("a", "i4"), ("b", "f8")])), PLAIN),
        (column(data=np.zeros(9, "V7")), PLAIN),
        (column(data=np.zeros(9, "S3")), PLAIN),
        (column(data=np.zeros(9, bool)), PLAIN),
        (column(data=np.zeros(9, ">i8")), PLAIN),
        (column(data=np.zeros(9, np.longdouble)), PLAIN),
        (column(data=h5py.Empty("i8")), PLAIN),
        (column(shape=(2**40,), chunks=(1024,), dtype="i8", compression="gzip"), PLAIN),
        (column(shape=(2**59,), dtype="<i8"), "reaches past"),
        (column(shape=(2**20, 2**20, 2**19), dtype="u1"), "reaches past"),
        (column(shape=(0, 2**62), dtype="<i8"), "reaches past"),
        (lambda file: [file.attrs.create(f"{n}", "1") for n in range(200)], "digest"),
        (lambda file: file.attrs.create("zz", "[" * 10**5 + "]" * 10**5), "digest"),
        (lambda file: file.attrs.create("zz", "[" * 900 + "]" * 900), "nested too deeply|digest"),
        (lambda file: file.attrs.create("name", np.zeros(7000)), "attribute name is missing"),
        (lambda file: file.attrs.create("name", h5py.Empty("i8")), "attribute name is missing"),
        (lambda file: file.attrs.create("name", np.bytes_(b"\xff\xfe")), "attribute name is"),
    ],
)
def test_what_hdf5_can_do_and_a_cascade_file_does_not(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, message: str
) -> None:
    # Whoever opens the pipe waits for ever.
    monkeypatch.chdir(path.parent)
    os.mkfifo("pipe")
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(DataError, match=message):
        CascadeStore(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.__setitem__("post/me", file["post"]),
        lambda file: file.__setitem__("post/all", file["/"]),
        wide_loop,
        deep,
        lambda file: [file.create_group(f"{n}") for n in range(11_000)],
        lambda file: file.__setitem__("x", h5py.SoftLink("/x")),
        lambda file: file.__setitem__("x", h5py.ExternalLink("pipe", "/x")),
        lambda file: h5py.h5g.create(file.id, b"\xff\xfe"),
    ],
)
def test_what_is_no_column_is_not_followed(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    monkeypatch.chdir(path.parent)
    os.mkfifo("pipe")
    digest = CascadeStore(path).digest
    with h5py.File(path, "r+") as file:
        change(file)
    assert CascadeStore(path).digest == digest


def rewritten(
    path: Path, columns: Mapping[str, Callable[[Any], Any]], /, **attributes: object
) -> None:
    """Write the file again with other content, and the digest of that."""
    store = CascadeStore(path)
    held = {name: np.array(column) for name, column in store.columns.items()}
    held |= {name: np.ascontiguousarray(change(held[name])) for name, change in columns.items()}
    kept = {name: value for name, value in store.attributes.items() if name != "digest"}
    _hdf5.write(path, held, {**kept, **attributes})


def put(place: int | slice, value: Any) -> Callable[[Any], Any]:
    def change(column: Any) -> Any:
        column[place] = value
        return column

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        # Differences of these overflow, and all come out above 0.
        ("cascade/post_ptr", put(slice(1, 5), [LARGEST, -LARGEST - 1, -1, 0]), "does not point"),
        ("features/bow/indptr", put(slice(1, 5), [LARGEST, -LARGEST - 1, -1, 0]), "does not po"),
        ("cascade/post_ptr", put(-1, 2**62), "column post/"),
        ("post/parent", put(3, 2**31 - 1), "is not after its parent"),
        ("features/bow/indices", put(0, -1), "outside 0 to 11"),
        ("features/bow/values", put(0, np.nan), "not finite, or above"),
        ("features/bow/values", put(0, 2.0**50), "not finite, or above"),
        ("features/extra/rows", put((0, 0), -np.inf), "not finite, or above"),
        ("post/delay", put(1, np.inf), "time order"),
    ],
)
def test_content_that_no_writer_would_have_written(
    path: Path, name: str, change: Callable[[Any], Any], message: str
) -> None:
    rewritten(path, {name: change})
    with pytest.raises(DataError, match=message):
        CascadeStore(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label_names", ["a", 5]),
        ("label_names", [[1], [2]]),
        ("label_names", ["a", "a"]),
        ("features", {"bow": "odd"}),
        ("features", {"../x": "dense"}),
        ("features", {"time": "dense"}),
        ("splits", {"event": 5}),
        ("splits", {"event": {}}),
        ("splits", {"event": {"grouped_by": 5}}),
        ("splits", {"event": {"grouped_by": "event", "ordered_by": 7}}),
        ("columns", {"bow": 2**30}),
        ("columns", {"bow": 10**30}),
        ("splits_refused", {"event": 5}),
        ("counts", {"a": [1]}),
        ("reader", 5),
    ],
)
def test_attributes_of_other_kinds(path: Path, name: str, value: object) -> None:
    rewritten(path, {}, **{name: value})
    with pytest.raises(DataError, match=rf"attribute {name} is"):
        CascadeStore(path)


def test_text_that_is_no_utf8_is_read_with_marks(path: Path) -> None:
    rewritten(path, {"post/text/bytes": lambda text: text * 0 + 0xC3})
    store = CascadeStore(path)
    assert set("".join(store.text.all())) == {"\N{REPLACEMENT CHARACTER}"}
    assert store.text[0] == store.text.all()[0]


def test_large_finite_values_are_taken(path: Path) -> None:
    rewritten(path, {"features/bow/values": put(0, 2.0**50 * 0.99)})
    assert CascadeStore(path).posts > 0


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give a good file."""
    return toy_store(tmp_path_factory.mktemp("good") / "toy.h5", cascades=4).path.read_bytes()


@pytest.mark.slow
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=3))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_with_other_bytes_is_refused_or_the_same(
    tmp_path: Path, content: bytes, flips: list[tuple[float, int]]
) -> None:
    path = tmp_path / "good.h5"
    path.write_bytes(content)
    digest = CascadeStore(path).digest
    changed = bytearray(content)
    for place, bits in flips:
        changed[int(place * (len(changed) - 1))] ^= bits
    path.write_bytes(changed)
    with suppress(DataError):
        assert CascadeStore(path).digest == digest


def test_nothing_that_hdf5_reads_is_without_a_checksum(content: bytes) -> None:
    """HDF5 walks a damaged heap of strings, which has none, without end."""
    assert b"GCOL" not in content


def test_absurd_sizes_take_no_memory(tmp_path: Path) -> None:
    code = """
        import h5py
        from dgljoint.errors import DataError
        from toys import toy_store
        path = toy_store(Path(sys.argv[1]) / "toy.h5", cascades=8).path
        with h5py.File(path, "r+") as file:
            file.create_dataset("x", shape=(2**40,), dtype="<f8")
            file.attrs.create("big", "x" * 1000)
        imports = megabytes("VmRSS")
        try:
            CascadeStore(path)
        except DataError:
            pass
    """
    assert peak_megabytes(code, tmp_path) < 50
