"""Features of posts, stored raw: nothing is fitted before training names its training set.

A feature is computed from the posts (:class:`PostFeature`), derived when a batch is made from
what is observed then (``time``, ``structure``; the file only lists their names), or
carried by the reader. ``catalogue`` lists those that are known here::

    from dgljoint_data.features.catalogue import parse_features

    chosen = parse_features(["bow", "structure"])

To add a computed one: write its module, with a :class:`PostFeature` and a :class:`FeatureSpec`,
and list the spec in ``catalogue``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Block, Cascade

# Of what the default features hold; another number gives the demo data set another name.
VERSION = 2

__all__ = ["Block", "FeatureSpec", "PostFeature", "VERSION"]


class PostFeature(Protocol):
    """Makes one feature, cascade after cascade, raw: nothing is fitted on what it sees.

    A class that derives from this one inherits the methods that need not do anything.

    Attributes:
        name: under which the feature is stored.
    """

    name: str

    def prepare(self, cascades: Sequence[Cascade]) -> None:
        """Take some cascades before :meth:`block` is called for each of them, in their order.

        This is where a model runs on many posts at once; what it yields may be forgotten when the
        next cascades arrive.
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
        """Return, after the last cascade, what the user should know of the making of it."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """How a feature is listed and made; cheap to make and to list.

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
