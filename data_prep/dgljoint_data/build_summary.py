"""What a build read, wrote and left out."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgljoint.data.cascade import Cascade, per_post
from dgljoint.data.reading import ReadReport
from dgljoint_data.audit.findings import Finding
from dgljoint_data.audit.near_duplicates import compare_texts, words_of
from dgljoint_data.describe import TargetInfo, spread


@dataclass(frozen=True, slots=True)
class Repeated:
    """Source texts that stand in several cascades, links and mentions aside.

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
    """What the cascades look like: each a least, median, mean and largest figure.

    Attributes:
        posts: of a cascade, its source included.
        depth: of a cascade, in edges from its source to its lowest post.
        hours: that a cascade lasts.
        median_hours: that it takes half of a cascade's posts to come.
    """

    posts: Mapping[str, float]
    depth: Mapping[str, float]
    hours: Mapping[str, float]
    median_hours: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSummary:
    """What a build read, wrote and left out.

    Attributes:
        path: the cascade file.
        name: of the data set.
        reader: name of the reader.
        digest: of the file's content; two builds of the same input have the same. Empty when the
            file was not kept.
        raw_digest: of the raw input.
        cascades: stored.
        posts: stored, sources included.
        edges: stored, one a post but the sources.
        events: distinct ones among the cascades.
        labels: number of cascades of each class, in the order of the classes.
        unlabelled: number of cascades without a label.
        posts_with_text: number of them.
        shape: sizes, depths and delays.
        equal_texts: source texts of the same words; ``None`` where no source has a text with words.
        similar_texts: near-duplicate source texts, equal ones included; ``None`` likewise.
        shared: what other data sets hold as well.
        features: by name, what each holds.
        targets: labels of other tasks, by name.
        splits: number of folds of each split.
        splits_refused: splits that could not be made, each with the reason.
        size_bytes: of the file; 0 when it was not kept.
        seconds: the build took, without the start of the interpreter.
        report: what the reader counted, repaired and refused.
    """

    path: Path
    name: str
    reader: str
    digest: str
    raw_digest: str
    cascades: int
    posts: int
    edges: int
    events: int
    labels: Mapping[str, int]
    unlabelled: int
    posts_with_text: int
    shape: Shape
    equal_texts: Repeated | None
    similar_texts: Repeated | None
    shared: Sequence[Shared]
    features: Mapping[str, str]
    targets: Mapping[str, TargetInfo]
    splits: Mapping[str, int]
    splits_refused: Mapping[str, str]
    size_bytes: int
    seconds: float
    report: ReadReport

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        shared = [
            {"path": str(other.path), "name": other.name,
             "findings": [finding.to_dict() for finding in other.findings]}
            for other in self.shared
        ]
        return asdict(self) | {"path": str(self.path), "shared": shared}


class Shapes:
    """Measures cascades one at a time: a few bytes of each are kept."""

    def __init__(self) -> None:
        self.posts = 0
        self.posts_with_text = 0
        self._sizes = array("q")
        self._depth = array("q")
        self._hours = array("d")
        self._median_hours = array("d")

    def add(self, cascade: Cascade) -> None:
        """Measure one."""
        self.posts += len(cascade)
        self.posts_with_text += sum(map(bool, cascade.text))
        self._sizes.append(len(cascade))
        self._depth.append(_depth(cascade.parent))
        delay = cascade.delay_seconds
        self._hours.append(delay[-1] / 3600)
        self._median_hours.append(delay[(len(delay) - 1) // 2] / 3600)

    def shape(self) -> Shape:
        """Return how they spread."""
        columns = (self._sizes, self._depth, self._hours, self._median_hours)
        return Shape(*(spread(np.array(column)) for column in columns))


class TargetCounts:
    """Counts the labels of other tasks, one cascade after the other."""

    def __init__(self) -> None:
        self._held: dict[str, Counter[str]] = {}
        self._per: dict[str, str] = {}

    def add(self, cascade: Cascade) -> None:
        """Count those of one."""
        for name, value in cascade.targets.items():
            if value is not None:
                labels = value if per_post(value) else [value]
                self._per[name] = "post" if per_post(value) else "cascade"
                held = self._held.setdefault(name, Counter())
                held.update(label for label in labels if isinstance(label, str))

    def totals(self, cascades: int, posts: int) -> dict[str, TargetInfo]:
        """Return the counts, by name, of so many cascades and posts."""
        return {
            name: TargetInfo(
                self._per[name], dict(sorted(held.items())),
                (posts if self._per[name] == "post" else cascades) - held.total(),
            )
            for name, held in self._held.items()
        }


def _depth(parent: NDArray[np.int32]) -> int:
    # A post stands after its parent: one pass, whatever the depth.
    depth: list[int] = []
    for above in parent.tolist():
        depth.append(depth[above] + 1 if above >= 0 else 0)
    return max(depth)


def repeated_texts(texts: Sequence[str]) -> tuple[Repeated, Repeated] | tuple[None, None]:
    """Count the texts of the same words, and the near-duplicates, where any text has words."""
    if not any(map(words_of, texts)):
        return None, None
    likeness = compare_texts(texts)
    return _repeated(likeness.equal), _repeated(likeness.near)


def _repeated(group: NDArray[np.int64]) -> Repeated:
    sizes = np.bincount(group)
    several = sizes[sizes > 1]
    return Repeated(len(several), int(several.sum()))
