"""Features that are computed when a batch is made, from what is observed then.

The file holds no value of them, so that neither a parent that is to be predicted nor a later post
can be in it; :mod:`dgljoint.batch.derived` computes them. What is stored is that they are wanted.
"""

from __future__ import annotations

from dgljoint_data.features.protocol import FeatureSpec

TIME = FeatureSpec(
    name="time",
    summary="log delay since the source and since the previous post",
    derived=True,
)
STRUCTURE = FeatureSpec(
    name="structure",
    summary="depth, number of answers and size of the subtree, by observed edges",
    derived=True,
)
