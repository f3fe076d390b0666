"""Features of posts, stored raw: nothing is fitted before training names its training set.

A feature is computed from the posts (:class:`PostFeature`), derived when a batch is made (``time``,
``structure``, ``shape``; the file only lists their names), or carried by the reader. To add a
computed one, write its module and list its :class:`FeatureSpec` in ``catalogue``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dgljoint.config.options import NoOptions, Options
from dgljoint.data.cascade import Block, Cascade

# Of what the default features hold; another number gives the demo data set another name.
VERSION = 3


class PostFeature(Protocol):
    """Makes one feature, cascade after cascade, raw; methods that need not do anything are here."""

    name: str

    def prepare(self, cascades: Sequence[Cascade]) -> None:
        """Take some cascades before :meth:`block`: a model runs on many posts at once."""
        return

    def block(self, cascade: Cascade) -> Block:
        """Return the feature of the N posts; rows are float16 or float32."""
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

    ``build`` makes it from its options and imports what is heavy; without it, a feature is
    ``derived`` when a batch is made, or carried by the reader. ``in_training`` names options of the
    section ``features`` of a run that people look for among its own.
    """

    name: str
    summary: str
    options: type[Options] = NoOptions
    build: Callable[[Any], PostFeature] | None = None
    derived: bool = False
    in_training: tuple[str, ...] = ()
