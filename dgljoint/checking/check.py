"""The stages of a check, one after another as far as they make sense."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout

from dgljoint.checking import conformance, hooks, importing, metadata, timing
from dgljoint.checking.findings import Finding, Findings, Subject
from dgljoint.config.options import parse_options

_LOOKS: Mapping[str, Callable[[Subject], Findings]] = {
    metadata.STAGE: metadata.check_metadata,
    importing.STAGE: importing.check_import,
    hooks.HOOKS_STAGE: hooks.check_hooks,
    hooks.SPEC_STAGE: hooks.check_specs,
    conformance.STAGE: conformance.check_conformance,
    timing.STAGE: timing.check_timing,
}
STAGES = tuple(_LOOKS)


def check_plugin(subject: Subject) -> Iterator[Finding]:
    """Give what is found, in the order of :data:`STAGES`.

    What the plugin prints goes to stderr.

    Raises:
        UsageError: there is no such plugin, or the options given are not its own.
    """
    if not subject.registry.offering(subject.name):
        subject.registry.load(subject.name)  # says which names are close
    for number, (stage, look) in enumerate(_LOOKS.items()):
        if not (yield from _quietly(look(subject))):
            for later in STAGES[number + 1 :]:
                yield Finding(later, "all of it", "skipped", f"{stage} failed")
            return
        if stage == hooks.SPEC_STAGE:
            _refuse_options(subject)


def _quietly(findings: Findings) -> Findings:
    while True:
        with redirect_stdout(sys.stderr):
            try:
                finding = next(findings)
            except StopIteration as end:
                return bool(end.value)
        yield finding


def _refuse_options(subject: Subject) -> None:
    for spec in subject.registry.load(subject.name).specs:
        parse_options(spec.options, subject.options, spec.name)
