"""What a reader may do beyond reading, and what is done for one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from dgljoint.data.reading import Reader
from dgljoint_data.readers.common.digest import digest_source, digest_text


class Fingerprinted(Protocol):
    """A reader that says itself what its raw input is.

    For any other reader it is all files under the source.
    """

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest that changes when the cascades read from ``source`` may.

        Raises:
            DataError: the source cannot be read.
        """
        ...


class Columned(Protocol):
    """A reader whose sparse features have columns without words.

    Attributes:
        feature_columns: how many each has at least, by name; one of another reader has as many as
            are seen.
    """

    feature_columns: Mapping[str, int]


class Labelled(Protocol):
    """A reader whose classes are those of the data, so that they are not known before."""

    def collect_labels(self, source: Path | None) -> tuple[str, ...]:
        """Return the classes in their order.

        Raises:
            DataError: the source cannot be read.
        """
        ...


# In all: isinstance with a protocol does not see, since Python 3.12, what a wrapper passes on.
def label_names(reader: Reader, source: Path | None) -> tuple[str, ...]:
    """Return the classes that ``reader`` gives the cascades of ``source``."""
    if hasattr(reader, "collect_labels"):
        return cast(Labelled, reader).collect_labels(source)
    return reader.label_names


def feature_columns(reader: Reader) -> Mapping[str, int]:
    """Return how many columns the reader's sparse features have at least, by name."""
    if hasattr(reader, "feature_columns"):
        return cast(Columned, reader).feature_columns
    return {}


def raw_digest(reader: Reader, source: Path | None) -> tuple[Any, ...]:
    """Return the function that identifies the raw input, and what to call it with."""
    if hasattr(reader, "fingerprint"):
        return cast(Fingerprinted, reader).fingerprint, source
    if source is None:
        return digest_text, type(reader).__qualname__
    return digest_source, source
