"""The scores of several runs, each of them and their mean and spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dgljoint._internal.files import write_text
from dgljoint._internal.tables import NOTHING, Sheet, Shown, TextTable, figure
from dgljoint.evaluation.scores import Scores
from dgljoint.evaluation.verdicts import verdict_line
from dgljoint.runs.several import Several
from dgljoint.runs.stored import REPORT, TEST, StoredRun
from dgljoint.training.study_summary import (
    FIGURES,
    Spread,
    model_figures,
    over_cells,
    spread_verdicts,
)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 2em; }}
td, th {{ padding: 0.2em 0.8em; text-align: right; }}
th:first-child {{ text-align: left; }}
</style>
{body}
<ul>{links}</ul>
</html>
"""


@dataclass(frozen=True, slots=True)
class RunScores:
    """What one of several runs scored.

    Attributes:
        run: its folder.
        fold: that is its test set.
        seed: of everything random.
        scores: of one set of cascades.
    """

    run: Path
    fold: int
    seed: int
    scores: Scores


@dataclass(frozen=True, slots=True, repr=False)
class SeveralScores(Shown):
    """What several runs scored on one of their sets, or on another file.

    Attributes:
        title: which runs they are, with folds and seeds.
        part: ``test`` or ``validation``.
        runs: each of them, by fold and seed.
        figures: of the model and of the trivial baselines: mean and standard deviation over the
            runs, by short name.
        notes: what must be known to read them.
    """

    title: str
    part: str
    runs: tuple[RunScores, ...]
    figures: dict[str, dict[str, Spread]]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        runs = [
            {"run": str(one.run), "fold": one.fold, "seed": one.seed, **one.scores.to_dict()}
            for one in self.runs
        ]
        return {
            "part": self.part,
            "folds": sorted({one.fold for one in self.runs}),
            "seeds": sorted({one.seed for one in self.runs}),
            "runs": runs,
            "figures": {
                row: {name: asdict(value) for name, value in found.items()}
                for row, found in self.figures.items()
            },
            "notes": list(self.notes),
        }

    def _sheet(self) -> Sheet:
        found = [model_figures(one.scores) for one in self.runs]
        names = [name for name in FIGURES if any(name in row for row in self.figures.values())]
        titles = tuple(FIGURES[name] for name in names)
        each = TextTable(
            ("run", "fold", "seed", *titles),
            tuple(
                (one.run.name, str(one.fold), str(one.seed), *(figure(of.get(n)) for n in names))
                for one, of in zip(self.runs, found, strict=True)
            ),
        )
        over = TextTable(
            ("mean ± sd", *titles),
            tuple(
                (row, *(self._over(of.get(name)) for name in names))
                for row, of in self.figures.items()
            ),
        )
        line = verdict_line(spread_verdicts(self.figures))
        notes = (line, *self.notes) if line else self.notes
        return Sheet(f"Scores on the {self.part} set · {self.title}", (each, over), notes)

    def _over(self, spread: Spread | None) -> str:
        """Write a figure over runs; of how many, where some of them do not have it."""
        if spread is None:
            return NOTHING
        return str(spread) if spread.n == len(self.runs) else f"{spread} (of {spread.n})"


def gather_scores(
    several: Several, part: str, score: Callable[[StoredRun], Scores], *notes: str
) -> SeveralScores:
    """Score runs and sum them up.

    Args:
        several: the runs.
        part: name of what is scored.
        score: scores one run.
        notes: what must be known to read the scores.
    """
    found = tuple(
        RunScores(run.path, run.config().fold, run.config().seed, score(run))
        for run in several.runs
    )
    over = over_cells(one.scores for one in found)
    return SeveralScores(several.title, part, found, over, (*several.notes, *notes))


def stored_scores(several: Several) -> SeveralScores:
    """Read the scores on the test set that the runs ended with; nothing is computed."""
    return gather_scores(several, TEST, lambda run: run.typed_scores()[TEST])


def write_page(scores: SeveralScores, folder: Path) -> Path:
    """Write the scores as ``report.html`` of the folder, with links to the runs' own reports.

    Raises:
        RunFailedError: the file system refuses.
    """
    links = "".join(
        f'<li><a href="{quote(str(place / REPORT))}">{escape(str(place))}</a></li>'
        for place in (one.run.relative_to(folder) for one in scores.runs)
    )
    page = _PAGE.format(title=escape(scores.title), body=scores._repr_html_(), links=links)
    write_text(folder / REPORT, page)
    return folder / REPORT
