"""The account of a build, and of an audit of what it wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import RenderableType
from rich.text import Text

from dgljoint.reading import Tally
from dgljoint_cli.rendering import facts, table, titled
from dgljoint_data import BuildSummary
from dgljoint_data.audit import Audit
from dgljoint_data.audit_findings import Severity

_STYLES = {
    Severity.ok: "green", Severity.info: "cyan", Severity.warning: "yellow", Severity.error: "red",
}


def summary_tables(summary: BuildSummary) -> list[RenderableType]:
    """Lay out a build: size, label balance, the reader's counts, and everything odd it met."""
    values = {
        "cascades": f"{summary.cascades:,}",
        "posts": f"{summary.posts:,}",
        "edges": f"{summary.edges:,}",
        "events": f"{summary.events:,}",
        "features": "; ".join(f"{name} ({what})" for name, what in summary.features.items()),
        "splits": ", ".join(f"{split} ({n} folds)" for split, n in summary.splits.items()),
        "size": f"{summary.size_bytes / 1e6:.1f} MB",
        "digest": summary.digest,
        "seconds": f"{summary.seconds:.1f}",
    }
    labels = table("label", "cascades", "share", numbers=True)
    balance = {**summary.labels, **({"none": summary.unlabelled} if summary.unlabelled else {})}
    for label, number in balance.items():
        labels.add_row(label, f"{number:,}", f"{number / summary.cascades:.1%}")
    parts = [titled(f"{summary.name} · {summary.path}", facts(values)), titled("labels", labels)]
    report = summary.report
    if report.counts:
        counts = table("", "number", numbers=True)
        for name, number in report.counts.items():
            counts.add_row(name.replace("_", " "), f"{number:,}")
        parts.append(titled("counted while reading", counts))
    if report.repairs:
        title = "repaired: parts dropped or changed, the rest kept"
        parts.append(titled(title, _tallies(report.repairs)))
    if report.refusals:
        parts.append(titled("refused: left out whole", _tallies(report.refusals)))
    refused = [f"no split '{split}': {why}" for split, why in summary.splits_refused.items()]
    return [*parts, *(f"note: {note}" for note in (*report.notes, *refused))]


def audit_table(audit: Audit) -> RenderableType:
    """Lay out an audit: a row a finding, and the verdict."""
    made = table("severity", "check", "figure", "what it means")
    for finding in audit.findings:
        severity = Text(finding.severity.name, style=_STYLES[finding.severity])
        made.add_row(severity, finding.check, finding.figure, finding.explanation)
    against = f" · against {audit.against}" if audit.against else ""
    counted = Counter(finding.severity.name for finding in audit.findings)
    verdict = ", ".join(f"{counted[level.name]} {level.name}" for level in reversed(Severity))
    return titled(f"{audit.data}, split {audit.split}{against}: {verdict}", made)


def _tallies(tallies: Mapping[str, Tally]) -> RenderableType:
    made = table("reason", "number", "for example")
    for reason, tally in tallies.items():
        made.add_row(reason, f"{tally.count:,}", tally.examples[0] if tally.examples else "")
        for example in tally.examples[1:]:
            made.add_row("", "", example)
    return made
