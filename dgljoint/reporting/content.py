"""What a report and a model card say, worked out from what a run folder says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgljoint.config.run_config import dump_config
from dgljoint.evaluation.scores import ALL, MODEL, TITLES, LinkTable, Scores
from dgljoint.evaluation.verdicts import (
    MAJORITY,
    Verdict,
    link_verdicts,
    rumor_baseline,
    rumor_verdicts,
    verdict_line,
)
from dgljoint.reporting.charts import Chart, Points, line_chart
from dgljoint.runs.facts import RunFacts
from dgljoint.runs.predictions import Said, SaidOfPart, read_predictions
from dgljoint.runs.stored import TEST, number, section, tables, text

_WRONG = 15
_CURVES = {
    "losses": "Losses, means over the steps of an epoch",
    "weights": "Weights of the losses",
    "validation": "Figures of the validation part",
    "diagnostics": "Cosine of the tasks' gradients on the shared parameters",
}
_VALIDATION = ("score", "accuracy", "macro_f1", "mrr", "mrr_not_source")
_PAPER = "{} ({}). {}."
_COSINE = ("gradient_cosine",)


@dataclass(frozen=True, slots=True)
class Part:
    """A component of the run as the manifest has it; ``url`` is a web address or empty."""

    kind: str
    name: str
    origin: str
    summary: str
    paper: str
    url: str


@dataclass(frozen=True, slots=True)
class Table:
    """Figures: a title, the names of the columns, a row each; the first cell of a row names it.

    ``better`` are the columns in which the model beats the best trivial baseline, and ``verdict``
    says so in a line.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    better: frozenset[str] = frozenset()
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the templates are given.

    Attributes:
        facts: of the run.
        fair: whether something is known to keep the parts apart.
        summary: what was run, by name.
        components: with their papers.
        versions: of what computed.
        figures: tables of the test part, trivial guesses beside the model.
        validation: the same of the validation part.
        confusion: true class by class said; ``None`` without rumor scores.
        reliability: a row a bin; ``None`` without.
        calibration: ECE, NLL and Brier; ``None`` without.
        wrong: cascades told wrongly with the greatest confidence.
        mistakes: number of all that were told wrongly.
        charts: over the epochs.
        config: ``config.toml``, the data by the name of their file.
    """

    facts: RunFacts
    fair: bool
    summary: dict[str, str]
    components: tuple[Part, ...]
    versions: dict[str, str]
    figures: tuple[Table, ...]
    validation: tuple[Table, ...]
    confusion: Table | None
    calibration: Table | None
    reliability: Table | None
    wrong: tuple[Said, ...]
    mistakes: int
    charts: tuple[Chart, ...]
    config: str


def read_content(facts: RunFacts) -> Content:
    """Work out what there is to say of a run.

    Raises:
        DataError: its predictions are damaged.
    """
    said = read_predictions(facts.run) if facts.scores else None
    wrong = _wrong(said)
    test = facts.scores.get(TEST)
    manifest = facts.manifest
    versions = {"dgljoint": manifest.get("dgljoint"), "python": manifest.get("python")}
    return Content(
        facts=facts,
        fair=bool(facts.protocol.disjoint) and not facts.protocol.ordered,
        summary=_summary(facts),
        components=tuple(_components(manifest)),
        versions={
            name: str(version)
            for name, version in (*versions.items(), *section(manifest, "packages").items())
        },
        figures=tuple(_tables(test)) if test else (),
        validation=tuple(
            table for part, one in facts.scores.items() if part != TEST for table in _tables(one)
        ),
        confusion=_confusion(test),
        calibration=_calibration(test),
        reliability=_reliability(test),
        wrong=wrong[:_WRONG],
        mistakes=len(wrong),
        charts=tuple(_charts(facts)),
        config=dump_config(
            # A report is shown around; where its data lie is nobody's business.
            facts.config.model_copy(update={"data": Path(facts.config.data).name})
        ),
    )


def _summary(facts: RunFacts) -> dict[str, str]:
    manifest, run = facts.manifest, facts.summary
    data, parts = section(manifest, "data"), section(manifest, "parts")
    parameters = number(manifest.get("parameters"))
    sizes = ", ".join(f"{name} {size}" for name, size in parts.items() if size)
    selected = f"epoch {run.best_epoch} selected" if run.best_epoch else "none selected yet"
    left_out = _left_out(facts)
    return {
        "data": f"{facts.protocol.data}, {data.get('cascades', '?')} cascades, "
        f"{data.get('posts', '?')} posts",
        "data digest": str(data.get("content_digest", data.get("digest"))),
        "split": f"{facts.protocol.split}, fold {facts.protocol.fold}: {facts.protocol.kept}",
        "cascades": sizes or "not on record",
        "features": ", ".join(facts.config.features.use) or "all",
        "tasks": facts.config.train.tasks,
        **({"not trained or scored": "; ".join(left_out)} if left_out else {}),
        "seed": str(facts.config.seed),
        "parameters": "not on record" if parameters is None else f"{parameters:,.0f}",
        "epochs": f"{run.epoch} of at most {run.epochs}, {selected} on the validation part",
        "seconds": f"{sum(number(r.get('seconds')) or 0 for r in facts.records):,.1f}",
        "code": text(manifest.get("git")) or "no git revision on record",
        "machine": text(manifest.get("platform")) or "not on record",
    }


def _left_out(facts: RunFacts) -> list[str]:
    """Say what the data did not allow to train, and what the test set does not ask."""
    noted = section(facts.manifest, "trained").get("notes")
    test = facts.scores.get(TEST)
    said = [*(noted if isinstance(noted, list) else ()), *(test.notes if test else ())]
    return [note for one in said if (note := text(one))]


def _components(manifest: Mapping[str, Any]) -> Iterable[Part]:
    for row in tables(manifest.get("plugins")):
        named = {key: text(row.get(key)) or "" for key in ("kind", "name", "summary")}
        paper = section(row, "reference")
        url = text(paper.get("url")) or ""
        yield Part(
            **named,
            origin=f"{row.get('distribution')} {row.get('version')}",
            paper=_PAPER.format(*map(paper.get, ("authors", "year", "title"))) if paper else "",
            # A manifest may be anybody's: nothing but a web address becomes a link.
            url=url if url.startswith(("https://", "http://")) else "",
        )


def _tables(scores: Scores) -> Iterable[Table]:
    if (rumor := scores.rumor) is not None:
        by_class = tuple(f"F1 {label}" for label in rumor.f1)
        guess = rumor_baseline(rumor)
        yield Table(
            f"Rumor detection, {rumor.cascades:,} cascades of the {scores.part} part",
            ("", "accuracy", "macro F1", *by_class, "AUROC"),
            (
                ("model", _with_interval(rumor.accuracy, scores, "accuracy"),
                 _with_interval(rumor.macro_f1, scores, "macro_f1"),
                 *map(_figure, rumor.f1.values()), _figure(rumor.auroc)),
                (MAJORITY, _figure(guess["accuracy"]), _figure(guess["macro_f1"]),
                 *["–"] * len(by_class), _figure(guess["auroc"])),
            ),
            **_judged(rumor_verdicts(rumor)),
        )
    for group, links in scores.links.items():
        yield _links(scores, group, links)


def _links(scores: Scores, group: str, links: LinkTable) -> Table:
    suffix = "" if group == ALL else "_not_source"
    rows = []
    for name, row in links.rows.items():
        cells = list(map(_figure, (row.mrr, row.hits1, row.hits3, row.hits10, row.auc)))
        if name == MODEL:
            cells[0] = _with_interval(row.mrr, scores, f"mrr{suffix}")
            cells[1] = _with_interval(row.hits1, scores, f"hits1{suffix}")
        rows.append((name, *cells))
    return Table(
        f"Links, {links.targets:,} targets of the {scores.part} part: {group}",
        ("", "MRR", "Hits@1", "Hits@3", "Hits@10", "AUC"),
        tuple(rows),
        **_judged(link_verdicts(links)),
    )


def _judged(found: Mapping[str, Verdict]) -> dict[str, Any]:
    better = frozenset(TITLES[metric] for metric, verdict in found.items() if verdict.beats)
    return {"better": better, "verdict": verdict_line(found)}


def _confusion(scores: Scores | None) -> Table | None:
    if scores is None or scores.rumor is None:
        return None
    counted = scores.rumor.confusion
    said = tuple(dict.fromkeys(name for row in counted.values() for name in row))
    rows = tuple(
        (name, *(str(row.get(other, 0)) for other in said)) for name, row in counted.items()
    )
    return Table("True class by row, class said by column", ("", *said), rows)


def _calibration(scores: Scores | None) -> Table | None:
    if scores is None or scores.calibration is None:
        return None
    found = scores.calibration
    rows = [("as the model gives them", found.raw)]
    if found.scaled is not None:
        rows.append((f"with temperature {found.temperature:.3g}", found.scaled))
    return Table(
        "Probabilities", ("", "ECE", "NLL", "Brier"),
        tuple((name, _figure(r.ece), _figure(r.nll), _figure(r.brier)) for name, r in rows),
    )


def _reliability(scores: Scores | None) -> Table | None:
    if scores is None or scores.calibration is None:
        return None
    return Table(
        "Probability of the class said, and how often it was right",
        ("probability", "cascades", "mean probability", "right"),
        tuple(
            (f"{one.low:.2f} to {one.high:.2f}", str(one.cascades), _figure(one.confidence),
             _figure(one.accuracy))
            for one in scores.calibration.raw.bins
        ),
    )


def _wrong(said: SaidOfPart | None) -> tuple[Said, ...]:
    if said is None:
        return ()
    wrong = [line for line in said.lines
             if line.label is not None and line.predicted not in (None, line.label)]
    return tuple(sorted(wrong, key=lambda line: -(line.confidence or 0.0)))


def _charts(facts: RunFacts) -> Iterable[Chart]:
    chosen: dict[str, Sequence[str] | None] = {
        "losses": None, "weights": None, "validation": _VALIDATION, "diagnostics": _COSINE,
    }
    for key, title in _CURVES.items():
        chart = line_chart(
            title, _series(facts.records, key, chosen[key]), facts.summary.best_epoch
        )
        if chart is not None:
            yield chart


def _series(
    records: Sequence[Mapping[str, Any]], key: str, names: Sequence[str] | None
) -> dict[str, Points]:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names or ()}
    for record in records:
        epoch = number(record.get("epoch"))
        for name, value in section(record, key).items():
            known = number(value)
            if known is None or epoch is None or (names is not None and name not in names):
                continue
            found.setdefault(name, []).append((epoch, known))
    return {TITLES.get(name, name.replace("_", " ")): points for name, points in found.items()}


def _with_interval(value: float, scores: Scores, name: str) -> str:
    """Write a figure, with the ends of its interval where there are any."""
    ends = scores.intervals.figures.get(name) if scores.intervals is not None else None
    return _figure(value) + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
