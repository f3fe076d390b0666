"""``bigcn``: bi-directional graph convolutions, down from the source and up to it."""

from pydantic import Field

import dgljoint


class BiGCNOptions(dgljoint.Options):
    """Options of ``bigcn``; the defaults are the paper's."""

    dropout: float = Field(0.5, ge=0, lt=1, description="share dropped between the two layers")


def build(options: BiGCNOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.bigcn.module import BiGCN

    return BiGCN(context.width, options.dropout)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``bigcn``."""
    return [dgljoint.EncoderSpec(
        name="bigcn",
        summary="top-down and bottom-up graph convolutions with source-post enhancement",
        options=BiGCNOptions, build=build,
        reference=dgljoint.Reference(
            authors="Bian, T., Xiao, X., Xu, T., Zhao, P., Huang, W., Rong, Y. and Huang, J.",
            year=2020,
            title="Rumor Detection on Social Media with Bi-Directional Graph Convolutional "
            "Networks",
            url="https://arxiv.org/abs/2001.06362",
        ),
    )]
