"""Pairs of cascades of two classes from one time, and what the date is worth among them."""

import numpy as np

from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.evaluation.matched import class_pairs
from dgljoint.evaluation.matched_pairs import DAYS, LEAST_PAIRS, pair_figures, pooled
from dgljoint_data.audit.outcome import Finding, Severity, not_asked
from dgljoint_data.audit.probes import forest_classifier


def matched_pairs(store: CascadeStore, split: StoredSplit) -> Finding:
    """Count the pairs of a date-matched AUC over all folds, and give that of the date alone.

    Both cascades of a pair are in one fold. The date's is that of a forest trained on the other
    folds, in order of time on the earlier ones.
    """
    check = "date-matched pairs"
    used = np.flatnonzero((split.fold >= 0) & (store.label >= 0))
    label, fold = store.label[used].astype(np.int64), split.fold[used].astype(np.int64)
    posted_at = store.posted_at[used]
    present = np.unique(label)
    if len(present) < 2 or len(np.unique(posted_at)) < 2:
        return not_asked(check, "no two classes" if len(present) < 2 else "no dates")
    date = posted_at.reshape(-1, 1)
    scored = []
    for number in np.unique(fold):
        test, train = fold == number, fold > number if split.ordered_by else fold != number
        probability = np.zeros((len(used), len(store.label_names)))
        if len(np.unique(label[train])) > 1:
            model = forest_classifier().fit(date[train], label[train])
            probability[np.ix_(test, model.classes_)] = model.predict_proba(date[test])
        with np.errstate(divide="ignore"):
            scores = np.log(probability[test])
        scored.append(class_pairs(scores, label[test], posted_at[test], store.label_names))
    counts: dict[str, int] = {}
    for pairs in scored:
        for name, pair in pairs.items():
            counts[name] = counts.get(name, 0) + pair.pairs_date_matched
    area = pooled(map(pair_figures, scored))
    enough = sum(count >= LEAST_PAIRS for count in counts.values())
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    reached = "" if area is None else f"; the date alone has an AUC of {area:.3f} among them"
    explanation = (
        f"pairs of cascades of two classes at most {DAYS} days apart, in one fold: {listed}; "
        f"{enough} of {len(counts)} class pairs have the {LEAST_PAIRS} of a date-matched AUC"
        + reached
    )
    values = {"pairs": sum(counts.values()), "class_pairs": enough, **counts}
    return Finding(
        check, Severity.info, f"{values['pairs']:,}", explanation,
        values if area is None else values | {"auc_of_date": area},
    )
