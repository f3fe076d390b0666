"""How the parts of a run were cut, which every figure must be read with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgljoint.config.run_config import RunConfig
from dgljoint.runs.stored import section, text


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the parts of a run were cut.

    Attributes:
        data: name of the data set.
        split: name of the split.
        fold: that is the test part.
        disjoint: what is never on both sides; ``None`` for folds that are random, by design or
            because the data know no events.
        ordered: whether the test part is later than what was trained on, class by class.
        known: whether it is on record what was kept apart.
    """

    data: str
    split: str
    fold: int
    disjoint: str | None
    ordered: bool = False
    known: bool = True

    def __str__(self) -> str:
        return f"{self.data}, split {self.split}, fold {self.fold}: {self.kept}"

    @property
    def kept(self) -> str:
        """Say what keeps the parts apart, and in capitals that nothing does."""
        if not self.known:
            return "not on record whether events are kept apart"
        if self.ordered:
            return "each class tested on its later cascades, EVENTS NOT KEPT APART"
        return f"no {self.disjoint} on both sides" if self.disjoint else "RANDOM FOLDS"


def recorded_protocol(config: RunConfig, manifest: Mapping[str, Any]) -> Protocol:
    """Return the protocol of a run by what its folder says, without its data.

    Args:
        config: of the run.
        manifest: of the run; one of an earlier version does not say what was kept apart.
    """
    split = section(manifest, "split")
    return Protocol(
        data=text(section(manifest, "data").get("name")) or "unnamed data",
        split=config.split,
        fold=config.fold,
        disjoint=text(split.get("kept_apart")),
        ordered=bool(split.get("ordered_by")),
        known="kept_apart" in split,
    )
