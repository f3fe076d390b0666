"""What the results file holds, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MODEL = "model"
"""The row of a cell's figures that its model scored; the others are guesses' and classifiers'."""
NO_MODEL = ""
"""The configuration of the cells that train no model: classifiers that see one thing alone."""
DONE, FAILED = "done", "failed"


@dataclass(frozen=True, slots=True)
class Key:
    """Which cell of a results file.

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
        if self.configuration == NO_MODEL:
            return f"{self.data}, without a model, fold {self.fold}"
        return f"{self.data}, {self.configuration}, fold {self.fold}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A table of a suite: a data set and how it is cut. ``schema.sql`` says what each field is."""

    name: str
    data: str
    cascades: int
    posts: int
    digest: str
    split: str
    split_digest: str
    kept_apart: str | None
    ordered: bool
    folds: int
    test_on: str | None = None
    test_digest: str | None = None
    test_shared: int | None = None

    @property
    def content(self) -> tuple[str | None, ...]:
        """Digests of all that it was cut from and by."""
        return self.digest, self.split_digest, self.test_digest

    @property
    def caution(self) -> str:
        """The protocol where events are not kept apart, which must stand beside the name."""
        apart = self.kept_apart and not self.ordered and self.test_on is None
        return "" if apart else self.protocol

    @property
    def protocol(self) -> str:
        """How the data are cut, which every figure must be read with."""
        if self.ordered:
            kept = "each class tested on its later cascades, EVENTS NOT KEPT APART"
        else:
            kept = f"no {self.kept_apart} on both sides" if self.kept_apart else "RANDOM FOLDS"
        if self.test_on is None:
            return f"split {self.split}: {kept}"
        return (
            f"trained on {self.data} but for one fold (split {self.split}), tested on "
            f"{self.test_on} without the {self.test_shared} cascades that both hold: EVENTS NOT "
            "KEPT APART"
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """What was tried in a cell.

    Attributes:
        settings: that the trial sets.
        validation: score of its selected epoch on the validation part; ``None`` if it diverged.
        epochs: trained.
        chosen: whether the cell's figures are its.
    """

    settings: dict[str, Any]
    validation: float | None
    epochs: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class CellRecord:
    """What a cell came to.

    Attributes:
        key: which cell.
        digest: of all that its figures hang on.
        state: ``done`` or ``failed``.
        config: full configuration of the chosen trial; empty without a model.
        versions: of Python, packages and plugins.
        figures: of the test part by row and short name.
        trials: in order; none without a model.
        curve: of the chosen trial, a mapping of figures an epoch.
        seconds: of its process.
        cpu_seconds: that it computed.
        peak_megabytes: most memory resident at once.
        parameters: trainable ones of the model.
        best_epoch: selected on the validation part, from 1.
        tests_seen: test cascades read before selection ended.
        message: why it failed.
        hint: what mends it.
        exit_code: 0 unless it failed.
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

    @property
    def epochs(self) -> int:
        """Epochs trained, of all trials."""
        return sum(trial.epochs for trial in self.trials)


def done_cells(cells: Iterable[CellRecord]) -> list[CellRecord]:
    """Return the cells that have figures."""
    return [cell for cell in cells if cell.state == DONE]
