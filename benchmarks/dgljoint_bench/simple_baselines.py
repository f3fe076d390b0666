"""Classifiers that know nothing of graphs, on the folds that the models are tested on.

They are trained on everything a model may be trained or selected on: nothing about them is
selected, so they need no validation part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.store import CascadeColumns, CascadeStore
from dgljoint_bench.outcomes import ACCURACY, MACRO_F1
from dgljoint_data.audit_overlap import source_texts
from dgljoint_data.audit_probes import cascade_shapes, forest_classifier, text_classifier

Figures = dict[str, float]


def simple_baselines(
    data: Path, split: str, folds: Iterable[int], observed_share: float
) -> dict[str, list[tuple[int, Figures]]]:
    """Return each baseline's accuracy and macro F1, fold by fold.

    Args:
        data: a cascade file.
        split: name of its split.
        folds: that are tested.
        observed_share: of a cascade's posts that the models observe.
    """
    from dgljoint.nn.questions import evaluation_question

    store = CascadeStore(data)
    columns = store.read(np.arange(len(store)))
    observed = ~evaluation_question(columns, observed_share).pending
    sees: dict[str, tuple[NDArray[Any], Callable[[], Any]]] = {
        "source text, TF-IDF": (np.array(source_texts(store), dtype=object), text_classifier),
        "structure and delays": (cascade_shapes(first_posts(columns, observed)), forest_classifier),
        "structure and delays, later posts too": (cascade_shapes(columns), forest_classifier),
    }
    chosen = list(folds)
    return {
        name: [(fold, _figures(store, split, fold, *made)) for fold in chosen]
        for name, made in sees.items()
    }


def first_posts(columns: CascadeColumns, kept: NDArray[np.bool_]) -> CascadeColumns:
    """Cut cascades down to their first posts.

    Args:
        columns: cascades, posts in time order.
        kept: (N,) true for the posts that stay: at least the first of each cascade, and of no
            cascade one after a post that goes.
    """
    sizes = np.bincount(columns.cascade_of[kept], minlength=len(columns.index))
    dropped = np.cumsum(~kept)
    parent = columns.parent[kept]
    return replace(
        columns,
        post_ptr=np.concatenate(([0], sizes.cumsum())),
        posts=columns.posts[kept],
        parent=np.where(parent < 0, -1, parent - dropped[parent]),
        delay_seconds=columns.delay_seconds[kept],
        kind=columns.kind[kept],
    )


def _figures(
    store: CascadeStore, split: str, fold: int, features: NDArray[Any], model: Callable[[], Any]
) -> Figures:
    from sklearn.metrics import f1_score

    from dgljoint.training.parts import part_under_test, training_parts

    divided = store.split(split)
    parts = training_parts(store, divided, fold, seed=0, meta=False)
    train = np.concatenate((parts.train, parts.validation))
    test = part_under_test(divided, fold)
    train, test = train[store.label[train] >= 0], test[store.label[test] >= 0]
    label = store.label.astype(np.int64)
    predicted = model().fit(features[train], label[train]).predict(features[test])
    classes = np.arange(len(store.label_names))
    macro = f1_score(label[test], predicted, labels=classes, average="macro", zero_division=0)
    return {ACCURACY: float((predicted == label[test]).mean()), MACRO_F1: float(macro)}
