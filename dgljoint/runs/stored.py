"""What a run folder says of its run, read without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dgljoint.config import RunConfig, resolve_config
from dgljoint.errors import DataError
from dgljoint.evaluation.figures import figures_of
from dgljoint.evaluation.scores import Scores

TEST = "test"
PREDICTIONS = "predictions.csv"
REPORT = "report.html"
CARD = "model_card.md"


class StoredRun:
    """The readable files of a run folder.

    ``config.toml`` (resolved; repeats the run), ``manifest.json`` (versions, plugins, data),
    ``metrics.jsonl`` (a line an epoch), and at the end ``predictions.csv`` (a line a cascade of the
    validation and the test part), ``scores.json``, and for people ``report.html`` and
    ``model_card.md``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._features = path / "features.safetensors"
        self._metrics = path / "metrics.jsonl"
        self._last = path / "checkpoints" / "last.safetensors"
        self._best = path / "checkpoints" / "best.safetensors"
        self._predictions = path / PREDICTIONS
        self._scores = path / "scores.json"

    @property
    def finished(self) -> bool:
        """Whether a run ended here, with its figures."""
        return self._scores.is_file()

    @property
    def resumable(self) -> bool:
        """Whether there is a state to go on from."""
        return self._last.is_file()

    def config(self) -> RunConfig:
        """Read the run's configuration.

        Raises:
            DataError: this is no run folder.
            UsageError: the file is not TOML, or holds settings that this version does not know.
        """
        file = self.path / "config.toml"
        if not file.is_file():
            raise DataError(f"{self.path} is no run folder: it has no config.toml")
        return resolve_config(file=file)

    def manifest(self) -> dict[str, Any]:
        """Read the run's description.

        Raises:
            DataError: it is missing or damaged.
        """
        return _read_object(self.path / "manifest.json")

    def scores(self) -> dict[str, Any]:
        """Read the final figures, plain values by part.

        Raises:
            DataError: the run has not ended, or the file is damaged.
        """
        self.config()
        if not self.finished:
            raise DataError(
                f"{self.path} has no scores.json: its run has not ended",
                hint=f"go on with: dgljoint train --resume --out {self.path}",
            )
        return _read_object(self._scores)

    def typed_scores(self) -> dict[str, Scores]:
        """Read the final figures by part.

        Raises:
            DataError: as :meth:`scores`, or they are of another form.
        """
        try:
            return TypeAdapter(dict[str, Scores]).validate_python(self.scores())
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            raise DataError(
                f"{self.path}: scores.json is not readable ({place}: {problem['msg']})"
            ) from None

    def figures(self, part: str = TEST) -> dict[str, float]:
        """Read the model's final figures on a part, by short name.

        Raises:
            DataError: as :meth:`scores`, or the file holds no figures of that part.
        """
        try:
            return figures_of(self.scores()[part])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{self.path}: scores.json holds no figures of the {part} part"
            ) from error

    def records(self) -> list[dict[str, Any]]:
        """Read the epochs' lines, plain values in the form of an ``EpochRecord``.

        A last line without an end is left out: its run was killed while it wrote, and writes it
        again when it goes on.

        Raises:
            DataError: they are missing or damaged.
        """
        try:
            lines = self._metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            found = [json.loads(line) for line in lines if line.endswith("\n")]
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{self._metrics} is not readable ({error})") from error
        if not all(isinstance(record, dict) for record in found):
            raise DataError(f"{self._metrics} is not readable: a line is no object")
        return found


def section(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return a table inside plain values; an empty one where there is none."""
    for name in path:
        found = tree.get(name)
        tree = found if isinstance(found, Mapping) else {}
    return tree


def number(value: object) -> float | None:
    """Return a value that is a finite number; ``None`` for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # JSON has integers of any length
        return None
    return found if math.isfinite(found) else None


def text(value: object) -> str | None:
    """Return a value that is text, on one line; ``None`` for what is none."""
    return " ".join(value.split()) if isinstance(value, str) else None


def _read_object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file.parent}: {file.name} is not readable ({error})") from error
    if not isinstance(found, dict):
        raise DataError(f"{file.parent}: {file.name} is not readable")
    return found
