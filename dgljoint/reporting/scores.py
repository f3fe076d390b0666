"""The scores of a set of cascades as tables, trivial baselines next to the model; without torch.

One place for the terminal, for Python's ``repr`` and for the report of a run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from dgljoint._internal.tables import Sheet, TextTable, figure
from dgljoint._internal.text import plural
from dgljoint.evaluation import scores as of
from dgljoint.evaluation.matched_pairs import DAYS, LEAST_PAIRS
from dgljoint.evaluation.scores import MODEL, TITLES
from dgljoint.evaluation.verdicts import (
    MAJORITY,
    Verdict,
    link_verdicts,
    rumor_baseline,
    rumor_verdicts,
    verdict_line,
)

_LINKS = ("MRR", "Hits@1", "Hits@3", "Hits@10", "AUC")


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Metrics by row; the first cell of a row names it."""

    title: str
    columns: tuple[str, ...]  # names, the first one of what the rows are
    rows: tuple[tuple[str, ...], ...]  # of as many cells as there are columns
    # columns in which the model beats the best trivial baseline
    better: frozenset[str] = frozenset()
    verdict: str = ""  # a sentence on that

    def plain(self, name: str = "") -> TextTable:
        """Return it without its title; ``name`` is that of the first column."""
        return TextTable((name or self.columns[0], *self.columns[1:]), self.rows)


def _judged(
    title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]],
    found: Mapping[str, Verdict],
) -> ScoreTable:
    better = frozenset(TITLES[metric] for metric, verdict in found.items() if verdict.beats)
    return ScoreTable(title, columns, tuple(rows), better, verdict_line(found))


def rumor_table(rumor: of.RumorScores, intervals: of.Intervals | None = None) -> ScoreTable:
    """Compare rumor detection with the majority guess."""
    names = ("accuracy", "macro_f1", "auroc", of.MATCHED)
    model = (MODEL, *(figure(getattr(rumor, name)) for name in names))
    rows = [model, *_interval_row(intervals, len(model), "accuracy", "macro_f1")]
    rows.append((MAJORITY, *map(figure, map(rumor_baseline(rumor).get, names))))
    rows += [(name, *map(figure, map(best.get, names))) for name, best in rumor.best.items()]
    title = f"rumor detection, {plural(rumor.cascades, 'cascade')}"
    columns = ("", *(TITLES[name] for name in names))
    return _judged(title, columns, rows, rumor_verdicts(rumor))


def class_table(rumor: of.RumorScores) -> ScoreTable:
    """Show F1 by class."""
    return ScoreTable("F1 by class", ("class", "F1", "cascades"), tuple(
        (name, figure(value), f"{sum(rumor.confusion.get(name, {}).values()):,}")
        for name, value in rumor.f1.items()
    ))


def pair_table(rumor: of.RumorScores) -> ScoreTable:
    """Show how well each two classes are distinguished, and among how many pairs of cascades."""
    return ScoreTable(
        f"AUC by two classes; the date-matched mean is over those with {LEAST_PAIRS} pairs of "
        f"cascades at most {DAYS} days apart",
        ("classes", TITLES[of.MATCHED], "pairs", "AUC", "all pairs"),
        tuple(
            (name, figure(pair.auc_date_matched), f"{pair.pairs_date_matched:,}",
             figure(pair.auc), f"{pair.pairs:,}")
            for name, pair in rumor.class_pairs.items()
        ),
    )


def confusion_table(rumor: of.RumorScores) -> ScoreTable:
    """Count cascades: one row per true class, one column per predicted class."""
    names = tuple(dict.fromkeys(name for row in rumor.confusion.values() for name in row))
    return ScoreTable(
        "cascades by class", ("", *(f"predicted {name}" for name in names)),
        tuple(
            (f"truly {label}", *(f"{row.get(name, 0):,}" for name in names))
            for label, row in rumor.confusion.items()
        ),
    )


def link_table(
    group: str, links: of.LinkTable, intervals: of.Intervals | None = None
) -> ScoreTable:
    """Compare the ranking of parents with the trivial guesses."""
    suffix = of.GROUPS[group]
    rows: list[tuple[str, ...]] = []
    for name, row in links.rows.items():
        rows.append((name, *map(figure, asdict(row).values())))
        if name == MODEL:
            rows += _interval_row(intervals, 1 + len(_LINKS), f"mrr{suffix}", f"hits1{suffix}")
    rows += [(name, *map(figure, asdict(best).values())) for name, best in links.best.items()]
    title = f"links, {plural(links.targets, 'target')}: {group}"
    return _judged(title, ("", *_LINKS), rows, link_verdicts(links))


def calibration_table(found: of.Calibration, part: str) -> ScoreTable:
    """Show how well the probabilities agree with how often they are right."""
    where = "this set itself" if part == "validation" else "the validation set"
    rows = {
        "as predicted": found.raw,
        f"with temperature {figure(found.temperature)}, fitted on {where}": found.scaled,
    }
    return ScoreTable("calibration", ("", "ECE", "NLL", "Brier"), tuple(
        (name, *map(figure, (row.ece, row.nll, row.brier)))
        for name, row in rows.items() if row is not None
    ))


def interval(ends: tuple[float, float] | None) -> str:
    """Return an interval; nothing where there is none."""
    return "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}"


def _interval_row(intervals: of.Intervals | None, cells: int, *names: str) -> list[tuple[str, ...]]:
    if intervals is None or not any(name in intervals.figures for name in names):
        return []
    found = [interval(intervals.figures.get(name)) for name in names]
    return [(f"  {intervals.title}", *found, *[""] * (cells - 1 - len(found)))]


def scores_sheet(scores: of.Scores, title: str = "") -> Sheet:
    """Show the rumor task, the classes, and the links by group of targets."""
    tables: list[TextTable] = []
    notes = []
    if (rumor := scores.rumor) is not None:
        made = rumor_table(rumor, scores.intervals)
        name = f"rumor, {plural(rumor.cascades, 'cascade')}"
        tables += [made.plain(name), class_table(rumor).plain()]
        notes.append(f"rumor: {made.verdict}")
    for group, links in scores.links.items():
        made = link_table(group, links, scores.intervals)
        tables.append(made.plain(f"{plural(links.targets, 'link')}, {group}"))
        if made.verdict:
            notes.append(f"links, {group}: {made.verdict}")
    notes += scores.notes
    if not tables:
        notes.append("nothing was scored")
    return Sheet(title or f"Scores on the {scores.part} set", tuple(tables), tuple(notes))


def early_sheet(found: of.EarlyDetection, title: str = "") -> Sheet:
    """Show a row per deadline."""
    rows = (
        (
            one.deadline, f"{one.posts_mean:,.1f}", f"{one.beyond_source:.0%}",
            figure(one.rumor.accuracy), figure(one.rumor.macro_f1), figure(one.rumor.majority),
        )
        for one in found.deadlines
    )
    columns = ("seen until", "posts, mean", "beyond source", "accuracy", "macro F1", "majority")
    untimed = f"{plural(found.untimed, 'cascade')} without times: only the source is seen"
    notes = ((untimed,) if found.untimed else ()) + found.notes
    where = f"{found.part} set, {plural(found.cascades, 'cascade')}"
    title = title or f"Early detection on the {where}"
    return Sheet(title, (TextTable(columns, tuple(rows)),), notes)
