"""``dgl``: any convolution of ``dgl.nn``, by name and with its own arguments."""

from typing import Literal

from pydantic import ConfigDict, Field

import dgljoint


class DGLOptions(dgljoint.Options):
    """Options of ``dgl``; every further option is an argument of the layer."""

    model_config = ConfigDict(extra="allow")

    layer: str = Field(
        "GraphConv", description="class of `dgl.nn`; every further option is an argument of it"
    )
    layers: int = Field(2, ge=1, le=64, description="number of layers")
    direction: Literal["both", "down", "up"] = Field(
        "both", description="messages along edges both ways, to children, or to parents"
    )
    self_loops: bool = Field(True, description="send each post a message from itself, too")
    dropout: float = Field(0.5, ge=0, lt=1, description="share dropped after each but the last")


def build(options: DGLOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.dgl.module import DGLEncoder

    return DGLEncoder(options, context.width)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``dgl``."""
    return [dgljoint.EncoderSpec(
        name="dgl",
        summary="any convolution of dgl.nn, such as GATv2Conv, with its own arguments",
        options=DGLOptions, build=build,
        reference=dgljoint.Reference(
            authors="Wang, M., Zheng, D., Ye, Z., Gan, Q., Li, M. and others", year=2019,
            title="Deep Graph Library: A Graph-Centric, Highly-Performant Package for Graph "
            "Neural Networks",
            url="https://arxiv.org/abs/1909.01315",
        ),
    )]
