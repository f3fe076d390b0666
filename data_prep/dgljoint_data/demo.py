"""The demo data set: synthetic cascades, made once for each folder."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path

from dgljoint._internal.files import writing
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError
from dgljoint_data import features, splits
from dgljoint_data.build import build_store
from dgljoint_data.readers.common.raw import digest_text
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader


def demo_store(folder: Path | None = None) -> Path:
    """Return the demo data set's file, building it when it is missing or does not open.

    It is in the user's cache folder, or hidden in ``folder``; its name has a digest of the
    generator. Raise RunFailedError if the folder cannot be written.
    """
    reader = SyntheticReader(SyntheticOptions())
    versions = f"features {features.VERSION} splits {splits.VERSION}"
    digest = digest_text(f"{reader.fingerprint(None)} {versions}")
    name = f"demo-{digest[:12]}.h5"
    # hidden, since `runs/*` should name runs
    path = folder / f".{name}" if folder else user_cache_path("dgljoint") / name
    if path.exists():
        try:
            CascadeStore(path)
        except DataError:
            pass  # damaged, or of another version of the format
        else:
            return path
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    build_store(reader, reader_name="synthetic", source=None, output=path, name="demo")
    return path
