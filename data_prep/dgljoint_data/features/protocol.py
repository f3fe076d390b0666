"""What a feature of posts is: how it is listed, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Block, Cascade

__all__ = ["Block", "FeatureSpec", "PostFeature"]


class PostFeature(Protocol):
    """Makes one feature, cascade after cascade, raw: nothing is fitted on what it sees.

    A class that derives from this one inherits the methods that need not do anything.

    Attributes:
        name: under which the feature is stored.
    """

    name: str

    def prepare(self, cascades: Sequence[Cascade]) -> None:
        """Meet some cascades before :meth:`block` is called for each of them, in their order.

        This is where a model runs on many posts at once; what it yields may be forgotten when the
        next cascades come.
        """
        return

    def block(self, cascade: Cascade) -> Block:
        """Return the feature of the N posts.

        A sparse block, or float16 or float32: (N, F), or a row block where some posts have none.
        """
        ...

    def columns(self) -> Sequence[str] | int | None:
        """Name or count a sparse feature's columns, after the last cascade; dense: ``None``."""
        return None

    def notes(self) -> Sequence[str]:
        """Say, after the last cascade, what the user should know of the making of it."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """What a feature says of itself; cheap to make and to list.

    Attributes:
        name: what users type.
        summary: one line.
        options: its options class.
        build: makes it from its options, and is where anything heavy is imported; ``None`` for a
            feature that is not computed from the posts here.
        derived: whether it is computed when a batch is made, so that only its name is stored.
            Without ``build`` and not derived, a feature is carried by the reader.
        in_training: names of options of the section ``features`` of a run that people look for
            among these, since they decide there what of the feature counts.
    """

    name: str
    summary: str
    options: type[Options] = NoOptions
    build: Callable[[Any], PostFeature] | None = None
    derived: bool = False
    in_training: tuple[str, ...] = ()
