"""Whether a batch as the engine makes it shows what it asks for."""

from __future__ import annotations

import numpy as np

from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint_data.audit.findings import Finding, Severity, not_asked

_CHECK = "target edges"
_BATCH = 64
_MOST_CASCADES = 256
_TARGET_SHARE = 0.2
_OBSERVED_SHARE = 0.75
_CANDIDATES = 64


def hidden_edges(store: CascadeStore) -> Finding:
    """Make training and evaluation graphs; count hidden edges in them, and later candidates."""
    # torch, which nothing else in data preparation needs
    from dgljoint.batch.assemble import observed_edges
    from dgljoint.tasks.targets import evaluation_targets, training_question

    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(store))[:_MOST_CASCADES])
    shown = late = asked = 0
    for start in range(0, len(chosen), _BATCH):
        columns = store.read(chosen[start : start + _BATCH])
        delay = columns.delay_seconds
        training = training_question(columns, _TARGET_SHARE, _CANDIDATES, rng)
        child, candidate = training.pairs
        late += int((delay[candidate] >= delay[child]).sum())
        targets = evaluation_targets(columns, _OBSERVED_SHARE)
        # Posts are in order of time: the last of a target's candidates is the latest.
        late += int((delay[targets.end - 1] >= delay[targets.post]).sum())
        asked += int(training.answer.sum()) + len(targets)
        for question in (training, targets.unpaired()):
            tail, head = (end.numpy() for end in observed_edges(columns, question))
            shown += _count_hidden(columns, tail, head, np.flatnonzero(question.pending))
    bad = shown + late
    if not (asked or bad):
        return not_asked(_CHECK, "no post is later than its source, so no parent is asked for")
    return Finding(
        _CHECK,
        Severity.error if bad else Severity.ok,
        f"{shown:,} of {asked:,}",
        f"hidden edges in the message graphs of {len(chosen):,} cascades, in either direction; "
        f"{late:,} candidates not earlier than their child",
        {"hidden_edges": shown, "late_candidates": late, "targets": asked},
    )


def _count_hidden(
    columns: CascadeColumns, tail: np.ndarray, head: np.ndarray, pending: np.ndarray
) -> int:
    """Count edges that join a pending post and its parent."""
    posts = len(columns.parent)
    hidden = np.concatenate(
        (columns.parent[pending] * posts + pending, pending * posts + columns.parent[pending])
    )
    return int(np.isin(tail * posts + head, hidden).sum())
