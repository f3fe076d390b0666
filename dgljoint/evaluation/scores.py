"""The figures an evaluation reports, and their names."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RumorScores:
    """Rumor detection over labelled cascades; every figure in [0, 1].

    ``auroc`` is the macro average of one-versus-rest areas over the classes present,
    ``None`` when fewer than two are. ``majority`` is the accuracy of always guessing the
    commonest class of the training part: the trivial guess.
    """

    cascades: int
    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    auroc: float | None
    majority: float


@dataclass(frozen=True, slots=True)
class LinkScores:
    """Ranking of the true parent among all candidates, averaged over targets.

    Ties take the middle rank. ``auc`` is the chance that the parent is scored above another
    candidate of the same target, ties counting half.
    """

    mrr: float
    hits1: float
    hits3: float
    hits10: float
    auc: float


@dataclass(frozen=True, slots=True)
class LinkTable:
    """One group of targets: the model's scores beside the trivial guesses'."""

    targets: int
    rows: dict[str, LinkScores]


@dataclass(frozen=True, slots=True)
class ViewScores:
    """How alike the two tasks' views are, each averaged over a cascade's observed posts.

    ``cka`` is linear CKA over the cascades, in [0, 1], ``None`` where a view does not vary;
    ``cosine`` the mean cosine of a cascade's two views, in [-1, 1].
    """

    cascades: int
    cka: float | None
    cosine: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What one part of a split scored. ``None`` where there was nothing to score.

    ``links`` has the groups ``all`` and ``parent is not the source``; each has a row ``model``
    and a row a trivial guess. A task that was not trained is not scored: ``tasks`` names those
    that were, and ``views`` compares the views only where both were.
    """

    part: str
    rumor: RumorScores | None
    links: dict[str, LinkTable]
    seconds: float
    views: ViewScores | None = None
    tasks: tuple[str, ...] = ("cascade", "rumor")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)
