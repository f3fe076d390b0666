"""What ``dgljoint data export`` does."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError

STDOUT = Path("-")
_FORMS = {".jsonl": "jsonl", ".bin": "dgl", ".dgl": "dgl"}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: of the file; ``-`` for stdout.
        form: ``jsonl`` or ``dgl``.
        cascades: number of them.
        posts: number of them.
        label_names: the classes, by the number they have in the store.
        left_behind: what the store has and the file has not.
        size_bytes: of the file; ``None`` for stdout.
    """

    path: Path
    form: str
    cascades: int
    posts: int
    label_names: tuple[str, ...]
    left_behind: tuple[str, ...]
    size_bytes: int | None


def check_output(store: Path, output: Path, form: str | None, *, force: bool) -> str:
    """Return the form to write.

    Raises:
        UsageError: it cannot be told, or ``output`` cannot take it.
    """
    found = form or _FORMS.get(output.suffix)
    if found is None:
        raise UsageError(
            f"the name {output} does not say the form to write", hint="add --to jsonl or --to dgl"
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


def export_store(path: Path, output: Path, form: str) -> Exported:
    """Write a store in a form.

    Raises:
        DataError: the store is damaged, empty, or cannot be said in the form.
        RunFailedError: the file system refuses.
    """
    store = CascadeStore(path)
    if form == "dgl":
        from dgljoint.data.dataset import write_graphs

        write_graphs(store, output)
    elif output == STDOUT:
        from dgljoint_data.export import cascade_lines

        sys.stdout.buffer.writelines(cascade_lines(store))
        sys.stdout.buffer.flush()
    else:
        from dgljoint_data.export import write_jsonl

        write_jsonl(store, output)
    return Exported(
        path=output,
        form=form,
        cascades=len(store),
        posts=store.posts,
        label_names=store.label_names,
        left_behind=_left_behind(store, form),
        size_bytes=None if output == STDOUT else output.stat().st_size,
    )


def _left_behind(store: CascadeStore, form: str) -> tuple[str, ...]:
    if form == "dgl":
        return ("ids", "users", "texts", "dates", "names of events and words")
    stored = {name: kind for name, kind in store.features.items() if kind in ("sparse", "dense")}
    return (
        *(f"feature {name}" for name in stored),
        *(f"split {name}" for name in store.splits),
    )


def sentence(done: Exported) -> str:
    """Say what was written in one line."""
    where = "stdout" if done.path == STDOUT else str(done.path)
    size = "" if done.size_bytes is None else f", {done.size_bytes / 1e6:.1f} MB"
    return f"{where}: {done.cascades:,} cascades, {done.posts:,} posts as {done.form}{size}"


def lines(done: Exported) -> list[str]:
    """Say what was written, what was not, and how it is read."""
    path, names = shlex.quote(str(done.path)), shlex.quote(",".join(done.label_names))
    read = {
        "jsonl": f"dgljoint preprocess jsonl {path} -o OUT.h5 -s labels={names}",
        "dgl": f"graphs, tensors = dgl.load_graphs('{done.path}'); "
        + "classes: " + ", ".join(f"{n} {name}" for n, name in enumerate(done.label_names)),
    }
    return [
        sentence(done),
        f"left behind: {', '.join(done.left_behind) or 'nothing'}",
        f"read it with: {read[done.form]}",
    ]
