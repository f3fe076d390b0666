"""The account of a build, and of an audit of what it wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from dgljoint.data.reading import Tally
from dgljoint_cli.views.rendering import facts, titled
from dgljoint_cli.views.table import Table
from dgljoint_data import BuildSummary
from dgljoint_data.audit import Audit
from dgljoint_data.audit.findings import Finding, Severity
from dgljoint_data.build import Shape

_STYLES = {
    Severity.skipped: "dim", Severity.ok: "green", Severity.info: "cyan",
    Severity.warning: "yellow", Severity.error: "red",
}


def summary_tables(
    summary: BuildSummary, report_file: Path | None = None
) -> list[RenderableType]:
    """Lay out a build: size, label balance, the reader's counts, and everything odd it met.

    Args:
        summary: of the build.
        report_file: where every thread that was left out is listed.
    """
    values = {
        "cascades": f"{summary.cascades:,}",
        "posts": f"{summary.posts:,} ({summary.posts_with_text:,} with text)",
        "edges": f"{summary.edges:,}",
        "events": f"{summary.events:,}",
        "features": "; ".join(f"{name} ({what})" for name, what in summary.features.items()),
        **{f"target {name}": str(target) for name, target in summary.targets.items()},
        "splits": ", ".join(f"{split} ({n} folds)" for split, n in summary.splits.items())
        or "none",
        "size": f"{summary.size_bytes / 1e6:.1f} MB" if summary.digest else "not written",
        "digest": summary.digest or "–",
        "seconds": f"{summary.seconds:.1f}",
    }
    labels = Table("label", "cascades", "share", numbers=True)
    balance = {**summary.labels, **({"none": summary.unlabelled} if summary.unlabelled else {})}
    for label, number in balance.items():
        labels.add_row(label, f"{number:,}", f"{number / summary.cascades:.1%}")
    parts = [
        titled(f"{summary.name} · {summary.path}", facts(values)),
        titled("labels", labels),
        titled("a cascade", _shape(summary.shape)),
        titled("source texts", _texts(summary)),
        *(titled(f"shared with {other.name} · {other.path}", _findings(other.findings))
          for other in summary.shared),
    ]
    report = summary.report
    if report.counts:
        counts = Table("", "number", numbers=True)
        for name, number in report.counts.items():
            counts.add_row(name.replace("_", " "), f"{number:,}")
        parts.append(titled("counted while reading", counts))
    if report.repairs:
        title = "repaired: parts dropped or changed, the rest kept"
        parts.append(titled(title, _tallies(report.repairs)))
    if report.refusals:
        parts.append(titled("refused: left out whole", _tallies(report.refusals)))
        listed = report_file or "--report FILE writes them"
        parts.append(f"all {len(report.quarantine):,} that were left out, by line: {listed}")
    refused = [f"no split '{split}': {why}" for split, why in summary.splits_refused.items()]
    return [*parts, *(f"note: {note}" for note in (*report.notes, *refused))]


def audit_table(audit: Audit) -> RenderableType:
    """Lay out an audit: a row a finding, and the verdict."""
    made = Table(
        "severity", "check", "figure", "what it means", prose=["check", "what it means"]
    )
    for finding in audit.findings:
        severity = Text(finding.severity.name, style=_STYLES[finding.severity])
        made.add_row(severity, finding.check, finding.figure, finding.explanation)
    against = f" · against {audit.against}" if audit.against else ""
    counted = Counter(finding.severity.name for finding in audit.findings)
    verdict = ", ".join(f"{counted[level.name]} {level.name}" for level in reversed(Severity))
    split = "no split" if audit.split is None else f"split {audit.split}"
    return titled(f"{audit.data}, {split}{against}: {verdict}", made)


def _shape(shape: Shape) -> RenderableType:
    made = Table("", "min", "median", "mean", "max", numbers=True)
    for name, spread in asdict(shape).items():
        made.add_row(name.replace("_", " "), *(f"{figure:,.4g}" for figure in spread.values()))
    return made


def _texts(summary: BuildSummary) -> RenderableType:
    made = Table("", "texts", "cascades with one", numbers=True)
    for name, found in (
        ("several times, in the same words", summary.equal_texts),
        ("several times, in nearly the same words", summary.similar_texts),
    ):
        if found is None:
            made.add_row(name, "not asked: no texts", "")
        else:
            made.add_row(name, f"{found.groups:,}", f"{found.cascades:,}")
    return made


def _findings(findings: Sequence[Finding]) -> RenderableType:
    made = Table("", "shared", "what it means", prose=["", "what it means"])
    for finding in findings:
        made.add_row(finding.check, finding.figure, finding.explanation)
    return made


def _tallies(tallies: Mapping[str, Tally]) -> RenderableType:
    made = Table("reason", "number", "for example", prose=["reason", "for example"])
    for reason, tally in tallies.items():
        made.add_row(reason, f"{tally.count:,}", tally.examples[0] if tally.examples else "")
        for example in tally.examples[1:]:
            made.add_row("", "", example)
    return made
