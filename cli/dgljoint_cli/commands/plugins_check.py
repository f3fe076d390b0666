"""``dgljoint plugins check``: what a plugin keeps of what is relied on, and what to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.errors import DataError, PluginError, UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.completion import complete_any_plugin
from dgljoint_cli.console import Talk, common_options, examples, format_option, print_json
from dgljoint_cli.guarded_reader import parse_assignments

if TYPE_CHECKING:
    from dgljoint.checking import Finding, Subject
    from dgljoint.plugins.registry import PluginEntry, Registry


@click.command(
    epilog=examples(
        "dgljoint plugins check",
        "dgljoint plugins check gcn --no-timing",
        "dgljoint plugins check contrastive -s negatives=4 --format json",
        "dgljoint plugins check jsonl --raw cascades.jsonl --debug",
    )
)
@click.argument(
    "names", nargs=-1, metavar="[NAME]...", shell_complete=complete_any_plugin
)
@click.option(
    "--raw", type=click.Path(path_type=Path), metavar="PATH",
    help="Raw data that a reader should read.",
)
@click.option(
    "-s", "--set", "assignments", multiple=True, metavar="KEY=VALUE",
    help="Option of the component to check it with; repeatable.",
)
@click.option(
    "--unreached", multiple=True, metavar="PARAMETER",
    help="Trainable parameter that no gradient need reach; repeatable.",
)
@click.option("--no-timing", is_flag=True, help="Leave out the timing of a step.")
@format_option
@common_options
@click.pass_obj
def check(
    talk: Talk, /, names: tuple[str, ...], raw: Path | None, assignments: tuple[str, ...],
    unreached: tuple[str, ...], no_timing: bool, as_json: bool,
) -> None:
    """Check plugins: metadata, import, hooks, specs, conformance, and the time of a step.

    Without NAME all that are not dgljoint's own are checked. What fails says what to change, and
    the command exits with 4; a note or the timing fails nobody. --debug shows the tracebacks.
    """
    from dgljoint.checking import Subject

    registry = installed_registry()
    if len(names) != 1 and (raw or assignments or unreached):
        raise UsageError(
            "--raw, --set and --unreached are for one plugin", hint="name the one they are for"
        )
    if raw is not None and not raw.exists():
        raise DataError(f"there is no {raw}", hint="--raw names the file or folder to read")
    for name in names:
        if not registry.offering(name):
            registry.load(name)  # says which names are close
    options = parse_assignments(assignments)
    reports = [
        _look(talk, Subject(registry, name, raw, options, unreached, timed=not no_timing))
        for name in names or _others(talk, registry)
    ]
    if as_json:
        print_json([describe_check(report) for report in reports])
    else:
        from dgljoint_cli.views.rendering import check_tables, render

        for report in reports:
            render(*check_tables(describe_check(report)))
    _raise_failures(reports)


@dataclass(frozen=True)
class Report:
    """What was found of one plugin."""

    entry: PluginEntry
    findings: Sequence[Finding]

    @property
    def failures(self) -> list[Finding]:
        """The findings of what must change."""
        return [finding for finding in self.findings if finding.outcome == "failed"]


def describe_check(report: Report) -> dict[str, Any]:
    """Describe what was found of a plugin as plain values; exceptions are left out."""
    findings = [
        {
            "stage": finding.stage,
            "check": finding.check,
            "outcome": finding.outcome,
            "found": finding.found,
            "mend": finding.mend,
            "figures": dict(finding.figures),
        }
        for finding in report.findings
    ]
    return {**asdict(report.entry), "passed": not report.failures, "findings": findings}


def _others(talk: Talk, registry: Registry) -> tuple[str, ...]:
    """Name the plugins that are not dgljoint's own."""
    from dgljoint.checking import OWN_DISTRIBUTION

    others = [entry for entry in registry.entries if entry.distribution != OWN_DISTRIBUTION]
    if not others:
        talk.info("no plugins but dgljoint's own are installed; `plugins check NAME` checks one")
    return tuple(dict.fromkeys(entry.name for entry in others))


def _look(talk: Talk, subject: Subject) -> Report:
    from dgljoint.checking import check_plugin

    findings: list[Finding] = []
    for finding in check_plugin(subject):
        if not findings or findings[-1].stage != finding.stage:
            talk.info(f"{subject.name}: {finding.stage}")
        talk.detail(f"  {finding.check}: {finding.outcome}")
        findings.append(finding)
    return Report(subject.entry, findings)


def _raise_failures(reports: Sequence[Report]) -> None:
    bad = [report for report in reports if report.failures]
    if not bad:
        return
    counts = ", ".join(
        f"{report.entry} fails {len(report.failures)} of {len(report.findings)} checks"
        for report in bad
    )
    errors = [f.error for report in bad for f in report.failures if f.error is not None]
    hint = "what to change stands beside each"
    if errors:
        hint += "; --debug shows the tracebacks"
    cause = BaseExceptionGroup("raised by plugins", errors) if len(errors) > 1 else None
    raise PluginError(counts, hint=hint) from (cause or (errors[0] if errors else None))
