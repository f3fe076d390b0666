"""The run folder: what a run leaves behind, and what it goes on from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from typing import Any

from dgljoint._version import __version__
from dgljoint.config import RunConfig, dump_config
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.scores import Scores
from dgljoint.files import write_text, writing
from dgljoint.plugins.selection import Selection
from dgljoint.runs.stored import CARD, REPORT, StoredRun, section
from dgljoint.store import CascadeStore, StoredSplit
from dgljoint.training.checkpoint import load_tree, save_tree
from dgljoint.training.record import EpochRecord


class RunFolder(StoredRun):
    """The files of one run: those it is read by, and the checkpoints.

    ``checkpoints/last.safetensors`` is the state to go on from, ``checkpoints/best.safetensors``
    the selected model, ``features.safetensors`` the words and scales fitted on the training part.
    """

    def create(
        self,
        config: RunConfig,
        selection: Selection,
        store: CascadeStore,
        split: StoredSplit,
        parts: Mapping[str, int],
        *,
        parameters: int,
        force: bool,
    ) -> None:
        """Make a fresh folder and describe the run in it.

        Args:
            config: of the run.
            selection: its components.
            store: its data.
            split: how they are divided.
            parts: cascades in each part.
            parameters: trainable numbers of the model.
            force: replace what an earlier run left.

        Raises:
            UsageError: there is something in the folder, and ``force`` is false.
            RunFailedError: the file system refuses.
        """
        with writing(self.path):
            occupied = self.path.exists() and (
                not self.path.is_dir() or any(self.path.iterdir())
            )
        if occupied and not force:
            raise UsageError(
                f"{self.path} is not empty",
                hint="go on with --resume, start over with --force, or choose another --out",
            )
        with writing(self.path):
            self._last.parent.mkdir(parents=True, exist_ok=True)
        self.clear()
        write_text(self.path / "config.toml", dump_config(config))
        manifest = describe_run(config, selection, store, split, parts, parameters)
        write_text(self.path / "manifest.json", json.dumps(manifest, indent=2) + "\n")

    def clear(self) -> None:
        """Take away what an earlier run came to.

        Raises:
            RunFailedError: the file system refuses.
        """
        with writing(self.path):
            # In this order: a run whose removal is cut short must not be gone on with.
            for file in (
                self._scores, self._predictions, self._last, self._best, self._metrics,
                self.path / REPORT, self.path / CARD,
            ):
                file.unlink(missing_ok=True)

    def check_data(self, store: CascadeStore, split: StoredSplit) -> None:
        """Raise :class:`DataError` unless ``store`` holds what the run was trained on.

        That is its cascades and the run's own split: others may have been added or taken out.
        """
        data = section(self.manifest(), "data")
        # The first runs pinned the file as a whole.
        known = "content_digest" in data
        found = store.content_digest if known else store.digest
        expected = data.get("content_digest" if known else "digest")
        if expected != found:
            raise DataError(
                f"{store.path} is not the data this run was trained on: digest {found}, "
                f"expected {expected}",
                hint="bring that file back, or train again",
            )
        divided = section(self.manifest(), "split").get("digest")
        if known and divided != split.digest:
            raise DataError(
                f"split '{split.name}' of {store.path} is not the one this run was trained on: "
                f"digest {split.digest}, expected {divided}",
                hint="bring that split back, or train again",
            )

    def save_features(self, fitted: dict[str, Any], label_names: tuple[str, ...]) -> None:
        """Write what was fitted to the features, and the classes.

        With them the model reads any data that have the features, without those it was trained on.
        """
        save_tree(self._features, {"label_names": list(label_names), "features": fitted})

    def load_features(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Read what was fitted to the features, and the classes.

        Raises:
            DataError: the file is missing or damaged.
        """
        if self.config() and not self._features.is_file():
            raise DataError(
                f"{self.path} has no {self._features.name}: an earlier version made the run",
                hint=f"this writes it: dgljoint train --resume --out {self.path}",
            )
        tree = load_tree(self._features)
        fitted, names = tree.get("features"), tree.get("label_names")
        if not isinstance(fitted, dict) or not isinstance(names, list) or not names:
            raise DataError(f"{self._features}: not the features of a run")
        return fitted, tuple(map(str, names))

    def append(self, record: EpochRecord) -> None:
        """Add an epoch's line."""
        with writing(self._metrics), self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record.to_dict()) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep_epochs(self, epochs: int) -> None:
        """Drop the lines of epochs after ``epochs``: a killed run may have written one."""
        if self._metrics.exists():
            lines = self._metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(self._metrics, "".join(lines[:epochs]))

    def save_last(self, state: dict[str, Any]) -> None:
        """Replace the state to go on from."""
        save_tree(self._last, state)

    def load_last(self) -> dict[str, Any]:
        """Read the state to go on from.

        Raises:
            DataError: there is none, or it is damaged.
        """
        if not self._last.exists():
            raise DataError(
                f"{self.path} has nothing to go on from: its first epoch did not end",
                hint="start over with --force",
            )
        return load_tree(self._last)

    def save_best(self, model: dict[str, Any], epoch: int) -> None:
        """Replace the selected model."""
        save_tree(self._best, {"model": model, "epoch": epoch})

    def load_best(self) -> dict[str, Any]:
        """Read the selected model: its parameters under ``model``, its number under ``epoch``.

        Raises:
            DataError: there is none, or it is damaged.
        """
        return load_tree(self._best)

    def save_predictions(self, table: str) -> None:
        """Write what the selected model says of every cascade; before the final figures."""
        write_text(self._predictions, table)

    def save_scores(self, scores: tuple[Scores, ...]) -> None:
        """Write the final figures by part."""
        found = {part.part: part.to_dict() for part in scores}
        write_text(self._scores, json.dumps(found, indent=2) + "\n")


def describe_run(
    config: RunConfig, selection: Selection, store: CascadeStore, split: StoredSplit,
    parts: Mapping[str, int], parameters: int,
) -> dict[str, Any]:
    """Return what the manifest says."""
    packages = ("torch", "dgl", "numpy", "h5py", "pluggy", "scikit-learn", "scipy")
    return {
        "dgljoint": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in packages},
        "plugins": [
            {
                "kind": component.spec.kind,
                "name": component.spec.name,
                "distribution": component.entry.distribution,
                "version": component.entry.version,
                "summary": component.spec.summary,
                "reference": asdict(component.spec.reference) if component.spec.reference else None,
            }
            for component in selection.components
        ],
        "data": {
            "name": store.name,
            "path": str(store.path),
            "digest": store.digest,
            "content_digest": store.content_digest,
            "cascades": len(store),
            "posts": store.posts,
            "labels": list(store.label_names),
        },
        "split": {
            "name": split.name,
            "digest": split.digest,
            "folds": split.folds,
            "kept_apart": store.kept_apart(split.name),
            "ordered_by": split.ordered_by,
        },
        "parts": dict(parts),
        "seed": config.seed,
        "parameters": parameters,
        "git": _git_revision(),
    }


def _git_revision() -> str | None:
    """Return the revision of the working directory, where the user's own code may stand."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607  # whichever git they use
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
