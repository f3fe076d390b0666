"""What a store holds, in numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Kind
from dgljoint.data.store import CascadeStore

_SPREAD = ("min", "median", "mean", "max")


@dataclass(frozen=True, slots=True)
class SplitInfo:
    """Cascades per fold, in all and by class; ``divided_events`` have some in several folds."""

    folds: list[int]
    labels: list[dict[str, int]]
    left_out: int
    divided_events: int
    grouped_by: str
    ordered_by: str
    digest: str


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """Labels of another task, one per ``cascade`` or ``post``: how many of each class, and none."""

    per: str
    labels: Mapping[str, int]
    none: int

    def __str__(self) -> str:
        counted = ", ".join(f"{number:,} {name}" for name, number in self.labels.items())
        return f"per {self.per}: {counted}; {self.none:,} none"


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """What a cascade file holds: numbers of cascades, posts (sources included), distinct events."""

    path: Path
    name: str
    reader: str
    digest: str
    size_bytes: int
    cascades: int
    posts: int
    events: int
    labels: Mapping[str, int]
    unlabelled: int
    posts_with_text: int
    features: Mapping[str, str]
    targets: Mapping[str, TargetInfo]
    splits_refused: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True, kw_only=True)
class StoreInfo(Holdings):
    """A summary of a store; ``posted`` is first and last date of a source, or empty."""

    created_with: str
    kinds: Mapping[str, int]
    posts_a_cascade: Mapping[str, float]
    hours: Mapping[str, float]
    posted: tuple[str, ...]
    splits: Mapping[str, SplitInfo]


def describe_store(store: CascadeStore) -> StoreInfo:
    """Sum up a store."""
    columns = store.read(np.arange(len(store)))
    labelled = store.label[store.label >= 0]
    held = np.bincount(labelled, minlength=len(store.label_names)).tolist()
    kinds = np.bincount(columns.kind, minlength=len(Kind)).tolist()
    known = store.posted_at[store.posted_at != 0]
    dates = (known.min(), known.max()) if len(known) else ()
    return StoreInfo(
        path=store.path, name=store.name, reader=store.attributes["reader"],
        created_with=store.attributes["created_with"], digest=store.digest,
        size_bytes=store.path.stat().st_size, cascades=len(store), posts=store.posts,
        events=len(np.unique(store.event)), labels=dict(zip(store.label_names, held, strict=True)),
        unlabelled=len(store) - len(labelled),
        kinds={kind.name.lower(): kinds[kind] for kind in Kind if kinds[kind]},
        posts_with_text=store.text.filled(), posts_a_cascade=spread(np.diff(store.post_ptr)),
        hours=spread(columns.delay_seconds[columns.post_ptr[1:] - 1] / 3600),
        posted=tuple(str(np.datetime64(int(date), "s").astype("M8[D]")) for date in dates),
        features={name: describe_feature(store, name) for name in store.features},
        targets={
            name: TargetInfo(target.per, *target.count()) for name, target in store.targets.items()
        },
        splits={name: describe_split(store, name) for name in store.splits},
        splits_refused=store.splits_refused,
    )


def spread(values: NDArray[Any]) -> dict[str, float]:
    """Return the least, median, mean and largest of some values; 0 where there are none."""
    if not len(values):
        return dict.fromkeys(_SPREAD, 0.0)
    found = (values.min(), np.median(values), values.mean(), values.max())
    return {name: round(float(value), 3) for name, value in zip(_SPREAD, found, strict=True)}


def describe_feature(store: CascadeStore, name: str) -> str:
    """Describe of what kind a feature is and how wide."""
    kind = store.features[name]
    if kind == "sparse":
        return feature_text(kind, store.sparse(name).columns, store.posts, store.posts)
    if kind == "derived":
        return DERIVED_TEXT
    dense = store.dense(name)
    return feature_text(kind, dense.columns, len(dense.rows), store.posts)


DERIVED_TEXT = "derived when a batch is made"


def feature_text(kind: str, columns: int, rows: int, posts: int) -> str:
    """Describe a kind of feature, its columns and how many of all posts have a row."""
    text = f"{kind}, {columns:,} columns"
    return text if rows == posts else f"{text}, rows of {rows:,} of {posts:,} posts"


def describe_split(store: CascadeStore, name: str) -> SplitInfo:
    """Sum up a split. Raise UsageError if there is none of that name."""
    split = store.split(name)
    used = split.fold[split.fold >= 0]
    pairs = np.unique(np.stack((store.event, split.fold))[:, split.fold >= 0], axis=1)
    folds_of = np.unique(pairs[0], return_counts=True)[1]
    return SplitInfo(
        folds=np.bincount(used, minlength=split.folds).tolist(),
        labels=[_balance(store, split.fold == fold) for fold in range(split.folds)],
        left_out=len(split.fold) - len(used), divided_events=int((folds_of > 1).sum()),
        grouped_by=split.grouped_by, ordered_by=split.ordered_by, digest=split.digest,
    )


def _balance(store: CascadeStore, members: NDArray[np.bool_]) -> dict[str, int]:
    held = np.bincount(store.label[members] + 1, minlength=len(store.label_names) + 1).tolist()
    without = {"none": held[0]} if (store.label < 0).any() else {}
    return dict(zip(store.label_names, held[1:], strict=True)) | without
