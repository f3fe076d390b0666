"""What is measured, and the names of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SECTIONS = (
    "preprocess", "structure", "hidden", "batch", "epoch", "inference", "scaling"
)
OWN = "dgljoint"
OWN_PUBLISHED = "dgljoint, the published model"
OWN_WORDS = "dgljoint, words alone"
DGL, DGL_SPARSE = "plain DGL", "plain DGL, sparse words"
PYG = "PyTorch Geometric"
PYG_SPARSE, PYG_DENSE = f"{PYG}, sparse words", f"{PYG}, dense words"


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure, on what, and how often.

    Attributes:
        data: cascade file; the demo set if ``None``.
        raw: raw folder to preprocess; a synthetic one if ``None``.
        reader: of the raw folder.
        sections: of :data:`SECTIONS`; all if empty.
        rounds: how often each is timed.
        cascades: most cascades of the data; all if ``None``.
        batch: cascades per batch.
        width: of the layers.
        seed: of everything random.
        posts: sizes of the synthetic sets to scale over.
        batches: cascades per batch to scale over.
    """

    data: Path | None = None
    raw: Path | None = None
    reader: str = "twitter15"
    sections: tuple[str, ...] = ()
    rounds: int = 5
    cascades: int | None = None
    batch: int = 128
    width: int = 64
    seed: int = 0
    posts: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    batches: tuple[int, ...] = (8, 32, 128, 512)

    def asks_for(self, *sections: str) -> bool:
        """Return whether one of the sections is to be measured."""
        return not self.sections or not set(sections).isdisjoint(self.sections)
