"""Write the report and the model card of a run, and work out their content from its folder."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dgljoint._internal.files import write_text
from dgljoint._internal.tables import figure
from dgljoint.config.run_config import dump_config
from dgljoint.evaluation.scores import TITLES, Scores
from dgljoint.reporting import charts, scores
from dgljoint.reporting.charts import Chart, Points, line_chart
from dgljoint.reporting.scores import ScoreTable
from dgljoint.runs import stored
from dgljoint.runs.listing import RunFacts, read_facts

_WRONG = 15
_CURVES = {
    "losses": "Losses, means over the steps of an epoch",
    "weights": "Weights of the losses",
    "validation": "Metrics of the validation set",
    "diagnostics": "Cosine of the tasks' gradients on the shared parameters",
}
_VALIDATION = ("score", "accuracy", "macro_f1", "mrr", "mrr_not_source", "mrr_without_source")
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
class Content:
    """Everything the templates are given."""

    facts: RunFacts
    fair: bool  # whether something is known to keep the parts apart
    summary: dict[str, str]  # what was run, by name
    components: tuple[Part, ...]
    versions: dict[str, str]  # of what computed
    figures: tuple[ScoreTable, ...]  # tables of the test set, with trivial baselines
    validation: tuple[ScoreTable, ...]  # the same of the validation part
    confusion: ScoreTable | None  # true class by predicted class; `None` without rumor scores
    calibration: ScoreTable | None  # ECE, NLL and Brier; `None` without
    reliability: ScoreTable | None  # one row per bin; `None` without
    wrong: tuple[stored.Prediction, ...]  # cascades predicted wrongly with the greatest confidence
    mistakes: int  # number of all that were predicted wrongly
    charts: tuple[Chart, ...]  # over the epochs
    config: str  # `config.toml`, the data by the name of their file


def read_content(facts: RunFacts) -> Content:
    """Work out the content for a run."""
    predictions = stored.read_predictions(facts.run) if facts.scores else None
    wrong = _wrong(predictions)
    test = facts.scores.get(stored.TEST)
    manifest = facts.manifest
    versions = {"dgljoint": manifest.get("dgljoint"), "python": manifest.get("python")}
    return Content(
        facts=facts,
        fair=bool(facts.protocol.disjoint) and not facts.protocol.ordered,
        summary=_summary(facts),
        components=tuple(_components(manifest)),
        versions={
            name: str(version)
            for name, version in (*versions.items(), *stored.section(manifest, "packages").items())
        },
        figures=tuple(_tables(test)) if test else (),
        validation=tuple(
            table for part, one in facts.scores.items() if part != stored.TEST
            for table in _tables(one)
        ),
        confusion=scores.confusion_table(test.rumor) if test and test.rumor else None,
        calibration=scores.calibration_table(test.calibration, stored.TEST)
        if test and test.calibration else None,
        reliability=_reliability(test),
        wrong=wrong[:_WRONG],
        mistakes=len(wrong),
        charts=tuple(_charts(facts)),
        config=dump_config(
            # A report is shown around; where its data are is nobody's business.
            facts.config.model_copy(update={"data": Path(facts.config.data).name})
        ),
    )


def _summary(facts: RunFacts) -> dict[str, str]:
    manifest, run = facts.manifest, facts.summary
    data, parts = stored.section(manifest, "data"), stored.section(manifest, "parts")
    parameters = stored.number(manifest.get("parameters"))
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
        "epochs": f"{run.epoch} of at most {run.epochs}, {selected} on the validation set",
        "seconds": f"{sum(stored.number(r.get('seconds')) or 0 for r in facts.records):,.1f}",
        "code": stored.text(manifest.get("git")) or "no git revision on record",
        "machine": stored.text(manifest.get("platform")) or "not on record",
    }


def _left_out(facts: RunFacts) -> list[str]:
    """Return what the data did not allow to train, and what the test set does not score."""
    noted = stored.section(facts.manifest, "trained").get("notes")
    test = facts.scores.get(stored.TEST)
    found = [*(noted if isinstance(noted, list) else ()), *(test.notes if test else ())]
    return [note for one in found if (note := stored.text(one))]


def _components(manifest: Mapping[str, Any]) -> Iterable[Part]:
    for row in stored.tables(manifest.get("plugins")):
        named = {key: stored.text(row.get(key)) or "" for key in ("kind", "name", "summary")}
        paper = stored.section(row, "reference")
        url = stored.text(paper.get("url")) or ""
        yield Part(
            **named,
            origin=f"{row.get('distribution')} {row.get('version')}",
            paper=_PAPER.format(*map(paper.get, ("authors", "year", "title"))) if paper else "",
            # A manifest may be anybody's: nothing but a web address becomes a link.
            url=url if url.startswith(("https://", "http://")) else "",
        )


def _tables(found: Scores) -> Iterable[ScoreTable]:
    if (rumor := found.rumor) is not None:
        yield scores.rumor_table(rumor, found.intervals)
        yield scores.class_table(rumor)
        if rumor.class_pairs:
            yield scores.pair_table(rumor)
    for group, links in found.links.items():
        yield scores.link_table(group, links, found.intervals)


def _reliability(found: Scores | None) -> ScoreTable | None:
    if found is None or found.calibration is None:
        return None
    return ScoreTable(
        "Probability of the predicted class, and how often it was right",
        ("probability", "cascades", "mean probability", "right"),
        tuple(
            (f"{one.low:.2f} to {one.high:.2f}", str(one.cascades), figure(one.confidence),
             figure(one.accuracy))
            for one in found.calibration.raw.bins
        ),
    )


def _wrong(found: stored.StoredPredictions | None) -> tuple[stored.Prediction, ...]:
    if found is None:
        return ()
    wrong = [line for line in found.lines
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
        epoch = stored.number(record.get("epoch"))
        for name, value in stored.section(record, key).items():
            known = stored.number(value)
            if known is None or epoch is None or (names is not None and name not in names):
                continue
            found.setdefault(name, []).append((epoch, known))
    return {TITLES.get(name, name.replace("_", " ")): points for name, points in found.items()}


def write_reports(folder: Path) -> tuple[Path, ...]:
    """Write ``report.html`` and ``model_card.md``, whole or not at all, and return their paths.

    A run that has not ended gets both of what there is so far.
    """
    content = read_content(read_facts(folder))
    made = {stored.REPORT: report_html(content), stored.CARD: model_card(content)}
    for name, page in made.items():
        write_text(folder / name, page)
    return tuple(folder / name for name in made)


def report_html(content: Content) -> str:
    """Return the report: one page that needs nothing else, with everything in it escaped."""
    environment = Environment(
        loader=PackageLoader("dgljoint.reporting"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(content=content, size=charts)


def model_card(content: Content) -> str:
    """Return the model card, in Markdown."""
    environment = Environment(
        loader=PackageLoader("dgljoint.reporting"), undefined=StrictUndefined,
        # Markdown has an escaping of its own, which also keeps HTML out.
        autoescape=False, finalize=_markdown,  # noqa: S701
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )
    environment.filters |= {"address": _address, "table": _table}
    return environment.get_template("model_card.md.j2").render(content=content)


def _markdown(value: object) -> str:
    """Return what a template inserts as text: one line, no markup."""
    if isinstance(value, Markup):
        return value
    line = " ".join(str(value).split())
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))


def _address(url: str) -> Markup:
    """Return a web address as Markdown makes a link of, with nothing in it that could end it."""
    return Markup("<" + quote(url, safe=":/?&=%#~+,;@!()") + ">")  # noqa: S704  # quoted


def _table(table: ScoreTable) -> Markup:
    """Return a table in Markdown, its cells as text."""
    lines = [table.columns, ("---", *["---:"] * (len(table.columns) - 1)), *table.rows]
    rows = ["| " + " | ".join(map(_markdown, cells)) + " |" for cells in lines]
    return Markup("\n".join(rows))  # noqa: S704  # escaped for Markdown
