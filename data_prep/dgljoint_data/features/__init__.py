"""Features of posts, stored raw: nothing is fitted before training says what its part is.

A feature is computed from the posts (:class:`PostFeature`), derived when a batch is made from
what is observed then (``time``, ``structure``; the file only says that they are wanted), or
carried by the reader. ``catalogue`` lists those that are known here, and a module of each says
what its columns are::

    from dgljoint_data.features.catalogue import parse_features

    chosen = parse_features(["bow", "structure"])

To add a computed one: write its module, with a :class:`PostFeature` and a :class:`FeatureSpec`,
and list the spec in ``catalogue``.
"""

from __future__ import annotations

from dgljoint_data.features.protocol import Block, FeatureSpec, PostFeature

# Of what the default features hold; another number gives the demo data set another name.
VERSION = 2

__all__ = ["Block", "FeatureSpec", "PostFeature", "VERSION"]
