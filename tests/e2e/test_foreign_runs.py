"""A run folder of somebody else: it crashes nothing, runs nothing and leads nowhere else."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands import SMALL, Said, ends
from dgljoint.errors import DataError
from dgljoint.training.checkpoint import load_tree, save_tree
from dgljoint_cli.main import run
from foreign import (
    bomb,
    device,
    link,
    pipe,
    with_data,
    with_header,
    with_skeleton,
    with_tensor,
    with_value,
)
from toys import toy_store

DEEP = 100_000
HUGE = "9" * 5000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a run with all kinds of state; without its scores it can be gone on with."""
    folder = tmp_path_factory.mktemp("made")
    store = toy_store(folder / "toy.h5", cascades=96).path
    plugins = ("--plugin", "adversarial", "--plugin", "meta_weight")
    out = folder / "run"
    assert run(["train", str(store), *plugins, *SMALL, "--epochs", "2", "--out", str(out)]) == 0
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "run")
    yield tmp_path / "run"
    assert not (tmp_path / "exploded").exists()


def refused(capsys: pytest.CaptureFixture[str], folder: Path, part: str, code: int = 3) -> Said:
    """Open what is wrong, by the command that reads it."""
    if part == "last":
        return ends(capsys, code, "train", "--resume", "--out", folder, "-q")
    return ends(capsys, code, "evaluate", folder)


BROKEN: dict[str, Callable[[Path], object]] = {
    "pickle": bomb,
    "header length": lambda file: file.write_bytes(struct.pack("<Q", 2**63) + b"{}" * 50),
    "past the end": with_tensor(data_offsets=[0, 2**40]),
    "backwards": with_tensor(data_offsets=[500, 10]),
    "overlap": with_tensor(data_offsets=[0, 4 * 4 * 8]),
    "absurd shape": with_tensor(shape=[2**62, 8]),
    "overflowing shape": with_tensor(shape=[2**33, 2**33]),
    "unknown type": with_tensor(dtype="F99"),
    "another type": with_tensor(dtype="I32"),
    "another shape": with_tensor(shape=[8, 4]),
    "no numbers": with_data(struct.pack("<f", float("nan"))),
    "no metadata": with_header(lambda header: header.pop("__metadata__")),
    "nested lists": with_skeleton("[" * DEEP + "]" * DEEP),
    "nested pairs": with_skeleton('{"$pairs":[["a",' * DEEP + "1" + "]]}" * DEEP),
    "nested almost too deeply": with_skeleton("[" * 900 + "]" * 900),
    "no such tensor": with_skeleton('{"$tensor": "/nowhere"}'),
    "no name": with_skeleton('{"$tensor": [1]}'),
    "no pairs": with_skeleton('{"$pairs": 5}'),
    "no key": with_skeleton('{"$pairs": [[[1], 2]]}'),
    "a list": with_skeleton("[1, 2]"),
    "nothing": with_skeleton('{"$pairs": []}'),
    "a huge number": with_skeleton('{"$pairs": [["epoch", ' + HUGE + "]]}"),
    "no model": with_value("model", value=5),
    "pipe": pipe,
    "link": link,
    "device": device,
}


@pytest.mark.parametrize("part", ["best", "last"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_checkpoint_that_is_none_of_ours(what, part, folder, capsys):
    BROKEN[what](folder / "checkpoints" / f"{part}.safetensors")
    said = refused(capsys, folder, part)
    assert str(folder) in said.error
    assert len(said.splitlines()) <= 2


PAIRS = {"$pairs": []}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("position",), 5),
        (("position", "epoch"), "x"),
        (("position", "epoch"), 2**70),
        (("position", "epoch"), 9),
        (("position", "epoch"), -1),
        (("position", "step"), 10**6),
        (("position", "step"), 1),  # without the sums of that step
        (("position", "best_epoch"), 9),
        (("position", "sums"), {"$pairs": [["norm", "x"]]}),
        (("optimizer",), PAIRS),
        (("optimizer", "state"), {"$pairs": [[0, {"$pairs": [["step", 1]]}]]}),
        (("optimizer", "state"), {"$pairs": [[10**6, PAIRS]]}),
        (("opponents",), PAIRS),
        (("weighter",), PAIRS),
    ],
)
def test_a_state_that_no_run_comes_to(place, value, folder, capsys):
    with_value(*place, value=value)(folder / "checkpoints" / "last.safetensors")
    assert str(folder) in refused(capsys, folder, "last").error


@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=3))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_checkpoint_is_refused_or_a_tree(tmp_path, flips):
    """Data have no digest; a header that is no longer ours is noticed, and nothing else happens."""
    import torch

    file = tmp_path / "a.safetensors"
    tree = {"model": {"x": torch.arange(6.0), "y": torch.ones(2, 3)}, "epoch": 3, "list": [1, None]}
    save_tree(file, tree)
    content = bytearray(file.read_bytes())
    for place, bits in flips:
        content[int(place * (len(content) - 1))] ^= bits
    file.write_bytes(content)
    try:
        found = load_tree(file)
    except DataError:
        return
    assert isinstance(found, dict)


# The files of text


def setting(pattern: str, line: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        file = folder / "config.toml"
        text, found = re.subn(pattern, lambda _: line, file.read_text(), count=1, flags=re.M)
        assert found
        file.write_text(text)

    return spoil


@pytest.mark.parametrize(
    ("pattern", "line", "message"),
    [
        ("^width = 8", "width = 1000000000", "model.width"),
        ("^threads = .*", "threads = 1000000000", "train.threads"),
        ("^epochs = .*", "epochs = 100000000000", "train.epochs"),
        ("^candidates = .*", "candidates = 1000000000000000000000", "cascade.candidates"),
        ("^seed = 0", f"seed = {HUGE}", "is not TOML"),
        ("^seed = 0", "seed = 0x" + "f" * 20_000, "configuration.seed"),
        ("^seed = 0", "seed = " + "{a=" * DEEP + "1" + "}" * DEEP, "is not TOML"),
        ("^seed = 0", "seed." + ".".join("a" * 3000) + " = 1", "deeper than any setting"),
        ("^hidden = .*", "hidden = 1000000000", "hidden"),
        ("^dropout = .*", "dropout = nan", "finite number"),
        ("^encoder = .*", 'encoder = "os:system"', "no plugin is named"),
        ("^encoder = .*", 'encoder = ["gcn"]', "configuration.encoder"),
        (r"^plugins = \[[^\]]*\]", "plugins = " + "[" * 50 + "]" * 50, "deeper than any"),
        (r"\Z", "\n[options.unknown]\nx = 1\n", "which this run does not use"),
        ("^data = .*", r'data = "a\u0000b"', "configuration.data"),
    ],
)
def test_a_configuration_with_absurd_values(pattern, line, message, folder, capsys):
    setting(pattern, line)(folder)
    for part in ("best", "last"):
        said = refused(capsys, folder, part, code=2)
        assert message in said
        assert len(said) < 2000


@pytest.mark.parametrize("what", ["/etc/passwd", "/dev/zero", "/", "a pipe"])
def test_data_that_are_no_cascade_file_are_not_waited_for(what, folder, capsys, tmp_path):
    if what == "a pipe":
        what = str(tmp_path / "pipe")
        (tmp_path / "pipe").touch()
        pipe(tmp_path / "pipe")
    setting("^data = .*", f'data = "{what}"')(folder)
    for part in ("best", "last"):
        assert what in refused(capsys, folder, part).error


TEXTS = {
    "empty": "\n",
    "a list": "[]\n",
    "nested": "[" * DEEP + "]" * DEEP + "\n",
    "a huge number": '{"epoch": ' + HUGE + "}\n",
    "other kinds": '{"data": [1], "plugins": 5, "losses": 3, "test": {"rumor": 5}}\n',
}


@pytest.mark.parametrize("what", [*TEXTS, "pipe", "link", "device"])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("manifest.json", ("evaluate", "RUN")),
        ("manifest.json", ("train", "--resume", "-q", "--out", "RUN")),
        ("metrics.jsonl", ("runs", "show", "RUN")),
        ("scores.json", ("synergy", "RUN")),
    ],
)
def test_texts_of_a_run_that_are_none(name, command, what, folder, capsys):
    if what in TEXTS:
        (folder / name).write_text(TEXTS[what])
    else:
        {"pipe": pipe, "link": link, "device": device}[what](folder / name)
    ends(capsys, 3, *(folder if word == "RUN" else word for word in command))


def test_nothing_is_written_through_a_link(folder, tmp_path, capsys):
    for name in ("metrics.jsonl", "checkpoints"):
        outside = tmp_path / f"outside {name}"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)
        before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if "outside" in str(p)}
        assert "is a link" in refused(capsys, folder, "last")
        assert before == {p: p.stat().st_mtime_ns for p in before}
        (folder / name).unlink()
        outside.rename(folder / name)


def test_what_was_changed_in_these_tests_was_well_before(folder, capsys):
    assert run(["evaluate", str(folder)]) == 0
    assert run(["train", "--resume", "--out", str(folder), "-q"]) == 0
