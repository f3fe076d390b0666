"""All that a run folder says of its run, in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgljoint._internal.files import held_folders
from dgljoint.config.run_config import RunConfig
from dgljoint.evaluation.scores import Scores
from dgljoint.runs.listing import BROKEN, RunSummary, summarize
from dgljoint.runs.protocol import Protocol, recorded_protocol
from dgljoint.runs.stored import StoredRun


@dataclass(frozen=True, slots=True, eq=False)
class RunFacts:
    """A run by what its folder says.

    Attributes:
        run: the folder.
        summary: how it stands.
        config: of the run.
        manifest: its description, plain values.
        protocol: how its data were cut.
        records: its epochs, plain values in the form of an ``EpochRecord``.
        scores: final figures by part; empty for a run that has not ended.
    """

    run: StoredRun
    summary: RunSummary
    config: RunConfig
    manifest: dict[str, Any]
    protocol: Protocol
    records: list[dict[str, Any]]
    scores: dict[str, Scores]


def read_facts(path: Path) -> RunFacts:
    """Read a run folder.

    Raises:
        DataError: it is none, or damaged.
        UsageError: its configuration cannot be read.
    """
    run = StoredRun(path)
    config, manifest = run.config(), run.manifest()
    begun = run.finished or run.resumable
    facts = RunFacts(
        run=run,
        summary=summarize(path, path.resolve().name, held_folders()),
        config=config,
        manifest=manifest,
        protocol=recorded_protocol(config, manifest),
        records=run.records() if begun else [],
        scores=run.typed_scores() if run.finished else {},
    )
    if facts.summary.state == BROKEN:
        run.figures()  # says what is wrong
    return facts
