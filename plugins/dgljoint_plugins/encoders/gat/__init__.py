"""``gat``: graph attention over the cascade as an undirected tree."""

from pydantic import Field

import dgljoint


class GATOptions(dgljoint.Options):
    """Options of ``gat``; the defaults are the paper's for Cora and Citeseer."""

    layers: int = Field(2, ge=1, le=64, description="number of attention layers")
    heads: int = Field(8, ge=1, le=256, description="heads of every layer but the last")
    last_heads: int = Field(1, ge=1, le=256, description="heads of the last layer, averaged")
    slope: float = Field(0.2, ge=0, lt=1, description="of the leaky rectifier on the scores")
    dropout: float = Field(
        0.6, ge=0, lt=1, description="share dropped of attention weights, and between layers"
    )


def build(options: GATOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.gat.module import GAT

    return GAT(options, context.width)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``gat``."""
    return [dgljoint.EncoderSpec(
        name="gat",
        summary="multi-head attention of each post to its parent, its children and itself",
        options=GATOptions, build=build,
        reference=dgljoint.Reference(
            authors="Velickovic, P., Cucurull, G., Casanova, A., Romero, A., Lio, P. and "
            "Bengio, Y.", year=2018,
            title="Graph Attention Networks", url="https://arxiv.org/abs/1710.10903",
        ),
    )]
