"""The one number by which an epoch is selected, and the figures logged beside it."""

from __future__ import annotations

from dgljoint.evaluation.scores import ALL, MODEL, NOT_SOURCE, Scores


def selection_score(scores: Scores) -> float:
    """Return the mean of rumor macro F1 and link MRR over all targets; of one where one is scored.

    Both lie in [0, 1] and neither task is preferred. A task that is not trained is not scored,
    and has no say. 0 when there was nothing to score.
    """
    parts = []
    if scores.rumor is not None:
        parts.append(scores.rumor.macro_f1)
    if ALL in scores.links:
        parts.append(scores.links[ALL].rows[MODEL].mrr)
    return sum(parts) / len(parts) if parts else 0.0


def validation_figures(scores: Scores) -> dict[str, float]:
    """Return the figures of an epoch's log line, by name."""
    figures = {"score": selection_score(scores)}
    if scores.rumor is not None:
        figures |= {"accuracy": scores.rumor.accuracy, "macro_f1": scores.rumor.macro_f1}
    if ALL in scores.links:
        row = scores.links[ALL].rows[MODEL]
        figures |= {"mrr": row.mrr, "hits1": row.hits1}
    if NOT_SOURCE in scores.links:
        figures["mrr_not_source"] = scores.links[NOT_SOURCE].rows[MODEL].mrr
    if scores.views is not None:
        figures["view_cosine"] = scores.views.cosine
        if scores.views.cka is not None:
            figures["view_cka"] = scores.views.cka
    return figures
