"""The figures of a part by short names, as lists, logs and comparisons of runs call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgljoint.evaluation.scores import ALL, MODEL, NOT_SOURCE

_RUMOR = {"accuracy": "accuracy", "macro_f1": "macro F1", "auroc": "AUROC"}
_LINKS = {
    "mrr": "MRR", "hits1": "Hits@1", "hits3": "Hits@3", "hits10": "Hits@10", "auc": "AUC",
}
_GROUPS = {"": (ALL, ""), "_not_source": (NOT_SOURCE, ", parent not source")}

TITLES = {
    **_RUMOR,
    **{
        f"{name}{suffix}": f"{title}{addition}"
        for suffix, (_, addition) in _GROUPS.items()
        for name, title in _LINKS.items()
    },
}
"""How each figure is called in print. The higher the better, all of them."""


def figures_of(scores: Mapping[str, Any]) -> dict[str, float]:
    """Take the model's figures from one part of ``scores.json``, of those it has.

    Args:
        scores: plain values in the form of :class:`~dgljoint.evaluation.scores.Scores`.

    Raises:
        KeyError, TypeError, ValueError: they are of another form.
    """
    found: dict[str, Any] = {}
    if (rumor := scores["rumor"]) is not None:
        found |= {name: rumor[name] for name in _RUMOR}
    for suffix, (group, _) in _GROUPS.items():
        if (links := scores["links"].get(group)) is not None:
            row = links["rows"][MODEL]
            found |= {f"{name}{suffix}": row[name] for name in _LINKS}
    return {name: float(value) for name, value in found.items() if value is not None}
