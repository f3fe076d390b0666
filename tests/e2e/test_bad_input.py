"""What is wrong with the input or a plugin ends in a message, and in nothing half-done."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from commands import SMALL, ends, everything
from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint_cli.main import run
from toys import toy_store
from twitter_release import SMALL_TREE, Release

# Raw data


def release(folder: Path, **changed: bytes | tuple[str, ...] | None) -> Path:
    """Write a small release with some trees (by ``tree_ID``) or files changed."""
    made = Release()
    for name, content in changed.items():
        if name.startswith("tree_"):
            thread = name.removeprefix("tree_")
            if content is None:
                del made.trees[thread]
            else:
                made.trees[thread] = content
        else:
            setattr(made, name, content)
    return made.write(folder)


TEXT = "\n".join(SMALL_TREE).encode()


@pytest.mark.parametrize(
    ("changed", "section", "reason", "example", "cascades"),
    [
        ({"tree_500": TEXT[:-17]}, "repairs", "not an edge line", "tree/500.txt:4", 5),
        ({"tree_500": (*SMALL_TREE, "no edge")}, "repairs", "not an edge line",
         "tree/500.txt:5", 5),
        ({"tree_500": b"\xff\xfe\x00\n" + TEXT}, "repairs", "not an edge line",
         "tree/500.txt:1", 5),
        ({"tree_500": b"\xff\xfe\x00"}, "refusals", "tree without a ROOT line",
         "tree/500.txt", 4),
        ({"tree_500": b""}, "refusals", "tree without a ROOT line", "tree/500.txt", 4),
        ({"tree_500": None}, "refusals", "label without a tree", "tree/500.txt", 4),
        ({"tree_999": TEXT}, "refusals", "tree without a label", "tree/999.txt", 5),
        ({"labels": b"tru:500\nfalse:600\nunverified:700\nnon-rumor:800\n"}, "refusals",
         "unknown label", "label.txt:1", 3),
        ({"texts": b"500\t\xff\xfe\n"}, "repairs", "source text with bytes that are no UTF-8",
         "source_tweets.txt:1", 5),
    ],
)
def test_a_bad_part_of_raw_data_is_counted_and_the_rest_is_kept(
    changed, section, reason, example, cascades, tmp_path, capsys
):
    raw, output = release(tmp_path / "raw", **changed), tmp_path / "out.h5"
    assert run(["preprocess", "twitter15", str(raw), "-o", str(output), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    found = summary["report"][section][reason]
    assert found["count"] == 1
    assert found["examples"][0].startswith(example)
    assert summary["cascades"] == cascades == len(CascadeStore(output))

    assert run(["preprocess", "twitter15", str(raw), "-o", str(output), "--force"]) == 0
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path / "missing", "does not exist"),
        (lambda path: (path / "empty").mkdir() or path / "empty", "the folder is empty"),
        (lambda path: (path / "f").write_text("x") and path / "f", "is no folder"),
        (lambda path: release(path / "raw", labels=None), "lacks label.txt"),
        (lambda path: release(path / "raw", labels=b"\xff\xfe\x00"), "holds no readable thread"),
        (lambda path: release(path / "raw", **dict.fromkeys(
            ("tree_500", "tree_600", "tree_700", "tree_800", "tree_900"))),
         "label without a tree"),
    ],
    ids=["missing", "empty", "file", "no labels", "unreadable labels", "no trees"],
)
def test_raw_data_that_cannot_be_read_leaves_no_file(make, message, tmp_path, capsys):
    raw = make(tmp_path)
    before = everything(tmp_path)
    output = tmp_path / "out.h5"
    said = ends(capsys, 3, "preprocess", "twitter15", raw, "-o", output)
    assert message in said.error
    assert str(raw) in said.error
    assert everything(tmp_path) == before


# Places to write to


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return Release().write(tmp_path / "raw")


def test_an_output_that_cannot_be_made(raw, tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = everything(tmp_path)
    for output, message in (
        ("file/out.h5", "folder does not exist"),
        ("nowhere/out.h5", "folder does not exist"),
        ("folder", "it is a folder"),
        ("pipe", "it is no regular file"),
    ):
        path = tmp_path / output
        said = ends(capsys, 1, "preprocess", "twitter15", raw, "-o", path, "--force")
        assert f"cannot write {path}" in said.error
        assert message in said.error
        assert "hint: " in said
    assert everything(tmp_path) == before
    assert (tmp_path / "pipe").is_fifo()


def test_a_run_folder_that_cannot_be_made(tmp_path, capsys):
    store = toy_store(tmp_path / "toy.h5").path
    before = everything(tmp_path)
    said = ends(capsys, 1, "train", store, "--out", store / "run", *SMALL)
    assert f"cannot write {store / 'run'}" in said.error
    assert everything(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_one_may_not_write_to(raw, tmp_path, capsys):
    store = toy_store(tmp_path / "toy.h5").path
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    for arguments in (
        ("preprocess", "twitter15", raw, "-o", closed / "out.h5"),
        ("train", store, "--out", closed / "run", *SMALL),
    ):
        assert "Permission denied" in ends(capsys, 1, *arguments).error
    assert not everything(closed)


def test_an_existing_file_survives_a_failed_replacement(raw, tmp_path, capsys):
    output = tmp_path / "out.h5"
    assert run(["preprocess", "twitter15", str(raw), "-o", str(output)]) == 0
    written = output.read_bytes()
    (raw / "label.txt").unlink()
    ends(capsys, 3, "preprocess", "twitter15", raw, "-o", output, "--force")
    assert output.read_bytes() == written


# Cascade files


def changed(change: Callable[[h5py.File], object]) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return make


def relink(link: object) -> Callable[[h5py.File], object]:
    def change(file: h5py.File) -> None:
        del file["post/user"]
        file["post/user"] = link

    return change


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2, 3]


def one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.rindex(b"word11")] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, "no such file"),
        (lambda path: path.unlink() or path.mkdir(), "is a folder, not a cascade file"),
        (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
         "damaged or cut short"),
        (lambda path: path.write_bytes(path.read_bytes()[:600]), "damaged or cut short"),
        (lambda path: path.write_bytes(b""), "not an HDF5 file"),
        (lambda path: path.write_text("id,label\n1,true\n"), "not an HDF5 file"),
        (foreign, "an HDF5 file of another program"),
        (changed(lambda file: file.attrs.update(format='"netcdf"')), "format is 'netcdf'"),
        (changed(lambda file: file.attrs.update(version="2")), "format version 2"),
        (changed(lambda file: file.attrs.update(version="0")), "format version 0"),
        (changed(lambda file: file.attrs.update(digest='"00"')), "does not match its digest"),
        (one_bit, "does not match its digest"),
        (changed(relink(h5py.ExternalLink("other.h5", "/x"))), "does not match its digest"),
        (changed(relink(h5py.SoftLink("/cascade/label"))), "does not match its digest"),
    ],
    ids=["missing", "folder", "half", "header", "empty", "text", "foreign", "netcdf", "future",
         "past", "digest", "bit", "external", "soft"],
)
def test_a_cascade_file_that_is_none(spoil, message, tmp_path, capsys):
    path = tmp_path / "toy.h5"
    toy_store(path)
    spoil(path)
    before = everything(tmp_path)
    said = ends(capsys, 3, "train", path, "--out", tmp_path / "run", *SMALL)
    assert said.error.startswith(f"error: {path}")
    assert message in said.error
    assert everything(tmp_path) == before
    assert not (tmp_path / "run").exists()


def test_what_mends_a_file_of_another_version(tmp_path, capsys):
    path = tmp_path / "toy.h5"
    for version, hint in ((2, "update dgljoint"), (0, "dgljoint preprocess")):
        toy_store(path)
        changed(lambda file, version=version: file.attrs.update(version=str(version)))(path)
        assert hint in ends(capsys, 3, "train", path, "--out", tmp_path / "run")


def test_a_run_folder_that_is_none(tmp_path, capsys):
    said = ends(capsys, 3, "evaluate", tmp_path / "nothing")
    assert "no run folder" in said.error
    (tmp_path / "config.toml").write_text("seed = [")
    assert "config.toml" in ends(capsys, 2, "evaluate", tmp_path).error


def test_a_checkpoint_cut_short(tmp_path, capsys):
    store = toy_store(tmp_path / "toy.h5").path
    folder = tmp_path / "run"
    assert run(["train", str(store), "--out", str(folder), *SMALL, "--epochs", "1"]) == 0
    best = folder / "checkpoints" / "best.safetensors"
    best.write_bytes(best.read_bytes()[:-100])
    assert str(best) in ends(capsys, 3, "evaluate", folder).error
    best.unlink()
    assert "no such checkpoint" in ends(capsys, 3, "evaluate", folder).error


# Plugins that raise

GOOD = """
    import dgljoint
    from dgljoint.nn import Interaction

    class Mine(Interaction):
        def __init__(self, width):
            super().__init__()
            {init}
        def couple(self, reps, batch):
            {couple}
            return reps

    def build(options, context):
        {build}
        return Mine(context.width)

    @dgljoint.hookimpl
    def dgljoint_interactions():
        {hook}
        return [dgljoint.InteractionSpec(name="mine", summary="", build=build)]
"""
NOTHING = dict.fromkeys(("init", "couple", "build", "hook"), "pass")
BOOM = "raise KeyError('boom')"


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (BOOM, "import of mine_module"),
        ("import sys; sys.exit(0)", "import of mine_module"),
        ("def broken(:", "import of mine_module"),
        (GOOD.format(**NOTHING | {"hook": BOOM}), "dgljoint_interactions"),
        (GOOD.format(**NOTHING | {"build": BOOM}), "build"),
        (GOOD.format(**NOTHING | {"init": BOOM}), "build"),
        (GOOD.format(**NOTHING | {"couple": BOOM}), "couple"),
    ],
    ids=["import", "exit", "syntax", "hook", "build", "init", "couple"],
)
def test_a_plugin_that_raises(source, where, site: Site, tmp_path, capsys):
    site.install("dgljoint-mine", {"mine": "mine_module"}, mine_module=source)
    store = toy_store(tmp_path / "toy.h5").path
    said = ends(
        capsys, 4, "train", store, "--plugin", "mine", "--out", tmp_path / "run", *SMALL
    )
    assert said.error.startswith(f"error: plugin 'mine' (dgljoint-mine 1.0) failed in {where}: ")
    assert "--debug" in said

    # Nobody else is stopped by it.
    assert run(["plugins", "list", "--load"]) == 0
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    arguments = ["train", str(store), *SMALL, "--epochs", "1", "--out", str(tmp_path / "other")]
    assert run(arguments) == 0


def test_an_encoder_that_raises_in_forward(site: Site, tmp_path, capsys):
    site.install("dgljoint-enc", {"enc": "enc_module"}, enc_module="""
        import dgljoint
        from dgljoint.nn import Encoder

        class Mine(Encoder):
            def forward(self, batch, x):
                raise IndexError("boom")

        @dgljoint.hookimpl
        def dgljoint_encoders():
            build = lambda options, context: Mine()
            return [dgljoint.EncoderSpec(name="enc", summary="", build=build)]
    """)
    store = toy_store(tmp_path / "toy.h5").path
    said = ends(capsys, 4, "train", store, "--encoder", "enc", "--out", tmp_path / "run", "-q")
    assert said.error.endswith("'enc' (dgljoint-enc 1.0) failed in forward: IndexError: boom")
