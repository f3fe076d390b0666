"""What a run will do, before it does it: shown by ``train --dry-run``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """One component the run uses, with its resolved options."""

    kind: str
    name: str
    summary: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """The resolved run.

    Attributes:
        data: name, path, cascades, posts, features and labels of the data set.
        split: name of the split, the fold, what is kept together (``grouped_by``), what orders the
            folds (``ordered_by``), and its digest.
        parts: cascades in ``train``, ``meta`` (0 unless a weighter needs it), ``validation`` and
            ``test``.
        components: encoder, interactions in order, loss weighter.
        losses: names, tasks first.
        parameters: trainable parameters of the model.
        steps: optimizer steps of the first epoch; of each, unless posts bound a batch.
        settings: the engine's own option sections, by name.
    """

    data: dict[str, Any]
    split: dict[str, Any]
    parts: dict[str, int]
    components: tuple[PlannedComponent, ...]
    losses: tuple[str, ...]
    parameters: int
    steps: int
    settings: dict[str, dict[str, Any]]
