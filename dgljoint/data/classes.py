"""The classes of a run: those of its data, some of them, or several joined under a new name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dgljoint._internal.text import did_you_mean
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import UsageError


def new_names(merge: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the new name of each class that is joined with others."""
    return {name: new for new, some in merge.items() for name in some}


def choose_classes(
    store: CascadeStore, split: StoredSplit, labels: Collection[str],
    merge: Mapping[str, Collection[str]],
) -> tuple[CascadeStore, StoredSplit]:
    """Return the data and the split of a run that asks for some classes alone, or joins some.

    Classes are joined first. With ``labels`` a cascade of another class, or of none, is in no fold:
    nothing is trained, selected or tested on it. Without any, all classes and cascades stay.

    Raises:
        UsageError: there is no such class, a new name is that of another class, or fewer than two
            classes are left.
    """
    if not labels and not merge:
        return store, split
    renamed = new_names(merge)
    _check_known(store, renamed, "merge")
    for new in merge:
        if new in store.label_names and renamed.get(new) != new:
            raise UsageError(
                f"merge makes a class '{new}', which {store.path} has already",
                hint=f"name it among those that are joined: {new}={'+'.join((new, *merge[new]))}",
            )
    names = tuple(dict.fromkeys(renamed.get(name, name) for name in store.label_names))
    joined = store.relabelled(names, renamed)
    _check_known(joined, labels, "labels")
    if labels:
        names = tuple(name for name in names if name in labels)
    if len(names) < 2:
        raise UsageError(
            f"only the class '{names[0]}' is left: the rumor task needs two or more",
            hint=f"{store.path} has the classes {', '.join(store.label_names)}",
        )
    chosen = joined.relabelled(names)
    if labels:
        split = replace(split, fold=np.where(chosen.label >= 0, split.fold, -1).astype(np.int8))
    return chosen, split


def _check_known(store: CascadeStore, names: Collection[str], setting: str) -> None:
    known: Sequence[str] = store.label_names
    for name in names:
        if name not in known:
            raise UsageError(
                f"{setting} names the class '{name}', which {store.path} does not have",
                hint=f"{did_you_mean(name, known)}; the classes are {', '.join(known) or 'none'}",
            )
