"""The record of a run: its result, made of its folder, shown, compared and indexed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dgljoint._internal.text import plural
from dgljoint.errors import DgljointError, StudyFailedError
from dgljoint.evaluation.scores import MODEL

NO_MODEL = ""
"""The configuration of the runs that train no model: classifiers that see one thing alone."""
DONE, FAILED, UNFINISHED, NOT_STARTED = "done", "failed", "unfinished", "not started"
_SHOWN = ("accuracy", "mrr")


@dataclass(frozen=True, slots=True)
class Key:
    """Which run of a suite; ``train --folds --seeds`` has neither suite nor tables.

    Attributes:
        suite: its name.
        data: name of the table of the suite.
        configuration: its name, or :data:`NO_MODEL`.
        fold: that is tested.
        seed: of everything random.
    """

    suite: str
    data: str
    configuration: str
    fold: int
    seed: int

    def __str__(self) -> str:
        if not self.suite:
            return f"fold {self.fold}, seed {self.seed}"
        if self.configuration == NO_MODEL:
            return f"{self.data}, without a model, fold {self.fold}"
        return f"{self.data}, {self.configuration}, fold {self.fold}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One training of a run; of several, the one with the best validation score counts.

    Attributes:
        settings: that the trial sets.
        validation: score of its selected epoch on the validation set; ``None`` if it diverged.
        epochs: trained.
        chosen: whether the run's metrics are its.
    """

    settings: dict[str, Any]
    validation: float | None
    epochs: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The result of a run.

    Attributes:
        key: which run.
        digest: of all that its metrics depend on.
        state: ``done``, ``failed``, ``unfinished`` or ``not started``.
        config: full configuration of the chosen trial; empty without a model.
        versions: of Python, packages and plugins.
        figures: metrics on the test set by row and short name.
        trials: in order; none without a model.
        curve: of the chosen trial, a mapping of metrics per epoch.
        seconds: of its processes.
        cpu_seconds: that they computed.
        peak_megabytes: most memory resident at once.
        parameters: trainable ones of the model.
        best_epoch: selected on the validation set, from 1.
        tests_seen: test cascades read before selection ended.
        message: why it failed.
        hint: what mends it.
        exit_code: 0 unless it failed.
        log: what its process wrote, where that was anything.
    """

    key: Key
    digest: str
    state: str
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    curve: tuple[dict[str, float], ...] = ()
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_megabytes: float | None = None
    parameters: int | None = None
    best_epoch: int | None = None
    tests_seen: int | None = None
    message: str | None = None
    hint: str | None = None
    exit_code: int = 0
    log: str | None = None

    @property
    def epochs(self) -> int:
        """Epochs trained, of all trials."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def result(self) -> str:
        """The state with the main metrics or the reason, in a few words."""
        if self.state == FAILED:
            return f"FAILED: {self.message}"
        found = self.figures.get(MODEL, {})
        return ", ".join(
            [self.state, *(f"{name} {found[name]:.3f}" for name in _SHOWN if name in found)]
        )


def failed(key: Key, digest: str, error: DgljointError, log: str | None = None) -> RunRecord:
    """Return the record of a run that ended with an error."""
    return RunRecord(
        key, digest, FAILED, message=error.message, hint=error.hint, exit_code=error.exit_code,
        log=log,
    )


def done_runs(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the records that have metrics."""
    return [one for one in records if one.state == DONE]


def failure_of(records: Sequence[RunRecord]) -> StudyFailedError | None:
    """Return the error for runs of which some failed; its exit code is that of the first."""
    found = [one for one in records if one.state == FAILED]
    if not found:
        return None
    reasons = "".join(f"\n  {one.key}: {one.message}" for one in found)
    hints = dict.fromkeys(one.hint for one in found if one.hint)
    return StudyFailedError(
        f"{len(found)} of {plural(len(records), 'run')} failed:{reasons}",
        exit_code=found[0].exit_code or 1, hint="; ".join(hints) or None,
    )


def progress_of(records: Iterable[RunRecord], runs: int) -> str:
    """Write how many of so many runs are done, and how many failed."""
    states = [one.state for one in records]
    failures = f", {states.count(FAILED)} failed" if FAILED in states else ""
    return f"{states.count(DONE)} of {runs} runs are done{failures}; everything is saved"
