"""What is asked of the speed suite."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from dgljoint.config.options import Options

Section = Literal[
    "preprocess", "structure", "hidden", "batch", "epoch", "inference", "scaling"
]


class SpeedRequest(Options):
    """What to measure, on what, and how often."""

    data: Path | None = Field(None, description="cascade file; the demo set without one")
    raw: Path | None = Field(None, description="raw folder to preprocess; a made one without it")
    reader: str = Field("twitter15", description="reader of the raw folder")
    sections: tuple[Section, ...] = Field((), description="to measure; all if empty")
    rounds: int = Field(5, ge=1, description="how often each is timed, after once for nothing")
    cascades: int | None = Field(None, ge=1, description="most cascades of the data; all if none")
    batch: int = Field(128, ge=1, description="cascades a batch")
    width: int = Field(64, ge=1, description="of the layers")
    seed: int = Field(0, ge=0, description="of everything random")
    posts: tuple[int, ...] = Field((10_000, 100_000, 1_000_000), description="sizes to scale over")
    batches: tuple[int, ...] = Field((8, 32, 128, 512), description="batch sizes to scale over")

    def asks_for(self, section: Section) -> bool:
        """Say whether a section is to be measured."""
        return not self.sections or section in self.sections
