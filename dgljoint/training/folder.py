"""The run folder: the files that a run leaves behind, and those that it resumes from."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from dgljoint._internal.files import is_leftover, remove_leftovers, write_bytes, write_text, writing
from dgljoint._version import __version__
from dgljoint.config.run_config import RunConfig, dump_config
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.scores import Scores
from dgljoint.plugins.selection import Selection
from dgljoint.runs.folders import check_own
from dgljoint.runs.stored import CARD, IDLE, PARTS, REPORT, SEEN, StoredRun, section
from dgljoint.training.callbacks import EpochRecord
from dgljoint.training.checkpoint import load_tree, save_tree

_PACKAGES = ("torch", "dgl", "numpy", "h5py", "pluggy", "scikit-learn", "scipy")
# The metrics of a run may depend on these to the last bit.
_COMPUTING = ("torch", "dgl", "numpy", "scipy")


@dataclass(frozen=True, slots=True)
class RunFeatures:
    """What a model needs to read data: what was fitted to the features, and the classes.

    ``trained`` are the classes that a training cascade has; none without the rumor task.
    """

    fitted: dict[str, Any]
    label_names: tuple[str, ...]
    trained: tuple[str, ...]

    @property
    def untrained(self) -> tuple[int, ...]:
        """Numbers of the classes that are never predicted."""
        names = self.label_names
        return tuple(number for number, name in enumerate(names) if name not in self.trained)


class RunFolder(StoredRun):
    """The files of one run: those it is read by, and the checkpoints.

    ``checkpoints/last.safetensors`` is the state to resume from, ``checkpoints/best.safetensors``
    the selected model, ``features.safetensors`` the words and scales fitted on the training set.
    """

    def create(
        self, config: RunConfig, selection: Selection, store: CascadeStore, split: StoredSplit,
        parts: Mapping[str, int], *, parameters: int, trained: Mapping[str, Sequence[str]],
    ) -> None:
        """Describe a new run in the folder, and remove the results of an earlier one.

        Killed at any moment, the folder describes either nothing or the run that was begun.
        """
        write_text(self._starting, dump_config(config))
        with writing(self.path):
            self._last.parent.mkdir(exist_ok=True)
        self.clear()
        self._write_json(
            self._manifest,
            describe_run(config, selection, store, split, parts, parameters, trained),
        )
        with writing(self.path):
            self._starting.replace(self._config)

    def clear(self) -> None:
        """Remove the results of an earlier run."""
        with writing(self.path):
            # In this order: a run whose removal is cut short must not be resumed.
            for file in (
                self._scores, self._predictions, self._last, self._best, self._metrics,
                self.path / PARTS, self.path / REPORT, self.path / CARD,
            ):
                file.unlink(missing_ok=True)

    def refuse_others(self) -> None:
        """Raise :class:`UsageError` where a new run would have to replace something."""
        with writing(self.path):
            occupied = self.path.exists() and (
                not self.path.is_dir()
                or not all(is_leftover(file) for file in self.path.iterdir())
            )
        if occupied:
            resume = "continue with --resume, " if self.started else ""
            raise UsageError(
                f"{self.path} is not empty",
                hint=f"{resume}start over with --force, or choose another --out",
            )

    @property
    def has_state(self) -> bool:
        """Whether a state was saved to resume from."""
        if self.resumable or self._starting.exists():
            return self.resumable
        # The line of the first epoch is written before its state.
        if self.finished or (self._metrics.exists() and len(self._lines()) > 1):
            raise DataError(
                f"{self.path} has nothing to resume from: {self._last.name} is gone",
                hint="start over with --force",
            )
        return False

    def remove_leftovers(self) -> None:
        """Remove what killed processes were writing; call it when none works here."""
        for folder in (self.path, self._last.parent):
            remove_leftovers(folder)

    def changed_versions(self, selection: Selection) -> list[str]:
        """Describe what is installed in another version than the run began with."""
        before, now = _versions(self.manifest()), _versions(_installed(selection))
        return [
            f"{name} {before[name]}, now {version}"
            for name, version in now.items()
            if before.get(name, version) != version
        ]

    def check_data(self, store: CascadeStore, split: StoredSplit) -> None:
        """Raise :class:`DataError` unless ``store`` holds what the run was trained on.

        That is its cascades and the run's own split: others may have been added or taken out.
        """
        found, manifest = store.content_digest, self.manifest()
        expected = section(manifest, "data").get("content_digest")
        if expected != found:
            raise DataError(
                f"{store.path} is not the data this run was trained on: digest {found}, "
                f"expected {expected}",
                hint="bring that file back, or train again",
            )
        divided = section(manifest, "split").get("digest")
        if divided != split.digest:
            raise DataError(
                f"split '{split.name}' of {store.path} is not the one this run was trained on: "
                f"digest {split.digest}, expected {divided}",
                hint="bring that split back, or train again",
            )

    def save_features(self, features: RunFeatures) -> None:
        """Write what the model needs to read any data that have its features."""
        save_tree(self._features, {
            "label_names": list(features.label_names), "trained": list(features.trained),
            "features": features.fitted,
        })

    def load_features(self) -> RunFeatures:
        """Read what :meth:`save_features` wrote."""
        self._refuse_without_epoch()
        if self.config() and not self._features.is_file():
            raise DataError(
                f"{self.path} has no {self._features.name}",
                hint=f"this writes it: {self.resume_command}",
            )
        tree = self._load(self._features)
        fitted, names, trained = (tree.get(key) for key in ("features", "label_names", "trained"))
        if not (
            isinstance(fitted, dict) and isinstance(names, list) and isinstance(trained, list)
            and {str(name) for name in trained} <= {str(name) for name in names}
        ):
            raise DataError(f"{self._features}: not the features of a run")
        return RunFeatures(fitted, tuple(map(str, names)), tuple(map(str, trained)))

    def _refuse_without_epoch(self) -> None:
        """Refuse a run that has no model to use yet."""
        ended = self.finished or self._best.exists() or (self._metrics.exists() and self._lines())
        if self.config_file and not ended:
            raise DataError(
                f"{self.path} has no model yet: no epoch of its run has ended",
                hint=f"continue with: {self.resume_command}",
            )

    def save_parts(self, table: str) -> None:
        """Write which cascade is in which set, as CSV."""
        write_text(self.path / PARTS, table)

    def append(self, record: EpochRecord) -> None:
        """Add an epoch's line."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with writing(self._metrics), open(  # no link is followed
            self._metrics, "a", encoding="utf-8",
            opener=lambda path, _: os.open(path, flags, 0o666),
        ) as file:
            file.write(json.dumps(record.to_dict()) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep_epochs(self, epochs: int) -> None:
        """Drop the lines of epochs after ``epochs``: a killed run may have written one, or half."""
        if not epochs and not self._metrics.exists():
            return
        lines = self._lines()
        if len(lines) < epochs:
            raise DataError(
                f"{self._metrics} has the lines of {len(lines)} epochs, but {epochs} have ended",
                hint="bring the file back, or start over with --force",
            )
        write_bytes(self._metrics, b"".join(line + b"\n" for line in lines[:epochs]))

    def save_last(self, state: dict[str, Any]) -> None:
        """Replace the state to resume from."""
        save_tree(self._last, state)

    def load_last(self) -> dict[str, Any]:
        """Read the state to resume from."""
        return self._load(self._last)

    def save_best(self, model: dict[str, Any], epoch: int) -> None:
        """Replace the selected model."""
        save_tree(self._best, {"model": model, "epoch": epoch})

    def load_best(self) -> dict[str, Any]:
        """Read the selected model: its parameters under ``model``, its number under ``epoch``."""
        self._refuse_without_epoch()
        return self._load(self._best)

    def record_seen(self, seen: Mapping[str, int], idle: Sequence[str]) -> None:
        """Add to the manifest what the run read before it was scored on the test set.

        ``idle`` are the interactions that had no part in what was trained.
        """
        manifest = self.manifest()
        trained = dict(section(manifest, "trained"))
        if idle:
            trained[IDLE] = list(idle)
        self._write_json(self._manifest, {**manifest, "trained": trained, SEEN: dict(seen)})

    def save_predictions(self, table: str) -> None:
        """Write the predictions of the selected model, before its scores."""
        write_text(self._predictions, table)

    def save_scores(self, scores: tuple[Scores, ...]) -> None:
        """Write the final metrics by set."""
        self._write_json(self._scores, {part.part: part.to_dict() for part in scores})

    def _write_json(self, file: Path, content: Mapping[str, Any]) -> None:
        write_text(file, json.dumps(content, indent=2) + "\n")

    def _load(self, file: Path) -> dict[str, Any]:
        check_own(self.path, file)
        return load_tree(file)


def _installed(selection: Selection) -> dict[str, Any]:
    """Return the versions for a manifest."""
    return {
        "dgljoint": __version__,
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "plugins": [
            {
                "kind": component.spec.kind, "name": component.spec.name,
                "distribution": component.entry.distribution, "version": component.entry.version,
                "summary": component.spec.summary,
                "reference": asdict(component.spec.reference) if component.spec.reference else None,
            }
            for component in selection.components
        ],
    }


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of everything in a manifest that computes, by its name in messages."""
    packages = section(manifest, "packages")
    found = {name: str(packages[name]) for name in _COMPUTING if name in packages}
    if "dgljoint" in manifest:
        found["dgljoint"] = str(manifest["dgljoint"])
    plugins = manifest.get("plugins")
    for plugin in plugins if isinstance(plugins, list) else ():
        if isinstance(plugin, dict):
            version = f"{plugin.get('distribution')} {plugin.get('version')}"
            found[f"plugin '{plugin.get('name')}':"] = version
    return found


def describe_run(
    config: RunConfig, selection: Selection, store: CascadeStore, split: StoredSplit,
    parts: Mapping[str, int], parameters: int, trained: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Return the content of the manifest."""
    return {
        **_installed(selection),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "data": {
            "name": store.name, "path": str(store.path), "digest": store.digest,
            "content_digest": store.content_digest, "cascades": len(store), "posts": store.posts,
            "labels": list(store.label_names),
        },
        "split": {
            "name": split.name, "digest": split.digest, "folds": split.folds,
            "kept_apart": store.kept_apart(split.name), "ordered_by": split.ordered_by,
        },
        "parts": dict(parts),
        "trained": {name: list(values) for name, values in trained.items()},
        "seed": config.seed, "parameters": parameters, "git": _git_revision(),
    }


def _git_revision() -> str | None:
    """Return the revision of the working directory, where the user's own code may be."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607  # whichever git they use
            capture_output=True, text=True, timeout=10, check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
