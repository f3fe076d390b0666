"""``gcn``: graph convolutions over the cascade as an undirected tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dgljoint import BuildContext, EncoderSpec, Options, Reference, hookimpl

if TYPE_CHECKING:
    from dgljoint.nn import Encoder


class GCNOptions(Options):
    """Options of ``gcn``; the defaults are the paper's."""

    layers: int = Field(2, ge=1, le=64, description="number of graph convolutions")
    dropout: float = Field(0.5, ge=0, lt=1, description="share dropped after each but the last")


def build(options: GCNOptions, context: BuildContext) -> Encoder:
    """Build the encoder."""
    from dgljoint_plugins.encoders.gcn.module import GCN

    return GCN(context.width, options.layers, options.dropout)


@hookimpl
def dgljoint_encoders() -> list[EncoderSpec]:
    """Offer ``gcn``."""
    return [EncoderSpec(
        name="gcn",
        summary="graph convolutions over the cascade as an undirected tree",
        options=GCNOptions,
        build=build,
        reference=Reference(
            authors="Kipf, T. N. and Welling, M.", year=2017,
            title="Semi-Supervised Classification with Graph Convolutional Networks",
            url="https://arxiv.org/abs/1609.02907",
        ),
    )]
