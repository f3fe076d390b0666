"""The record of a run: its result, made of its folder, shown, compared and indexed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dgljoint._internal.text import plural
from dgljoint.config.run_config import flat
from dgljoint.errors import DgljointError, StudyFailedError
from dgljoint.evaluation.scores import MODEL

NO_MODEL = ""
"""The configuration of the runs that train no model: classifiers that see one thing alone."""
DONE, FAILED, UNFINISHED, NOT_STARTED = "done", "failed", "unfinished", "not started"
_SHOWN = ("accuracy", "mrr")


@dataclass(frozen=True, slots=True)
class Key:
    """Which run of a suite; ``train --folds --seeds`` has neither suite nor tables."""

    suite: str
    data: str  # name of the table of the suite
    configuration: str  # its name, or NO_MODEL
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
    """One training of a run; of several, the one with the best validation score counts."""

    settings: dict[str, Any]
    # score of its selected epoch on the validation set; `None` if it diverged
    validation: float | None
    epochs: int
    chosen: bool  # whether the run's metrics are its


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The result of a run."""

    key: Key
    digest: str  # of all that its metrics depend on
    state: str  # `done`, `failed`, `unfinished` or `not started`
    # full configuration of the chosen trial, and under ``idle`` the interactions that had no part
    # in it, if any; empty without a model
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)  # of Python, packages and plugins
    # metrics on the test set by row and short name
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()  # in order; none without a model
    curve: tuple[dict[str, float], ...] = ()  # of the chosen trial, a mapping of metrics per epoch
    seconds: float | None = None  # of its processes
    cpu_seconds: float | None = None  # that they computed
    peak_megabytes: float | None = None  # most memory resident at once
    parameters: int | None = None
    best_epoch: int | None = None  # selected on the validation set, from 1
    tests_seen: int | None = None  # test cascades read before selection ended
    message: str | None = None
    hint: str | None = None  # what mends it
    exit_code: int = 0  # 0 unless it failed
    log: str | None = None  # what its process wrote, where that was anything

    @property
    def algorithm(self) -> dict[str, Any]:
        """What was trained: all trials, without the interactions that had no part; by path."""
        idle, options = self.config.get("idle", ()), self.config.get("options", {})
        settings = flat({
            **self.config, "idle": {},
            "plugins": [name for name in self.config.get("plugins", ()) if name not in idle],
            "options": {name: options[name] for name in options if name not in idle},
        })
        # Which trial had the better score on the validation set is chance.
        tried = [flat(trial.settings) for trial in self.trials]
        varied = {name for one in tried for name in one}
        fixed = {name: value for name, value in settings.items() if name not in varied}
        return {**fixed, "trials": tried}

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
