"""What a build read, wrote and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, per_post
from dgljoint.data.reading import ReadReport
from dgljoint_data.audit.findings import Finding
from dgljoint_data.audit.near_duplicates import compare_texts, words_of
from dgljoint_data.audit.overlap import Sources
from dgljoint_data.describe import Holdings, TargetInfo, spread


@dataclass(frozen=True, slots=True)
class Repeated:
    """Source texts that occur in several cascades, links and mentions aside.

    Attributes:
        groups: texts that do.
        cascades: that hold one of them.
    """

    groups: int
    cascades: int


@dataclass(frozen=True, slots=True)
class Shared:
    """What another data set holds as well.

    Attributes:
        path: of its file.
        name: of the data set.
        findings: as the audit gives them.
    """

    path: Path
    name: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cascades look like: least, median, mean and largest value of each.

    Attributes:
        posts: of a cascade, its source included.
        depth: of a cascade, in edges from its source to its lowest post.
        hours: that a cascade lasts.
        median_hours: until half of a cascade's posts are there.
    """

    posts: Mapping[str, float]
    depth: Mapping[str, float]
    hours: Mapping[str, float]
    median_hours: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class BuildSummary(Holdings):
    """What a build read, wrote and left out; ``digest`` and ``size_bytes`` of a file that was kept.

    Attributes:
        raw_digest: of the raw input.
        edges: stored, one per post but the sources.
        shape: sizes, depths and delays.
        equal_texts: source texts of the same words; ``None`` where no source has a text with words.
        similar_texts: near-duplicate source texts, equal ones included; ``None`` likewise.
        shared: what other data sets hold as well.
        splits: number of folds of each split.
        seconds: the build took, without the start of the interpreter.
        report: what the reader counted, repaired and refused.
    """

    raw_digest: str
    edges: int
    shape: Shape
    equal_texts: Repeated | None
    similar_texts: Repeated | None
    shared: Sequence[Shared]
    splits: Mapping[str, int]
    seconds: float
    report: ReadReport

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        shared = [
            {"path": str(other.path), "name": other.name,
             "findings": [finding.to_dict() for finding in other.findings]}
            for other in self.shared
        ]
        return super().to_dict() | {"shared": shared}


class Written:
    """What is remembered of the cascades that are in the file: a few bytes of each."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.sources = Sources([], [], [], [])
        self.posts = 0
        self._with_text = 0
        self._shape: dict[str, list[float]] = {
            "posts": [], "depth": [], "hours": [], "median_hours": []
        }
        self._targets: dict[tuple[str, str], Counter[str]] = {}

    def add(self, cascade: Cascade) -> None:
        """Remember one."""
        self.ids.add(cascade.id)
        self.sources.ids.append(cascade.id)
        self.sources.labels.append(cascade.label)
        # As in the store: a cascade of no known event counts as one of its own.
        self.sources.events.append(cascade.event or f"cascade {cascade.id}")
        self.sources.posted_at.append(cascade.posted_at)
        self.sources.texts.append(cascade.text[0])
        self.posts += len(cascade)
        self._with_text += sum(map(bool, cascade.text))
        delay = cascade.delay_seconds
        self._shape["posts"].append(len(cascade))
        self._shape["depth"].append(_depth(cascade.parent))
        self._shape["hours"].append(delay[-1] / 3600)
        self._shape["median_hours"].append(delay[(len(delay) - 1) // 2] / 3600)
        for name, value in cascade.targets.items():
            if value is not None:
                labels = value if per_post(value) else [value]
                per = "post" if per_post(value) else "cascade"
                held = self._targets.setdefault((name, per), Counter())
                held.update(label for label in labels if isinstance(label, str))

    def holdings(self, label_names: Sequence[str]) -> dict[str, Any]:
        """Return what a :class:`BuildSummary` contains of the cascades, by attribute."""
        sources, cascades = self.sources, len(self.ids)
        equal, similar = _repeated_texts(sources.texts)
        return {
            "cascades": cascades,
            "posts": self.posts,
            "edges": self.posts - cascades,
            "events": len(set(sources.events)),
            "labels": {label: sources.labels.count(label) for label in label_names},
            "unlabelled": sources.labels.count(None),
            "posts_with_text": self._with_text,
            "shape": Shape(**{key: spread(np.array(held)) for key, held in self._shape.items()}),
            "equal_texts": equal,
            "similar_texts": similar,
            "targets": {
                name: TargetInfo(
                    per, dict(sorted(held.items())),
                    (self.posts if per == "post" else cascades) - held.total(),
                )
                for (name, per), held in self._targets.items()
            },
        }


def _depth(parent: NDArray[np.int32]) -> int:
    # A post is after its parent: one pass, whatever the depth.
    depth: list[int] = []
    for above in parent.tolist():
        depth.append(depth[above] + 1 if above >= 0 else 0)
    return max(depth)


def _repeated_texts(texts: Sequence[str]) -> tuple[Repeated, Repeated] | tuple[None, None]:
    """Count the texts of the same words, and the near-duplicates, where any text has words."""
    if not any(map(words_of, texts)):
        return None, None
    equal, near = compare_texts(texts)
    return _repeated(equal), _repeated(near)


def _repeated(group: NDArray[np.int64]) -> Repeated:
    sizes = np.bincount(group)
    several = sizes[sizes > 1]
    return Repeated(len(several), int(several.sum()))
