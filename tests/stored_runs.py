"""Run folders as training leaves them, written without training."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgljoint.config.run_config import dump_config
from dgljoint.config.sources import resolve_config
from dgljoint.evaluation.scores import (
    Bin,
    Calibration,
    ClassPair,
    Intervals,
    LinkScores,
    LinkTable,
    Reliability,
    RumorScores,
    Scores,
)

LABELS = ("true", "false")
Line = tuple[str, str, str, float, int, float]


def scores(part: str, accuracy: float = 0.5, mrr: float = 0.3) -> Scores:
    row = LinkScores(mrr, mrr / 2, mrr, mrr, 0.6)
    links = {"model": row, "source": LinkScores(0.45, 0.4, 0.45, 0.5, 0.6)}
    quality = Reliability(0.21, 0.9, 0.5, (Bin(0.5, 1.0, 8, 0.7, accuracy),))
    return Scores(
        part=part,
        rumor=RumorScores(
            8, accuracy, accuracy / 2, {"true": 0.5, "false": 0.1}, 0.6, 0.55,
            {"true": {"true": 3, "false": 1}, "false": {"true": 4, "false": 0}},
            0.58, {"true|false": ClassPair(0.58, 1234, 0.6, 5678)},
        ),
        links={
            "all": LinkTable(40, links),
            "parent is not the source": LinkTable(10, links),
        },
        seconds=0.1,
        intervals=Intervals(0.95, 2000, 0, {"accuracy": (0.2, 0.8)}, events=6),
        calibration=Calibration(8, quality, 1.5, quality),
    )


def record(epoch: int, *, best: bool = True, **validation: float) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "losses": {"cascade": 3 / epoch, "rumor": 1.5 / epoch},
        "weights": {"cascade": 0.4, "rumor": 0.6},
        "diagnostics": {"gradient_cosine": -0.1 * epoch},
        "validation": {"score": 0.3, "macro_f1": 0.2, "mrr": 0.4, **validation},
        "learning_rate": 0.001, "gradient_norm": 1.0, "best": best, "seconds": 0.5,
    }


def manifest(**changes: Any) -> dict[str, Any]:
    return {
        "dgljoint": "0.1.0", "python": "3.11.7", "platform": "Linux",
        "packages": {"torch": "2.13.0"},
        "plugins": [{
            "kind": "encoder", "name": "gcn", "distribution": "dgljoint", "version": "0.1.0",
            "summary": "graph convolutions",
            "reference": {"authors": "Kipf and Welling", "year": 2017, "title": "GCN",
                          "url": "https://arxiv.org/abs/1609.02907"},
        }],
        "data": {"name": "small", "path": "/data/small.h5", "content_digest": "d1",
                 "cascades": 40, "posts": 900, "labels": list(LABELS)},
        "split": {"name": "event", "digest": "s1", "folds": 5, "kept_apart": "event",
                  "ordered_by": ""},
        "parts": {"train": 24, "meta": 0, "validation": 8, "test": 8},
        "seed": 0, "parameters": 1234, "git": None,
        "seen_before_test": {"cascades": 32, "of_the_test_part": 0},
        **changes,
    }


def write_run(
    folder: Path,
    *assignments: str,
    accuracy: float = 0.5,
    mrr: float = 0.3,
    validated: tuple[float, float] = (0.5, 0.3),
    epochs: int = 3,
    finished: bool = True,
    described: dict[str, Any] | None = None,
    said: Sequence[Line] | None = None,
    **fields: Any,
) -> Path:
    """Write a run folder.

    Args:
        folder: where.
        assignments: settings, as ``-s`` takes them.
        accuracy: of the test part, macro F1 half of it.
        mrr: of the test part.
        validated: accuracy and MRR of the validation part, macro F1 half of the accuracy.
        epochs: that ended.
        finished: whether it has scores.
        described: changes to the manifest.
        said: lines of the predictions: cascade, true class, class said, its probability, targets
            and MRR.
        fields: of the configuration.
    """
    config = resolve_config(
        command_line={"data": "/data/small.h5", "encoder": "gcn", **fields},
        assignments=assignments,
    )
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.toml").write_text(dump_config(config))
    (folder / "manifest.json").write_text(json.dumps(manifest(**described or {})))
    if epochs:
        (folder / "checkpoints" / "last.safetensors").touch()
        lines = (json.dumps(record(n + 1, best=n < 2)) + "\n" for n in range(epochs))
        (folder / "metrics.jsonl").write_text("".join(lines))
    if finished:
        parts = {
            "validation": scores("validation", *validated), "test": scores("test", accuracy, mrr)
        }
        found = {part: one.to_dict() for part, one in parts.items()}
        (folder / "scores.json").write_text(json.dumps(found))
    if said is not None:
        _write_predictions(folder / "predictions.csv", said)
    return folder


def write_study(folder: Path, gains: Sequence[float], **fields: Any) -> Path:
    """Write a run a fold, of one seed: its accuracy and MRR are 0.3 and what is gained."""
    for fold, gain in enumerate(gains):
        write_run(folder / f"fold{fold}-seed0", accuracy=0.3 + gain, mrr=0.3 + gain, fold=fold,
                  **fields)
    return folder


def _write_predictions(file: Path, said: Sequence[Line]) -> None:
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(("part", "cascade", "event", "label", "predicted",
                         *(f"p_{label}" for label in LABELS),
                         "posts", "observed_posts", "targets", "mrr"))
        for cascade, label, predicted, probability, targets, mrr in said:
            shares = [probability if label == predicted else 1 - probability for label in LABELS]
            writer.writerow(("test", cascade, f"event of {cascade}", label, predicted, *shares,
                             9, 7, targets, mrr if targets else ""))
        writer.writerow(("validation", "other", "an event", "true", "false", 0, 1, 9, 7, 0, ""))
