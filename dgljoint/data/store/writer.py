"""Write a cascade file, cascade after cascade, in bounded memory; change the splits of one.

Columns have no gaps, so a file whose splits change is written again and renamed over the old one:
who has that open reads on in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.files import replacing, writing
from dgljoint._version import __version__
from dgljoint.data.cascade import Block, Cascade, RowBlock, SparseBlock, per_post
from dgljoint.data.store import format as schema
from dgljoint.data.store._hdf5 import Array, Spool, read_attributes, write
from dgljoint.data.store.reader import CascadeStore
from dgljoint.errors import DataError

_MOST_CLASSES = 2**15 - 1


@contextmanager
def create_store(
    path: Path, *, name: str, reader: str, label_names: Sequence[str], raw_digest: str = ""
) -> Iterator[StoreWriter]:
    """Write a cascade file that appears under ``path`` only when the block ends well.

    ``label_names`` are the classes in the order of their numbers. Raise RunFailedError if the file
    system refuses to write.
    """
    attributes: dict[str, object] = {
        "format": schema.FORMAT, "version": schema.VERSION, "name": name, "reader": reader,
        "label_names": list(label_names), "raw_digest": raw_digest,
        "created_with": f"dgljoint {__version__}", "derived": list(schema.DERIVED),
        "splits_refused": {},
    }
    with replacing(path) as temporary, ExitStack() as spools:
        writer = StoreWriter(path, attributes, label_names, spools)
        yield writer
        writer.finish(temporary)


class StoreWriter:
    """Takes cascades one by one; at the end, ``digest`` is that of the file's content."""

    def __init__(
        self, path: Path, attributes: dict[str, object], label_names: Sequence[str],
        spools: ExitStack,
    ) -> None:
        self.digest = ""
        self._path = path
        self._attributes = attributes
        self._closing = spools
        self._labels = {label: number for number, label in enumerate(label_names)}
        self._events: dict[str, int] = {}
        self._features: dict[str, str] = {}
        self._columns: dict[str, int] = {}
        self._splits: dict[str, dict[str, str]] = {}
        self._spools: dict[str, Spool] = {}
        self._targets = _Targets()
        self._best: tuple[str, ...] | None = None
        self._ids = blake2b(digest_size=16)
        self._cascades = 0
        self._posts = 0
        for name, dtype, _ in schema.COLUMNS:
            self._open(name, dtype)
        self._append("cascade/post_ptr", [0])

    def add(self, cascade: Cascade, features: Mapping[str, Block]) -> None:
        """Append one cascade with its features, always the same. Raise DataError if it is bad."""
        cascade.check()
        if cascade.label is not None and cascade.label not in self._labels:
            raise DataError(f"cascade {cascade.id}: label {cascade.label!r} is not declared")
        event = cascade.event or f"cascade {cascade.id}"
        number = self._events.setdefault(event, len(self._events))
        self._cascades += 1
        self._posts += len(cascade)
        self._append_strings("cascade/id", [cascade.id])
        self._ids.update(_id_line(cascade.id))
        label = -1 if cascade.label is None else self._labels[cascade.label]
        self._append("cascade/label", [label])
        self._append("cascade/event", [number])
        self._append("cascade/posted_at", [cascade.posted_at])
        self._append("cascade/post_ptr", [self._posts])
        self._append("post/parent", cascade.parent)
        self._append("post/delay", cascade.delay_seconds)
        self._append("post/user", cascade.user)
        self._append("post/kind", cascade.kind)
        self._append_strings("post/id", cascade.post_id)
        self._append_strings("post/text", cascade.text)
        self._targets.add(cascade)
        self._append_best(cascade)
        for name, block in features.items():
            self._append_feature(name, block, len(cascade))

    def set_vocabulary(self, feature: str, words: Sequence[str]) -> None:
        """Name the columns of a sparse feature; call once, after the last cascade."""
        path = f"features/{feature}/vocabulary"
        self._open(path, None)
        self._append_strings(path, words)

    def set_columns(self, feature: str, number: int) -> None:
        """Set how many columns a sparse feature without a vocabulary has."""
        self._columns[feature] = number

    def describe(self, **attributes: object) -> None:
        """Set ``raw_digest``, the reader's ``counts``, ``derived`` or ``splits_refused``."""
        self._attributes |= attributes

    def set_split(
        self, name: str, fold: NDArray[np.integer[Any]], *, grouped_by: str,
        group: NDArray[np.integer[Any]] | None = None, ordered_by: str = "",
    ) -> None:
        """Store a split, as :class:`dgljoint.data.store.StoredSplit` describes it."""
        if len(fold) != self._cascades:
            raise DataError(f"split {name} names {len(fold)} of {self._cascades} cascades")
        self._splits[name], columns = _split_columns(
            name, self._ids.hexdigest(), fold, grouped_by, group, ordered_by
        )
        for path, column in columns.items():
            self._open(path, column.dtype)
            self._append(path, column)

    def finish(self, path: Path) -> None:
        """Put everything into one HDF5 file at ``path``."""
        self._append_strings("event/name", list(self._events))
        self._attributes |= {
            "features": self._features,
            "columns": self._columns,
            "splits": self._splits,
        }
        if targets := self._targets.settings():  # few files have any
            self._attributes["targets"] = targets
        if self._best:
            self._attributes["best"] = list(self._best)
        for name, kind in self._features.items():
            if kind == "dense" and self._spools[f"features/{name}/posts"].length == self._posts:
                del self._spools[f"features/{name}/posts"]  # every post has a row
        columns: dict[str, Spool | Array] = {**self._spools, **self._targets.columns()}
        with writing(self._path):
            self.digest = write(path, columns, self._attributes)

    def _append_best(self, cascade: Cascade) -> None:
        kinds = tuple(sorted(cascade.best))
        if self._best is None:
            self._best = kinds
            for kind in kinds:
                for part, dtype, _ in schema.BEST_PARTS:
                    row = (len(self._labels),) if part == "probability" else ()
                    self._open(f"best/{kind}/{part}", dtype, row)
        if kinds != self._best:
            raise DataError(f"cascade {cascade.id}: others have other best predictions")
        for kind, best in cascade.best.items():
            if best.probability.shape != (len(self._labels),):
                raise DataError(f"cascade {cascade.id}: best {kind} is not of all classes")
            self._append(f"best/{kind}/probability", best.probability[np.newaxis])
            self._append(f"best/{kind}/above", best.above)
            self._append(f"best/{kind}/source", best.source)

    def _append_feature(self, name: str, block: Block, posts: int) -> None:
        if name in schema.DERIVED or not schema.FEATURE_NAME.fullmatch(name):
            raise DataError(f"feature {name!r} cannot be stored under this name")
        kind = "sparse" if isinstance(block, SparseBlock) else "dense"
        if self._features.get(name, kind) != kind:
            raise DataError(f"feature {name} is sparse in some cascades and dense in others")
        if isinstance(block, SparseBlock):
            self._append_sparse(name, block, posts)
        else:
            self._append_dense(name, block, posts)
        self._features[name] = kind

    def _append_sparse(self, name: str, block: SparseBlock, posts: int) -> None:
        base = f"features/{name}"
        if f"{base}/indptr" not in self._spools:
            for part, dtype in schema.SPARSE_PARTS.items():
                self._open(f"{base}/{part}", dtype)
            self._append(f"{base}/indptr", [0])
        rows, filled = len(block.indptr) - 1, self._spools[f"{base}/values"].length
        if rows != posts:
            raise DataError(f"feature {name} has {rows} rows for {posts} posts")
        self._append(f"{base}/indptr", block.indptr[1:] + filled)
        self._append(f"{base}/indices", block.indices)
        self._append(f"{base}/values", block.values)

    def _append_dense(self, name: str, block: RowBlock | NDArray[Any], posts: int) -> None:
        base = f"features/{name}"
        some = isinstance(block, RowBlock)
        rows = block.rows if isinstance(block, RowBlock) else block
        index = block.index if isinstance(block, RowBlock) else np.arange(posts)
        if rows.dtype not in schema.DENSE_DTYPES or rows.ndim != 2:
            raise DataError(
                f"feature {name} is of type {rows.dtype}, {rows.ndim} axes; expected "
                "float16 or float32, 2"
            )
        if len(rows) != len(index):
            what = "places" if some else "posts"
            raise DataError(f"feature {name} has {len(rows)} rows for {len(index)} {what}")
        if not schema.ascending(index, posts):
            raise DataError(f"feature {name} has rows in places that do not ascend in its posts")
        if f"{base}/rows" not in self._spools:
            self._open(f"{base}/rows", rows.dtype, rows.shape[1:])
            self._open(f"{base}/posts", schema.ROW_POSTS)
        if rows.shape[1:] != self._spools[f"{base}/rows"].row:
            raise DataError(f"feature {name} has cascades of different numbers of columns")
        self._append(f"{base}/rows", rows)
        self._append(f"{base}/posts", index + (self._posts - posts))

    def _open(self, path: str, dtype: np.dtype[Any] | None, row: tuple[int, ...] = ()) -> None:
        if dtype is None:
            self._open(f"{path}/ptr", schema.STRING_PTR)
            self._open(f"{path}/bytes", schema.STRING_BYTES)
            self._append(f"{path}/ptr", [0])
            return
        with writing(self._path):
            spool = Spool(self._path.parent, dtype, row)
        self._closing.callback(spool.close)
        self._spools[path] = spool

    def _append(self, path: str, values: Sequence[int] | NDArray[Any]) -> None:
        spool = self._spools[path]
        with writing(self._path):
            spool.append(np.asarray(values, spool.dtype))

    def _append_strings(self, path: str, strings: Sequence[str]) -> None:
        encoded = [string.encode() for string in strings]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        filled = self._spools[f"{path}/bytes"].length
        self._append(f"{path}/ptr", lengths.cumsum() + filled)
        self._append(f"{path}/bytes", np.frombuffer(b"".join(encoded), np.uint8))


class _Targets:
    def __init__(self) -> None:
        self._per: dict[str, str] = {}
        self._labels: dict[str, list[str | None]] = {}
        self._before = {"cascade": 0, "post": 0}

    def add(self, cascade: Cascade) -> None:
        sizes = {"cascade": 1, "post": len(cascade)}
        for name, value in cascade.targets.items():
            if value is None:
                continue
            per = "post" if per_post(value) else "cascade"
            if self._per.setdefault(name, per) != per:
                raise DataError(
                    f"cascade {cascade.id}: target {name} is given per {per}, before it was per "
                    f"{self._per[name]}"
                )
            # Those before it had none.
            self._labels.setdefault(name, [None] * self._before[per])
        for name, per in self._per.items():
            value = cascade.targets.get(name)
            if value is None or isinstance(value, str):
                value = [value] * sizes[per]
            self._labels[name] += value
        for per, size in sizes.items():
            self._before[per] += size

    def settings(self) -> dict[str, dict[str, Any]]:
        return {
            name: {"per": per, "names": sorted({*self._labels[name]} - {None})}
            for name, per in self._per.items()
        }

    def columns(self) -> dict[str, Array]:
        """Return the columns, classes numbered in the order of their names; -1: none."""
        made: dict[str, Array] = {}
        for name, target in self.settings().items():
            number = {label: place for place, label in enumerate(target["names"])}
            if len(number) > _MOST_CLASSES:
                raise DataError(f"target {name} has more than {_MOST_CLASSES:,} classes")
            numbers = [number.get(label, -1) for label in self._labels[name]]
            made[f"targets/{name}"] = np.array(numbers, schema.TARGET_DTYPE)
        return made


def _split_columns(
    name: str, ids: str, fold: NDArray[np.integer[Any]], grouped_by: str,
    group: NDArray[np.integer[Any]] | None, ordered_by: str,
) -> tuple[dict[str, str], dict[str, Array]]:
    """Return the settings of a split, with a digest of its own, and its columns."""
    columns: dict[str, Array] = {f"splits/{name}": np.asarray(fold, schema.SPLIT_DTYPE)}
    if group is not None:
        columns[f"groups/{name}"] = np.asarray(group, schema.GROUP_DTYPE)
    digest = blake2b(f"{ids} {grouped_by} {ordered_by} ".encode(), digest_size=16)
    for column in columns.values():
        digest.update(np.ascontiguousarray(column).data)
    settings = {"grouped_by": grouped_by, "ordered_by": ordered_by, "digest": digest.hexdigest()}
    return settings, columns


def _id_line(name: str) -> bytes:
    return f"{name}\n".encode()


def put_split(
    store: CascadeStore, name: str, fold: NDArray[np.integer[Any]], *, grouped_by: str,
    group: NDArray[np.integer[Any]] | None = None, ordered_by: str = "",
) -> CascadeStore:
    """Store a split in the file of ``store``, replacing one of its name; return the new file.

    Without a ``group``, an event's cascades stay together. Raise DataError if ``fold`` does not
    name every cascade, or the file was changed meanwhile.
    """
    if len(fold) != len(store):
        raise DataError(f"split {name} names {len(fold)} of {len(store)} cascades")
    ids = blake2b(digest_size=16)
    for cascade in store.ids.all():
        ids.update(_id_line(cascade))
    settings, columns = _split_columns(name, ids.hexdigest(), fold, grouped_by, group, ordered_by)
    columns |= _without(store.columns, name)
    return _write_again(store, columns, {**store.attributes["splits"], name: settings})


def remove_split(store: CascadeStore, name: str) -> CascadeStore:
    """Take a split out of the file of ``store``; see :func:`put_split`."""
    store.split(name)
    left = {key: value for key, value in store.attributes["splits"].items() if key != name}
    return _write_again(store, _without(store.columns, name), left)


def _without(columns: Mapping[str, Array], name: str) -> dict[str, Array]:
    gone = (f"splits/{name}", f"groups/{name}")
    return {path: column for path, column in columns.items() if path not in gone}


def _write_again(
    store: CascadeStore, columns: Mapping[str, Array], splits: Mapping[str, Mapping[str, str]]
) -> CascadeStore:
    attributes = {name: value for name, value in store.attributes.items() if name != "digest"}
    # The reasons why a split could not be made go when there is one of that name.
    refused = {name: why for name, why in store.splits_refused.items() if name not in splits}
    # A link stays a link: what it points to is replaced.
    path = store.path.resolve()
    with replacing(path) as temporary, writing(store.path):
        write(temporary, columns, {**attributes, "splits": splits, "splits_refused": refused})
        shutil.copymode(path, temporary)
        if read_attributes(store.path).get("digest") != store.digest:
            # Its work would be lost.
            changed = f"{store.path} was changed by another program meanwhile"
            raise DataError(changed, hint="try again")
    return CascadeStore(store.path)
