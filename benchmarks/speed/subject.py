"""The cascades that everything is measured on, as dgljoint and as other libraries hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.config.run_config import FeatureOptions
from dgljoint.data.store import CascadeStore
from dgljoint.errors import UsageError, install_hint

from . import own, peer_dgl, peer_pyg
from .contender import Contender, Shape, Thread, threads_of
from .request import DGL_SPARSE, OWN, OWN_PUBLISHED, OWN_WORDS, PYG, PYG_DENSE, PYG_SPARSE, Request

# More, of a float32 per word and post, would measure the machine's swapping.
_MOST_DENSE_BYTES = 2 << 30
_BYTES_PER_WORD = 4


@dataclass(frozen=True, eq=False)
class Subject:
    """Labelled cascades with a sparse feature.

    Attributes:
        store: with the cascades.
        chosen: (B,) their positions, in order.
        words: name of the sparse feature with most columns.
        options: of the features: every word of the cascades.
        threads: the B cascades as the peers hold them.
        width: number of words.
        shape: of the published model.
        left_out: why a row is not measured, by its name.
    """

    store: CascadeStore
    chosen: NDArray[np.int64]
    words: str
    options: FeatureOptions
    threads: list[Thread]
    width: int
    shape: Shape
    left_out: Mapping[str, str]

    @property
    def posts(self) -> int:
        """Number of posts."""
        return sum(thread.posts for thread in self.threads)

    def in_batches_of(self, cascades: int) -> Subject:
        """Return the same, cut into batches of another size."""
        return replace(self, shape=replace(self.shape, batch=cascades))

    def parts(self) -> list[slice]:
        """Cut the cascades into batches, in order."""
        starts = range(0, len(self.chosen), self.shape.batch)
        return [slice(start, start + self.shape.batch) for start in starts]

    def facts(self) -> dict[str, Any]:
        """Return what describes the data, ready for JSON."""
        return {
            "path": str(self.store.path), "name": self.store.name, "digest": self.store.digest,
            "cascades": len(self.chosen), "posts": self.posts, "feature": self.words,
            "words": self.width, "classes": self.shape.classes,
        }


def open_subject(request: Request, file: Path) -> Subject:
    """Choose the cascades and hold them as the peers do.

    Raises:
        DataError: the file is no cascade file, or damaged.
        UsageError: it has no sparse feature, or no labels.
    """
    store = CascadeStore(file)
    words = _words(store)
    labelled = np.flatnonzero(store.label[:] >= 0)
    if not len(labelled):
        raise UsageError(f"{file} has no labels to train on", hint="name another cascade file")
    drawn = np.random.default_rng(request.seed).permutation(labelled)[: request.cascades]
    chosen = np.sort(drawn)
    options = FeatureOptions(words=max(1, store.sparse(words).columns), min_count=1)
    threads, width = threads_of(store, chosen, words, options)
    shape = Shape(request.batch, request.width, len(store.label_names))
    posts = sum(thread.posts for thread in threads)
    return Subject(
        store, chosen, words, options, threads, width, shape, _left_out(posts, width)
    )


def contenders(subject: Subject) -> dict[str, Contender]:
    """Return every row by name; the others are compared with the first."""
    more = (
        f"train.batch={subject.shape.batch}", f"model.width={subject.shape.width}",
        f"features.words={subject.options.words}", "features.min_count=1",
    )
    store, chosen = subject.store, subject.chosen
    rows = published(subject)
    made: dict[str, Contender] = {
        OWN_PUBLISHED: rows.pop(OWN_PUBLISHED),
        OWN: own.Shipped(store, chosen, more),
        OWN_WORDS: own.Shipped(store, chosen, (*more, f"features.use={subject.words}")),
        **rows,
    }
    if not subject.left_out.keys() & {PYG, PYG_DENSE}:
        made[PYG_DENSE] = peer_pyg.dense(subject.threads, subject.width, subject.shape)
    return made


def published(subject: Subject) -> dict[str, Contender]:
    """Return the published model on sparse words in each library, ours first."""
    threads, width, shape = subject.threads, subject.width, subject.shape
    made: dict[str, Contender] = {
        OWN_PUBLISHED: own.published(
            subject.store, subject.chosen, subject.words, subject.options, shape
        ),
        DGL_SPARSE: peer_dgl.published(threads, width, shape),
    }
    if PYG not in subject.left_out:
        made[PYG_SPARSE] = peer_pyg.sparse(threads, width, shape)
    return made


def _words(store: CascadeStore) -> str:
    sparse = [name for name, kind in store.features.items() if kind == "sparse"]
    if not sparse:
        raise UsageError(
            f"{store.path} has no sparse feature to compare on",
            hint="preprocess it with --features bow",
        )
    return max(sparse, key=lambda name: store.sparse(name).columns)


def _left_out(posts: int, width: int) -> dict[str, str]:
    if not peer_pyg.installed():
        return {PYG: f"not installed; {install_hint('bench')}"}
    dense = posts * width * _BYTES_PER_WORD
    if dense > _MOST_DENSE_BYTES:
        return {
            PYG_DENSE: f"its rows would take {dense / 1e9:.1f} GB, more than "
            f"{_MOST_DENSE_BYTES / 1e9:.1f} GB; --cascades N measures fewer"
        }
    return {}
