"""``gin``: graph isomorphism network over the cascade as an undirected tree."""

from pydantic import Field

import dgljoint


class GINOptions(dgljoint.Options):
    """Options of ``gin``; the defaults are the paper's."""

    # The paper counts five, the input being the first.
    layers: int = Field(4, ge=1, le=64, description="number of convolutions")
    learn_epsilon: bool = Field(
        True, description="learn how much more a post counts than a neighbour; else it is 0"
    )
    # The paper chooses 0 or 0.5 on validation data.
    dropout: float = Field(0.5, ge=0, lt=1, description="share dropped of the output")


def build(options: GINOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Encoder":
    """Build the encoder."""
    from dgljoint_plugins.encoders.gin.module import GIN

    return GIN(options, context.width)


@dgljoint.hookimpl
def dgljoint_encoders() -> list[dgljoint.EncoderSpec]:
    """Offer ``gin``."""
    return [dgljoint.EncoderSpec(
        name="gin",
        summary="sums over neighbours, each followed by a perceptron; all layers joined",
        options=GINOptions, build=build,
        reference=dgljoint.Reference(
            authors="Xu, K., Hu, W., Leskovec, J. and Jegelka, S.", year=2019,
            title="How Powerful are Graph Neural Networks?", url="https://arxiv.org/abs/1810.00826",
        ),
    )]
