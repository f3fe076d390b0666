"""What the process of a cell is told, and what it answers: plain values that fit into JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

OUTCOME = "outcome.json"
JOB = "job.json"
HELD = ".held"
LOG = "log.txt"
SPENT = "spent.json"
STOP = "stop"


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One run of a cell.

    Attributes:
        settings: what the trial sets.
        config: full configuration of the run, plain values.
    """

    settings: dict[str, Any]
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for one cell.

    Attributes:
        digest: of all that the figures hang on.
        folder: of the cell.
        trials: runs, of which the one with the best validation score counts; none for what needs
            no model.
        data: cascade file.
        split: name of its split.
        fold: that is tested.
        observed_share: of a cascade's posts that classifiers without a model see.
        data_digest: of the content of that file.
        split_digest: of the split.
        test_on: another cascade file that is tested on, or "".
        test_digest: of the content of that file, or "".
        deadlines: of early detection, or "".
        program: that the cell was planned with: versions and digests of sources. Figures of
            another one stand where they were recorded, but no run of it is gone on with.
        device: to compute on.
    """

    digest: str
    folder: str
    trials: tuple[TrialPlan, ...]
    data: str
    split: str
    fold: int
    observed_share: float
    data_digest: str
    split_digest: str
    test_on: str = ""
    test_digest: str = ""
    deadlines: str = ""
    program: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def path(self) -> Path:
        """The folder of the cell."""
        return Path(self.folder)

    @property
    def files(self) -> tuple[str, ...]:
        """Cascade files that it reads."""
        return (self.data, self.test_on) if self.test_on else (self.data,)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Take plain values back."""
        trials = tuple(TrialPlan(**trial) for trial in values["trials"])
        return cls(**{**values, "trials": trials})
