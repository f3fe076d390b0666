"""What a reader may have beyond ``read``, and what is done for one that has not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dgljoint.data.reading import Reader
from dgljoint_data.readers.common.raw import digest_source, digest_text


def label_names(reader: Reader, source: Path | None) -> tuple[str, ...]:
    """Return the classes: those of ``collect_labels(source)``, if the data define them."""
    if not hasattr(reader, "collect_labels"):
        return reader.label_names
    names: tuple[str, ...] = reader.collect_labels(source)
    return names


def feature_columns(reader: Reader) -> Mapping[str, int]:
    """Return how many columns the reader's sparse features have at least, by name."""
    columns: Mapping[str, int] = getattr(reader, "feature_columns", {})
    return columns


def raw_digest(reader: Reader, source: Path | None) -> str:
    """Return a digest of the raw input: ``fingerprint(source)``, or one of all files."""
    if hasattr(reader, "fingerprint"):
        digest: str = reader.fingerprint(source)
        return digest
    return digest_text(type(reader).__qualname__) if source is None else digest_source(source)
