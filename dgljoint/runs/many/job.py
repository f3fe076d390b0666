"""A job, what it depends on, and what its folder contains of it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dgljoint.config.run_config import RunConfig
from dgljoint.evaluation.scores import selection_score
from dgljoint.plugins.registry import PluginEntry
from dgljoint.runs.records import DONE, Key, RunRecord, Trial
from dgljoint.runs.stored import StoredRun
from dgljoint.runs.summary import record_of

JOB, RESULT, LOG, HELD = "job.json", "result.json", "log.txt", ".held"
_OWN = "dgljoint"
_LIBRARIES = ("torch", "dgl", "numpy", "scipy", "scikit-learn")
# What makes tables and draws has no part in metrics.
_OWN_PACKAGES = ("dgljoint", "dgljoint_plugins", "dgljoint_data", "dgljoint_bench.suites")
_VALIDATION = "validation"
_COSTS = ("seconds", "cpu_seconds", "peak_megabytes")


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One training of a job."""

    settings: dict[str, Any]
    config: dict[str, Any]  # full configuration of the run, plain values

    @property
    def run_config(self) -> RunConfig:
        """The configuration, checked."""
        return RunConfig.model_validate(self.config)


@dataclass(frozen=True, slots=True)
class Job:
    """What the process of a run is given, of values that fit into JSON."""

    key: Key
    folder: Path  # of the job; that of its run too, unless it has several trials
    # trainings, of which the one with the best validation score counts
    trials: tuple[TrialPlan, ...]
    data: Path
    split: str
    fold: int
    digest: str = ""  # of all that the metrics depend on; see digest_of
    data_digest: str = ""  # of the content of the cascade file
    split_digest: str = ""
    test_on: Path | None = None  # another cascade file that is tested on
    test_digest: str = ""  # of the content of that file, or ""
    deadlines: str = ""  # of early detection, or ""
    without_model: str = ""  # without trials: the `module:function` that gives metrics by row
    observed_share: float = 0.0  # of a cascade's posts that classifiers without a model see
    # classes, as the configurations of the trials have them
    labels: tuple[str, ...] = ()
    merge: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # versions and digests of sources; what others left in the folder gives way, unless it is empty
    program: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def runs(self) -> tuple[StoredRun, ...]:
        """The run of each trial."""
        if len(self.trials) == 1:
            return (StoredRun(self.folder),)
        return tuple(StoredRun(self.folder / f"trial{n}") for n in range(len(self.trials)))

    @property
    def files(self) -> tuple[Path, ...]:
        """Cascade files that it reads."""
        return (self.data, self.test_on) if self.test_on else (self.data,)

    @property
    def log(self) -> str | None:
        """What its process wrote, where that was anything."""
        file = self.folder / LOG
        return str(file) if file.is_file() and file.stat().st_size else None

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2, default=str) + "\n"


def read_job(folder: Path) -> Job:
    """Read the job of a folder."""
    return TypeAdapter(Job).validate_json((folder / JOB).read_bytes())


def digest_of(job: Job) -> str:
    """Return the digest of all that the metrics depend on; where the data are is no part of it."""
    asked: dict[str, Any] = {
        "trials": [
            {name: value for name, value in trial.config.items() if name != "data"}
            for trial in job.trials
        ],
        "data": job.data_digest,
        "split": job.split_digest,
        "fold": job.fold,
        "observed_share": job.observed_share,
        "classes": [job.labels, job.merge],
        "test_on": job.test_digest or None,
        "deadlines": job.deadlines,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def program_of(plugins: Iterable[PluginEntry]) -> dict[str, str]:
    """Return versions of libraries and digests of sources, by name."""
    packages = {_OWN: set(_OWN_PACKAGES)}
    for entry in plugins:
        if entry.distribution != _OWN:
            packages.setdefault(entry.distribution, set()).add(entry.module.partition(".")[0])
    return _library_versions() | {
        f"source of {name}": _digest_of_sources(tuple(sorted(some)))
        for name, some in packages.items()
    }


@cache
def _library_versions() -> dict[str, str]:
    installed = {one.name.lower(): one.version for one in metadata.distributions()}
    return {name: installed[name] for name in _LIBRARIES if name in installed}


@cache
def _digest_of_sources(packages: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    for package in packages:
        for name, file in _sources(package):
            found.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return found.hexdigest()[:12]


def _sources(package: str) -> Iterable[tuple[str, Path]]:
    """Return the sources of a package or a module, by names that depend on no place."""
    spec = find_spec(package)
    if spec is None:
        return
    for folder in map(Path, spec.submodule_search_locations or ()):
        for file in sorted(folder.rglob("*.py")):
            yield f"{package}/{file.relative_to(folder).as_posix()}", file
    if not spec.submodule_search_locations and spec.origin and Path(spec.origin).is_file():
        yield package, Path(spec.origin)


def read_object(file: Path) -> dict[str, Any]:
    """Read what a process left; nothing where it is not there, or damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def belongs(job: Job) -> bool:
    """Return whether what the folder holds was left by this job and this program."""
    left = read_object(job.folder / JOB)
    return (left.get("digest"), left.get("program")) == (job.digest, job.program)


def read_record(job: Job) -> RunRecord | None:
    """Read the record of a job from its folder; ``None`` while it has not ended."""
    left = read_object(job.folder / RESULT)
    ended = not job.program or (belongs(job) and left.get("finished") is True)
    if not ended or (job.trials and not any(run.finished for run in job.runs)):
        return None
    costs: dict[str, Any] = {name: left.get(name) for name in _COSTS}
    rows = left.get("figures", {})
    if not job.trials:
        # Classifiers are fitted on the indices of the other folds, and select nothing.
        return RunRecord(
            job.key, job.digest, DONE, versions=job.program, figures=rows, tests_seen=0, **costs
        )
    scores, place = scored_trials(job)
    record = record_of(job.runs[place], job.key)
    figures = {} if job.test_on else record.figures
    seen = [job.runs[number].test_cascades_seen() for number in scores]
    return replace(
        record,
        digest=job.digest,
        versions={**record.versions, **job.program},
        figures={**figures, **{row: {**figures.get(row, {}), **rows[row]} for row in rows}},
        trials=tuple(
            Trial(trial.settings, scores.get(number), len(run.records()), number == place)
            for number, (trial, run) in enumerate(zip(job.trials, job.runs, strict=True))
        ),
        tests_seen=None if None in seen else max(one or 0 for one in seen),
        log=job.log,
        **costs,
    )


def scored_trials(job: Job) -> tuple[dict[int, float], int]:
    """Return the validation score of each trial that has ended, and which trial is the best.

    A trial that diverged has none; the metrics on the test set have no part in it.
    """
    scores = {
        number: selection_score(run.typed_scores()[_VALIDATION])
        for number, run in enumerate(job.runs) if run.finished
    }
    return scores, max(scores, key=lambda number: scores[number])
