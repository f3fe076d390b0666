"""``transformer``: self-attention over the posts of a cascade, with time and tree."""

from typing import Literal

from pydantic import Field

import dgljoint


class TransformerOptions(dgljoint.Options):
    """Options of ``transformer``."""

    # The paper has 6 layers of 8 heads for sentences of a width of 512; two layers reach what two
    # graph convolutions of the other encoders do.
    layers: int = Field(2, ge=1, le=64, description="number of layers")
    heads: int = Field(
        4, ge=1, le=4096, description="attention heads of a layer; they divide the width"
    )
    expansion: int = Field(4, ge=1, le=64, description="inner width of a feed-forward, in widths")
    dropout: float = Field(0.1, ge=0, lt=1, description="share dropped from what a layer adds")
    encoding: Literal["depth_time", "tree_distance"] = Field(
        "depth_time",
        description="what attention knows of places: depth and time of each post, added to the "
        "input, or the distance of two posts in the tree, added to their score",
    )
    causal: bool = Field(False, description="observed posts, too, attend to earlier posts alone")
    distances: int = Field(
        16, ge=1, le=4096,
        description="of tree_distance: distances distinguished; further ones are one",
    )


def build(options: TransformerOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.transformer.module import Transformer

    return Transformer(options, context.width)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``transformer``."""
    return [dgljoint.EncoderSpec(
        name="transformer",
        summary="self-attention within a cascade, with depth and time or tree distance",
        options=TransformerOptions, build=build,
        reference=dgljoint.Reference(
            authors="Vaswani, A., Shazeer, N., Parmar, N., Uszkoreit, J., Jones, L., "
            "Gomez, A. N., Kaiser, Ł. and Polosukhin, I.", year=2017,
            title="Attention Is All You Need", url="https://arxiv.org/abs/1706.03762",
        ),
    )]
