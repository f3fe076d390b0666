"""``gcn``: graph convolutions over the cascade as an undirected tree."""

from pydantic import Field

import dgljoint


class GCNOptions(dgljoint.Options):
    """Options of ``gcn``; the defaults are the paper's."""

    layers: int = Field(2, ge=1, le=64, description="number of graph convolutions")
    dropout: float = Field(0.5, ge=0, lt=1, description="share dropped after each but the last")


def build(options: GCNOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.gcn.module import GCN

    return GCN(context.width, options.layers, options.dropout)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``gcn``."""
    return [dgljoint.EncoderSpec(
        name="gcn",
        summary="graph convolutions over the cascade as an undirected tree",
        options=GCNOptions, build=build,
        reference=dgljoint.Reference(
            authors="Kipf, T. N. and Welling, M.", year=2017,
            title="Semi-Supervised Classification with Graph Convolutional Networks",
            url="https://arxiv.org/abs/1609.02907",
        ),
    )]
