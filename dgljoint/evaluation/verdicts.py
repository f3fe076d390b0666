"""Whether a model is better than the trivial baselines."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from dgljoint.evaluation.scores import GROUPS, MATCHED, MODEL, TITLES, LinkTable, RumorScores

MAJORITY = "majority guess"
_SHOWN = (
    "accuracy", "macro_f1", MATCHED,
    *(f"{name}{suffix}" for suffix in GROUPS.values() for name in ("mrr", "hits1")),
)
# As many decimals as tables show: what looks equal there is equal.
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """One metric of a model, and the best value and name of a trivial baseline."""

    metric: str
    model: float
    best: float
    baseline: str

    @property
    def gain(self) -> float:
        """How much the model is better, in the decimals that tables show."""
        return round(round(self.model, _DECIMALS) - round(self.best, _DECIMALS), _DECIMALS)

    @property
    def beats(self) -> bool:
        """Whether the model is better."""
        return self.gain > 0


def verdicts(
    model: Mapping[str, float | None], baselines: Mapping[str, Mapping[str, float]]
) -> dict[str, Verdict]:
    """Compare metrics, by short name, with the best baseline of each, if there is one."""
    found = {}
    for metric, value in model.items():
        known = {name: row[metric] for name, row in baselines.items() if metric in row}
        if value is not None and known:
            best = max(known, key=lambda name: known[name])
            found[metric] = Verdict(metric, value, known[best], best)
    return found


def rumor_baseline(rumor: RumorScores) -> dict[str, float]:
    """Return the metrics of always guessing the commonest class of the training set.

    Its recall is 1 and its precision the share m of the cascades that are of it, so its F1 is
    2m / (1 + m), and that of every other class 0. A constant ranks nothing.
    """
    share, classes = rumor.majority, max(len(rumor.f1), 1)
    found = {"accuracy": share, "macro_f1": 2 * share / (1 + share) / classes, "auroc": 0.5}
    return found if rumor.auc_date_matched is None else found | {MATCHED: 0.5}


def rumor_verdicts(rumor: RumorScores) -> dict[str, Verdict]:
    """Compare rumor detection with the majority guess."""
    model = {"accuracy": rumor.accuracy, "macro_f1": rumor.macro_f1, "auroc": rumor.auroc,
             MATCHED: rumor.auc_date_matched}
    return verdicts(model, {MAJORITY: rumor_baseline(rumor)})


def link_verdicts(links: LinkTable) -> dict[str, Verdict]:
    """Compare the ranking of parents with the best trivial guess; empty without a model."""
    if MODEL not in links.rows:
        return {}
    rows = {name: asdict(row) for name, row in links.rows.items()}
    return verdicts(rows.pop(MODEL), rows)


def verdict_line(found: Mapping[str, Verdict]) -> str:
    """State in a line whether a model beats the best trivial baseline; nothing without a baseline.

    >>> verdict_line({"mrr": Verdict("mrr", 0.5, 0.4, "latest post")})
    'the model beats the best trivial baseline in MRR (+0.100, latest post)'
    """
    shown = [found[metric] for metric in _SHOWN if metric in found]
    beaten, others = _list(v for v in shown if v.beats), _list(v for v in shown if not v.beats)
    if not shown:
        return ""
    if not beaten:
        return f"the model does not beat the best trivial baseline in {others}"
    text = f"the model beats the best trivial baseline in {beaten}"
    return f"{text}, but not in {others}" if others else text


def _list(found: Iterable[Verdict]) -> str:
    return ", ".join(f"{TITLES[v.metric]} ({v.gain:+.3f}, {v.baseline})" for v in found)
