"""What ``dgljoint data export`` does."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError

STDOUT = Path("-")
_FORMS = {".jsonl": "jsonl", ".bin": "dgl", ".dgl": "dgl"}


def check_output(store: Path, output: Path, form: str | None, *, force: bool) -> str:
    """Return the form to write.

    Raises:
        UsageError: nothing names it, or ``output`` cannot take it.
    """
    found = form or _FORMS.get(output.suffix)
    if found is None:
        raise UsageError(
            f"the name {output} does not show the form to write", hint="add --to jsonl or --to dgl"
        )
    if output == STDOUT:
        if found == "dgl":
            raise UsageError("DGL writes to files alone", hint="name a file: -o graphs.bin")
        return found
    if output.is_dir():
        raise UsageError(f"{output} is a folder", hint="name a file in it")
    if output.exists() and store.exists() and output.samefile(store):
        raise UsageError(f"{output} is what is to be exported", hint="name another file")
    if output.is_file() and not force:
        raise UsageError(f"{output} exists", hint="--force replaces it, or name another file")
    return found


def export_store(path: Path, output: Path, form: str) -> dict[str, Any]:
    """Write a store in a form.

    Returns:
        What was written, in the form of ``--format json``: ``path`` (``-``: stdout), ``form``,
        numbers of ``cascades`` and ``posts``, ``label_names`` by their number in the store,
        ``left_behind`` (what the store has and the file has not), ``size_bytes``.

    Raises:
        DataError: the store is damaged, empty, or cannot be written in the form.
        RunFailedError: the file system refuses.
    """
    store = CascadeStore(path)
    if form == "dgl":
        from dgljoint.data.dataset import write_graphs

        write_graphs(store, output)
        left = ["ids", "users", "texts", "dates", "names of events and words"]
    else:
        from dgljoint_data.export import cascade_lines, write_jsonl

        if output == STDOUT:
            sys.stdout.buffer.writelines(cascade_lines(store))
            sys.stdout.buffer.flush()
        else:
            write_jsonl(store, output)
        features = [name for name, kind in store.features.items() if kind != "derived"]
        left = [f"feature {name}" for name in features] + [f"split {n}" for n in store.splits]
    return {
        "path": str(output),
        "form": form,
        "cascades": len(store),
        "posts": store.posts,
        "label_names": store.label_names,
        "left_behind": left,
        "size_bytes": None if output == STDOUT else output.stat().st_size,
    }


def sentence(done: Mapping[str, Any]) -> str:
    """Return in one line what was written."""
    where = "stdout" if done["path"] == str(STDOUT) else done["path"]
    size = "" if done["size_bytes"] is None else f", {done['size_bytes'] / 1e6:.1f} MB"
    held = f"{done['cascades']:,} cascades, {done['posts']:,} posts"
    return f"{where}: {held} as {done['form']}{size}"


def lines(done: Mapping[str, Any]) -> list[str]:
    """Return lines on what was written, what was not, and how it is read."""
    path, names = shlex.quote(done["path"]), shlex.quote(",".join(done["label_names"]))
    read = {
        "jsonl": f"dgljoint preprocess jsonl {path} -o OUT.h5 -s labels={names}",
        "dgl": f"graphs, tensors = dgl.load_graphs('{done['path']}'); "
        + "classes: " + ", ".join(f"{n} {name}" for n, name in enumerate(done["label_names"])),
    }
    return [
        sentence(done),
        f"left behind: {', '.join(done['left_behind']) or 'nothing'}",
        f"read it with: {read[done['form']]}",
    ]
