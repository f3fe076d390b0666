"""``sage``: a post and an aggregate of its neighbours, mapped separately and added."""

from typing import Literal

from pydantic import Field

import dgljoint


class SAGEOptions(dgljoint.Options):
    """Options of ``sage``; the defaults are the paper's, which drops nothing."""

    layers: int = Field(2, ge=1, le=64, description="number of layers")
    aggregator: Literal["mean", "pool"] = Field(
        "mean", description="mean of the neighbours, or maximum of a layer over each of them"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share dropped between layers")


def build(options: SAGEOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.sage.module import SAGE

    return SAGE(options, context.width)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``sage``."""
    return [dgljoint.EncoderSpec(
        name="sage",
        summary="GraphSAGE: each post with the mean or maximum of its neighbours",
        options=SAGEOptions, build=build,
        reference=dgljoint.Reference(
            authors="Hamilton, W. L., Ying, R. and Leskovec, J.", year=2017,
            title="Inductive Representation Learning on Large Graphs",
            url="https://arxiv.org/abs/1706.02216",
        ),
    )]
