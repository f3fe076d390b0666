"""Read what a run folder contains, without torch."""

import csv
import io
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import resolve_config
from dgljoint.errors import DataError
from dgljoint.evaluation.scores import Scores, figures_of
from dgljoint.runs.folders import check_own, no_run, parse_object, read_plain

TEST = "test"
PREDICTIONS = "predictions.csv"
PARTS = "parts.csv"
REPORT = "report.html"
CARD = "model_card.md"
SEEN = "seen_before_test"
IDLE = "idle"
NOT_APART = "EVENTS NOT KEPT APART"  # what must be known of metrics on events that were trained on

_PROBABILITY = "p_"  # begins the columns of predictions.csv, one per class
_GROUPS = ("losses", "weights", "diagnostics", "validation")


class StoredRun:
    """The readable files of a run folder.

    ``config.toml``, ``manifest.json`` (versions, plugins, data), ``parts.csv`` (which cascade is
    in which set), ``metrics.jsonl`` (one line per epoch), and at the end ``predictions.csv``,
    ``scores.json``, and for people ``report.html`` and ``model_card.md``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._config = path / "config.toml"
        # The configuration of a run that is being set up; it becomes config.toml when all is there.
        self._starting = path / ".starting.toml"
        self._manifest = path / "manifest.json"
        self._features = path / "features.safetensors"
        self._metrics = path / "metrics.jsonl"
        self._last = path / "checkpoints" / "last.safetensors"
        self._best = path / "checkpoints" / "best.safetensors"
        self._predictions = path / PREDICTIONS
        self._scores = path / "scores.json"

    @property
    def finished(self) -> bool:
        """Whether a run ended here, with its figures."""
        return self._scores.is_file() and not self._starting.exists()

    @property
    def written(self) -> float:
        """When a figure was last written, or else the configuration, in seconds since 1970."""
        files = (self._scores, self._metrics, self.config_file)
        return next(file for file in files if file.is_file()).stat().st_mtime

    @property
    def resumable(self) -> bool:
        """Whether there is a state to go on from."""
        return self._last.is_file() and not self._starting.exists()

    @property
    def started(self) -> bool:
        """Whether a run began here; a killed one may have left nothing but its configuration."""
        return self._config.exists() or self._starting.exists()

    @property
    def resume_command(self) -> str:
        """The command that continues the run."""
        return f"dgljoint train --resume --out {shlex.quote(str(self.path))}"

    @property
    def config_file(self) -> Path:
        """Where the run's configuration is written."""
        file = self._starting if self._starting.exists() else self._config
        if not self.started:
            raise no_run(self.path)
        check_own(self.path, file)
        return file

    def config(self) -> RunConfig:
        """Read the run's configuration."""
        return resolve_config(file=self.config_file)

    def manifest(self) -> dict[str, Any]:
        """Read the run's description."""
        found = self._read_object(self._manifest)
        plugins = found.get("plugins", [])
        if not (isinstance(plugins, list) and all(isinstance(one, dict) for one in plugins)):
            raise DataError(f"{self.path}: manifest.json is not readable: plugins is malformed")
        return found

    def versions(self) -> dict[str, str]:
        """Return the versions that the run began with: of Python, packages and plugins."""
        manifest = self.manifest()
        named = {name: manifest[name] for name in ("dgljoint", "python") if name in manifest}
        plugins = {
            f"plugin {one.get('name')}": f"{one.get('distribution')} {one.get('version')}"
            for one in tables(manifest.get("plugins"))
        }
        found = named | dict(section(manifest, "packages")) | plugins
        return {name: str(version) for name, version in found.items()}

    def test_cascades_seen(self) -> int | None:
        """Return how many cascades of the test set the run had read before it was scored on them.

        0 unless something is wrong; ``None`` where it is not on record: the run has not ended, or
        an earlier version made or began it.
        """
        if not self.finished:
            return None
        found = section(self.manifest(), SEEN).get("of_the_test_part")
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def idle_interactions(self) -> list[str]:
        """Name the interactions that had no part in what was trained, as far as it is on record."""
        found = section(self.manifest(), "trained").get(IDLE)
        return list(map(str, found)) if isinstance(found, list) else []

    def scores(self) -> dict[str, Any]:
        """Read the final figures, plain values by part."""
        if self.config_file and not self.finished:
            raise DataError(
                f"{self.path} has no scores.json: its run has not ended",
                hint=f"continue with: {self.resume_command}",
            )
        return self._read_object(self._scores)

    def typed_scores(self) -> dict[str, Scores]:
        """Read the final figures by part."""
        try:
            return TypeAdapter(dict[str, Scores]).validate_python(self.scores())
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            raise DataError(
                f"{self.path}: scores.json is not readable ({place}: {problem['msg']})"
            ) from None

    def figures(self, part: str = TEST) -> dict[str, float]:
        """Read the model's final figures on a part, by short name."""
        try:
            return figures_of(self.scores()[part])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{self.path}: scores.json holds no figures of the {part} part"
            ) from error

    def records(self) -> list[dict[str, Any]]:
        """Read the epochs' lines, plain values in the form of an ``EpochRecord``.

        A last line without an end is left out: its run was killed while it wrote, and writes it
        again when it continues.
        """
        return [
            _checked(parse_object(line, where := f"{self._metrics}: line {number}"), where)
            for number, line in enumerate(self._lines(), 1)
        ]

    def _lines(self) -> list[bytes]:
        return read_plain(self.path, self._metrics).split(b"\n")[:-1]

    def _read_object(self, file: Path) -> dict[str, Any]:
        return parse_object(read_plain(self.path, file), f"{self.path}: {file.name}")


def _checked(record: dict[str, Any], where: str) -> dict[str, Any]:
    """Refuse an epoch whose groups of figures are none; it may lack any."""
    for name in _GROUPS:
        group = record.get(name, {})
        figures = group.values() if isinstance(group, dict) else [None]
        if not all(isinstance(figure, int | float) for figure in figures):
            raise DataError(f"{where} is not readable: {name} is malformed")
    return record


def section(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return a table inside plain values; an empty one where there is none."""
    for name in path:
        found = tree.get(name)
        tree = found if isinstance(found, Mapping) else {}
    return tree


def tables(value: object) -> list[Mapping[str, Any]]:
    """Return the tables of a list; none where it is no list."""
    rows = value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, Mapping)]


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


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the parts of a run were cut."""

    data: str
    split: str
    fold: int  # that is the test set
    disjoint: str | None  # what is never on both sides; `None` for random folds
    ordered: bool = False  # whether the test set is later than what was trained on, class by class
    known: bool = True  # whether it is on record what was kept apart
    classes: str = ""  # of the run, where they are not those of the data

    def __str__(self) -> str:
        return f"{self.data}, split {self.split}, fold {self.fold}: {self.kept}"

    @property
    def kept(self) -> str:
        """What keeps the sets apart, in capitals where nothing does; the classes chosen."""
        return self._kept_apart + (f"; classes {self.classes}" if self.classes else "")

    @property
    def _kept_apart(self) -> str:
        if not self.known:
            return "not on record whether events are kept apart"
        if self.ordered:
            return f"each class tested on its later cascades, {NOT_APART}"
        return f"no {self.disjoint} on both sides" if self.disjoint else "RANDOM FOLDS"


def recorded_protocol(config: RunConfig, manifest: Mapping[str, Any]) -> Protocol:
    """Return the protocol of a run by its folder, without its data."""
    split = section(manifest, "split")
    return Protocol(
        data=text(section(manifest, "data").get("name")) or "unnamed data", split=config.split,
        fold=config.fold, disjoint=text(split.get("kept_apart")),
        ordered=bool(split.get("ordered_by")), known="kept_apart" in split, classes=config.classes,
    )


@dataclass(frozen=True, slots=True)
class Prediction:
    """A row: a cascade and its prediction. ``None`` where there was nothing to predict."""

    cascade: str
    event: str
    label: str | None
    predicted: str | None
    confidence: float | None  # the probability of the predicted class
    observed: int  # posts the rumor head read
    targets: int  # link targets
    mrr: float | None  # mean reciprocal rank of their parents


@dataclass(frozen=True, slots=True)
class StoredPredictions:
    """The predictions for a set of cascades: the names of the classes, and one row per cascade.

    The classes are those that a cascade of the set has or that can be predicted, as in macro F1.
    """

    labels: tuple[str, ...]
    lines: tuple[Prediction, ...]


def read_predictions(run: StoredRun, part: str = TEST) -> StoredPredictions | None:
    """Read the predictions for a set of cascades; ``None`` where the run wrote no such file."""
    file = run.path / PREDICTIONS
    if not file.exists():
        return None
    content = read_plain(run.path, file)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
        labels = tuple(
            name.removeprefix(_PROBABILITY)
            for name in reader.fieldnames or ()
            if name.startswith(_PROBABILITY)
        )
        rows = [row for row in reader if row["part"] == part]
        lines = tuple(map(_line, rows))
    except (csv.Error, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{file} is not readable ({type(error).__name__}: {error})") from error
    present = {line.label for line in lines}
    counted = (
        label for label in labels
        if label in present or any(row[_PROBABILITY + label] for row in rows)
    )
    return StoredPredictions(tuple(counted), lines)


def _line(row: Mapping[str, str]) -> Prediction:
    predicted = row["predicted"] or None
    return Prediction(
        cascade=row["cascade"], event=row["event"], label=row["label"] or None, predicted=predicted,
        confidence=_share(row[_PROBABILITY + predicted]) if predicted else None,
        observed=_count(row["observed_posts"]), targets=_count(row["targets"] or "0"),
        mrr=_share(row["mrr"]) if row["mrr"] else None,
    )


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:  # neither is what is no number
        raise ValueError(f"{text} is not between 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1 << 31:
        raise ValueError(f"{text} is no number of posts")
    return value
