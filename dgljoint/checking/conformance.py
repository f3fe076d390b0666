"""The properties that the engine relies on, by the kit for the component's kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dgljoint.checking.findings import Finding, Findings, Subject, failed
from dgljoint.checking.threads import one_thread
from dgljoint.errors import PluginError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, Spec, WeighterSpec

if TYPE_CHECKING:
    from dgljoint.testing import Check

STAGE = "conformance"


def check_conformance(subject: Subject) -> Findings:
    """Run the kit of each component's kind."""
    sound = True
    for spec in subject.registry.load(subject.name).specs:
        if isinstance(spec, ReaderSpec) and spec.needs_source and subject.raw is None:
            yield Finding(
                STAGE, "reads raw data", "skipped", "no raw data were given",
                f"dgljoint plugins check {spec.name} --raw PATH",
            )
            continue
        for finding in _run(_checks(spec, subject), subject.entry):
            sound = sound and finding.outcome != "failed"
            yield finding
    return sound


def _checks(spec: Spec, subject: Subject) -> Iterator[Check]:
    from dgljoint import testing  # torch

    options = subject.options
    if isinstance(spec, EncoderSpec):
        return testing.encoder_checks(spec, options, unreached=subject.unreached)
    if isinstance(spec, InteractionSpec):
        return testing.interaction_checks(spec, options, unreached=subject.unreached)
    if isinstance(spec, WeighterSpec):
        return testing.loss_weighter_checks(spec, options)
    if isinstance(spec, ReaderSpec):
        return testing.reader_checks(spec, subject.raw if spec.needs_source else None, options)
    raise TypeError(f"there is no kit for {type(spec).__name__}")


def _run(checks: Iterator[Check], entry: PluginEntry) -> Iterator[Finding]:
    from dgljoint.testing import ConformanceError

    while True:
        try:
            with guarded(entry, "build"):  # the component is made anew between two checks
                check = next(checks, None)
        except PluginError as error:
            yield failed(
                STAGE, "can be made again", error, entry,
                "let build give a new component whenever it is called",
            )
            return
        if check is None:
            return
        try:
            with one_thread():
                check()
        except ConformanceError as error:
            for failure in error.failures:
                yield Finding(
                    STAGE, failure.check, "failed", failure.found, failure.mend,
                    error=error.__cause__,
                )
            if check.essential:
                return
        else:
            yield Finding(STAGE, check.name)
