"""Raw formats of cascades, read, featurised and written to a cascade file.

A reader turns a raw format into :class:`dgljoint.Cascade` records; :func:`build_store` writes them
with word counts and two sets of folds::

    from pathlib import Path
    from dgljoint_data import build_store
    from dgljoint_data.readers.twitter import TwitterOptions, TwitterReader

    summary = build_store(
        TwitterReader("15", TwitterOptions()), reader_name="twitter15",
        source=Path("raw/twitter15"), output=Path("twitter15.h5"),
    )
    print(summary.posts, summary.report.repairs)

Nothing is dropped silently: the reader's report counts every line and post that was left out,
under one reason each. The readers are plugins like anybody's (see
:class:`dgljoint.ReaderSpec`), one folder each in :mod:`dgljoint_data.readers`. What a split of the
result leaks is reported by :func:`dgljoint_data.audit.audit_store`, what the file holds by
:func:`dgljoint_data.describe.describe_store`; :mod:`dgljoint_data.splits` divides it anew and
:mod:`dgljoint_data.export` writes it as JSON Lines. :func:`demo_store` gives a small synthetic
data set that needs no download.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint_data.build import BuildSummary, build_store
    from dgljoint_data.demo import demo_store

# Loaded on first use: listing a reader must not wait for HDF5.
_HOME = {
    "BuildSummary": "dgljoint_data.build",
    "build_store": "dgljoint_data.build",
    "demo_store": "dgljoint_data.demo",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'dgljoint_data' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


__all__ = ["BuildSummary", "build_store", "demo_store"]
