"""The runs in one folder: which belong together, and their scores."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dgljoint._internal.files import write_text
from dgljoint._internal.tables import Sheet, Shown, TextTable, figure
from dgljoint._internal.text import number_list, plural
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.scores import Scores
from dgljoint.evaluation.verdicts import verdict_line
from dgljoint.runs import summary
from dgljoint.runs.folders import is_run_folder, no_run, parse_object, read_plain, runs_in
from dgljoint.runs.listing import differing_settings, find_runs
from dgljoint.runs.stored import REPORT, TEST, StoredRun, recorded_protocol, section

_HINT = "name the folder of one study, or single runs; `dgljoint runs list {folder}` shows them"
_BY_CELL = {"fold", "seed", "data"}
_SHOWN = 3
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
_SUMMARY = "summary.json"  # of a study: how each of its runs ended


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """The finished runs below a folder, by fold and seed."""

    folder: Path
    runs: tuple[StoredRun, ...]  # at least one; of the same tasks, classes, features and data
    notes: tuple[str, ...]  # which runs are left out, and by which settings the others differ

    @property
    def title(self) -> str:
        """Name the folds and seeds, and what was kept apart."""
        configs = [run.config() for run in self.runs]
        folds, seeds = {c.fold for c in configs}, {c.seed for c in configs}
        protocol = recorded_protocol(configs[0], self.runs[0].manifest())
        return (
            f"{plural(len(self.runs), 'run')} in {self.folder}, {protocol.data}, split "
            f"{protocol.split}, folds {number_list(list(folds))}, seeds "
            f"{number_list(list(seeds))}: {protocol.kept}"
        )


def holds_several(path: Path) -> bool:
    """Return whether a path is a folder of runs and not that of a single one."""
    return not is_run_folder(path) and next(runs_in(path), None) is not None


def several_runs(folder: Path) -> Several:
    """Gather the finished runs below a folder."""
    found = [StoredRun(path) for path in find_runs(folder)] if folder.is_dir() else []
    if not found:
        raise no_run(folder)
    runs = [run for run in found if run.finished]
    if not runs:
        raise DataError(
            f"none of the {plural(len(found), 'run')} in {folder} has ended",
            hint=f"dgljoint runs list {folder} shows how they are",
        )
    runs.sort(key=lambda run: (run.config().fold, run.config().seed, run.path))
    _check_alike(folder, runs)
    missing = {run.path: "its run has not ended" for run in found if run not in runs}
    missing |= _failed(folder, {run.path for run in runs})
    notes = [f"{path} is left out: {why}" for path, why in sorted(missing.items())]
    return Several(folder, tuple(runs), (*notes, *_differences(runs)))


def _failed(folder: Path, finished: Container[Path]) -> dict[Path, str]:
    """Return the runs that a study lists and that have no result, each with the reason."""
    file = folder / _SUMMARY
    if not file.is_file():
        return {}
    missing = {}
    for cell in parse_object(read_plain(folder, file), str(file)).get("cells", ()):
        if not isinstance(cell, dict):
            raise DataError(f"{file} is not readable: a run is no object")
        path = folder / str(cell.get("run"))
        if path not in finished:
            message = f": {cell['message']}" if cell.get("message") else ""
            missing[path] = f"{cell.get('state')}{message}"
    return missing


def _check_alike(folder: Path, runs: Sequence[StoredRun]) -> None:
    """Refuse runs whose scores or probabilities have no common mean."""
    aspects: dict[str, Callable[[StoredRun], Any]] = {
        "splits": lambda run: run.config().split,
        "tasks": lambda run: ", ".join(run.config().train.task_names),
        "classes": lambda run: ", ".join(map(str, _data(run).get("labels", ()))),
        "features": lambda run: ", ".join(run.config().features.use),
        "data": lambda run: f"{_data(run).get('name')} {_data(run).get('content_digest', '')}",
    }
    for name, aspect in aspects.items():
        groups: dict[str, list[str]] = {}
        for run in runs:
            groups.setdefault(str(aspect(run)), []).append(run.path.name)
        if len(groups) > 1:
            named = "; ".join(f"{what or 'none'} in {_few(who)}" for what, who in groups.items())
            raise UsageError(
                f"{folder} holds runs of different {name}, which have no common result: {named}",
                hint=_HINT.format(folder=folder),
            )


def _data(run: StoredRun) -> Any:
    return section(run.manifest(), "data")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _differences(runs: Sequence[StoredRun]) -> list[str]:
    """Name the settings by which runs differ other than fold and seed."""
    first, *others = (run.config() for run in runs)
    names = {name for other in others for name in differing_settings(first, other)} - _BY_CELL
    if not names:
        return []
    return [f"the runs differ in more than fold and seed: {', '.join(sorted(names))}"]


@dataclass(frozen=True, slots=True)
class RunScores:
    """What one of several runs scored."""

    run: Path
    fold: int  # that is its test set
    seed: int
    scores: Scores  # of one set of cascades


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
    figures: dict[str, dict[str, summary.Spread]]
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
            "figures": summary.plain_values(self.figures),
            "notes": list(self.notes),
        }

    def _sheet(self) -> Sheet:
        names = summary.metric_names(self.figures)
        each = TextTable(
            ("run", "fold", "seed", *(summary.FIGURES[name] for name in names)),
            tuple(
                (one.run.name, str(one.fold), str(one.seed), *(figure(of.get(n)) for n in names))
                for one, of in ((one, summary.all_figures(one.scores)) for one in self.runs)
            ),
        )
        line = verdict_line(summary.spread_verdicts(self.figures))
        return Sheet(
            f"Scores on the {self.part} set · {self.title}",
            (each, summary.spread_table(self.figures, len(self.runs), "mean ± sd")),
            tuple(filter(None, (line, *summary.pooled_notes(self.figures), *self.notes))),
        )


def gather_scores(
    several: Several, part: str, score: Callable[[StoredRun], Scores], *notes: str
) -> SeveralScores:
    """Score runs and sum them up."""
    found = tuple(
        RunScores(run.path, run.config().fold, run.config().seed, score(run))
        for run in several.runs
    )
    over = summary.over_runs((one.seed, summary.rows_of(one.scores)) for one in found)
    return SeveralScores(several.title, part, found, over, (*several.notes, *notes))


def gather_folds(
    several: Several, score: Callable[[Sequence[Path]], Scores]
) -> SeveralScores:
    """Score the runs of each fold together; each row is named by the first of them."""
    of_fold: dict[int, list[StoredRun]] = {}
    for run in several.runs:
        of_fold.setdefault(run.config().fold, []).append(run)
    found = tuple(
        RunScores(runs[0].path, fold, runs[0].config().seed, score([run.path for run in runs]))
        for fold, runs in of_fold.items()
    )
    # One predictor per fold, whatever the seed of the first of its runs.
    over = summary.over_runs((0, summary.rows_of(one.scores)) for one in found)
    counts = ", ".join(f"fold {fold}: {len(runs)}" for fold, runs in of_fold.items())
    note = f"the runs of a fold predict together, by the mean of their probabilities ({counts})"
    return SeveralScores(several.title, TEST, found, over, (*several.notes, note))


def stored_scores(several: Several) -> SeveralScores:
    """Read the scores on the test set that the runs ended with; nothing is computed."""
    return gather_scores(several, TEST, lambda run: run.typed_scores()[TEST])


def write_page(scores: SeveralScores, folder: Path) -> Path:
    """Write the scores as ``report.html`` of the folder, with links to the runs' own reports."""
    links = "".join(
        f'<li><a href="{quote(str(place / REPORT))}">{escape(str(place))}</a></li>'
        for place in (one.run.relative_to(folder) for one in scores.runs)
    )
    page = _PAGE.format(title=escape(scores.title), body=scores._repr_html_(), links=links)
    write_text(folder / REPORT, page)
    return folder / REPORT
