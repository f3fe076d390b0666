"""Raw formats of cascades, read, featurised and written to a cascade file.

A reader, a plugin in :mod:`dgljoint_data.readers`, turns a raw format into
:class:`dgljoint.Cascade` records and counts every line and post that it leaves out;
:func:`build_store` writes them with features and folds; :func:`demo_store` and
:func:`generated_store` give synthetic data sets. ``audit`` finds what a split leaks, ``describe``
sums a file up, ``splits`` divides it anew and ``export`` writes it as JSON Lines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint_data.build import BuildSummary, build_store
    from dgljoint_data.generated import demo_store, generated_store

_MODULES = {
    "BuildSummary": "build", "build_store": "build", "demo_store": "generated",
    "generated_store": "generated",
}
__all__ = ["BuildSummary", "build_store", "demo_store", "generated_store"]


def __getattr__(name: str) -> object:
    """Load a public name on first use: listing a reader must not wait for HDF5."""
    if name not in __all__:
        raise AttributeError(f"module 'dgljoint_data' has no attribute '{name}'")
    return getattr(import_module(f"dgljoint_data.{_MODULES[name]}"), name)
