"""The features that are known here, and how a choice of them is written."""

from __future__ import annotations

from dgljoint_data.features import bow
from dgljoint_data.features.protocol import FeatureSpec

SPECS: tuple[FeatureSpec, ...] = (bow.SPEC,)
