"""What is found of a plugin, and what is looked at."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dgljoint.errors import DgljointError
from dgljoint.plugins.registry import PluginEntry, Registry

Outcome = Literal["ok", "note", "skipped", "failed"]

OWN_DISTRIBUTION = "dgljoint"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        stage: what part of the plugin it belongs to.
        check: what should be so.
        outcome: ``note`` for what works and could be better.
        found: what was found; may be empty where all is well.
        mend: what its author can do; empty where there is nothing to do.
        figures: that were measured, by name.
        error: what was raised, for a traceback.
    """

    stage: str
    check: str
    outcome: Outcome = "ok"
    found: str = ""
    mend: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    error: BaseException | None = field(default=None, repr=False, compare=False)


Findings = Generator[Finding, None, bool]
"""What a stage finds; its value is whether it makes sense to go on to the next."""


@dataclass(frozen=True)
class Subject:
    """The plugin to look at.

    Attributes:
        registry: where it and those it is compared with are looked up.
        name: of the plugin.
        raw: raw data for a reader.
        options: of its components; those left out have their defaults.
        unreached: trainable parameters that no gradient need reach.
        timed: whether steps are timed.
    """

    registry: Registry
    name: str
    raw: Path | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    timed: bool = True

    @property
    def entry(self) -> PluginEntry:
        """Its entry point; the first one where there is a clash."""
        return self.registry.offering(self.name)[0]


def failed(
    stage: str, check: str, error: DgljointError, entry: PluginEntry, mend: str
) -> Finding:
    """Make the finding for an error of ours.

    Args:
        stage: of the finding.
        check: what should be so.
        error: whose message goes without the plugin, which is known.
        entry: of the plugin.
        mend: what helps; said after the error's own hint, less what that tells of a traceback.
    """
    found = error.message.removeprefix(f"{entry}").lstrip(": ")
    hint = (error.hint or "").partition("--debug")[0].rstrip("; :")
    return Finding(
        stage, check, "failed", found, "; ".join(filter(None, (hint, mend))), error=error
    )
