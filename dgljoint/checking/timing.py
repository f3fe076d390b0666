"""How long a step takes with the component, beside steps with those of its kind that ship."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from dgljoint.checking.findings import OWN_DISTRIBUTION, Finding, Findings, Subject
from dgljoint.checking.threads import one_thread
from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import Registry
from dgljoint.plugins.specs import ReaderSpec, Spec

STAGE = "timing"

ROUNDS = 3

_CHECK = "takes its step in good time"
_CASCADES = 96


def check_timing(subject: Subject) -> Findings:
    """Time steps of whole runs, which differ in the component alone, in turns.

    The figure tells; it fails nobody.
    """
    for spec in subject.registry.load(subject.name).specs:
        if isinstance(spec, ReaderSpec):
            yield Finding(STAGE, _CHECK, "skipped", "a reader takes no part in a step")
        elif not subject.timed:
            yield Finding(STAGE, _CHECK, "skipped", "not asked for")
        else:
            with one_thread():
                finding = _compare(spec, subject)
            yield finding
    return True


def _compare(spec: Spec, subject: Subject) -> Finding:
    from dgljoint.checking.timed_run import TimedRun  # torch
    from dgljoint.testing import toy_store

    with TemporaryDirectory(prefix="dgljoint-") as folder:
        store = toy_store(Path(folder) / "toy.h5", _CASCADES)
        try:
            runs = {"": TimedRun(store, subject.registry, spec, subject.options)}
        except DgljointError as error:
            return Finding(STAGE, _CHECK, "skipped", error.message, error.hint or "", error=error)
        for other in _shipped(subject.registry, type(spec)):
            if other is not spec:
                runs[other.name] = TimedRun(store, subject.registry, other, {})
        for _ in range(ROUNDS):
            for name, run in list(runs.items()):
                try:
                    run.go_on()
                except DgljointError as error:
                    if not name:
                        return Finding(STAGE, _CHECK, "skipped", error.message, error=error)
                    del runs[name]
    own, *others = (run.step_seconds for run in runs.values())
    if not others:
        return Finding(STAGE, _CHECK, figures={"seconds": own}, found=f"{own * 1000:.1f} ms")
    usual = median(others)
    return Finding(
        STAGE, _CHECK,
        found=f"{own * 1000:.1f} ms, {own / usual:.2f} times the median of the {len(others)} "
        f"{spec.kind}s that ship ({usual * 1000:.1f} ms)",
        figures={"seconds": own, "median_seconds": usual, "ratio": own / usual},
    )


def _shipped(registry: Registry, kind: type[Spec]) -> list[Spec]:
    """Return the components of a kind that come with dgljoint and can be used here."""
    found: list[Spec] = []
    for name in registry.names:
        entries = registry.offering(name)
        if len(entries) == 1 and entries[0].distribution == OWN_DISTRIBUTION:
            try:
                found += [spec for spec in registry.load(name).specs if isinstance(spec, kind)]
            except DgljointError:
                continue  # what lacks an extra is no measure
    return found
