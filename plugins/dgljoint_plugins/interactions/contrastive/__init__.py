"""``contrastive``: the two views of one cascade are drawn together, of different ones apart."""

from pydantic import Field

import dgljoint


class ContrastiveOptions(dgljoint.Options):
    """Options of ``contrastive``."""

    weight: float = Field(0.3, ge=0, description="coefficient of the loss")
    width: int = Field(128, ge=1, le=4096, description="width the pooled views are projected to")
    temperature: float = Field(
        0.1, ge=0.05, le=1, description="of the softmax; where it starts when it is learned"
    )
    learn_temperature: bool = Field(
        False, description="learn the temperature, clipped to [0.05, 1]"
    )
    negatives: int = Field(0, ge=0, description="negatives drawn a cascade; 0 takes all")
    supervised: bool = Field(
        False, description="cascades of one label are positives too; unlabelled ones are ignored"
    )
    agreement: float = Field(0.1, ge=0, description="factor of the added 1 - cosine")


def build(options: ContrastiveOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Interaction":
    """Build the interaction."""
    from dgljoint_plugins.interactions.contrastive.module import Contrastive

    return Contrastive(options, context.width)


@dgljoint.hookimpl
def dgljoint_interactions() -> list[dgljoint.InteractionSpec]:
    """Offer ``contrastive``."""
    return [dgljoint.InteractionSpec(
        name="contrastive",
        summary="symmetric InfoNCE between the cascade and the rumor view of each cascade",
        options=ContrastiveOptions, build=build,
        reference=dgljoint.Reference(
            authors="van den Oord, A., Li, Y. and Vinyals, O.", year=2018,
            title="Representation Learning with Contrastive Predictive Coding",
            url="https://arxiv.org/abs/1807.03748",
        ),
    )]
