"""``meta_weight``: loss weights learned from what a step does to held-out losses."""

from pydantic import Field

import dgljoint


class MetaWeightOptions(dgljoint.Options):
    """Options of ``meta_weight``."""

    every: int = Field(10, ge=1, description="steps between two looks ahead")
    temperature: float = Field(1.0, gt=0, description="of the softmax over the losses")
    floor: float = Field(0.05, ge=0, lt=1, description="least weight; weights average 1")
    entropy: float = Field(0.2, ge=0, description="bonus for even weights")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's, of the weighting network")
    hidden: int = Field(32, ge=1, le=4096, description="width of the weighting network")


def build(options: MetaWeightOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.meta_weight.module import MetaWeight

    return MetaWeight(options, context.width, context.loss_names, context.tasks)


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``meta_weight``."""
    return [dgljoint.WeighterSpec(
        name="meta_weight",
        summary="a network weighs the losses, trained through a one-step look-ahead",
        options=MetaWeightOptions, build=build,
        needs_meta_split=True,
        reference=dgljoint.Reference(
            authors="Ren, M., Zeng, W., Yang, B. and Urtasun, R.", year=2018,
            title="Learning to Reweight Examples for Robust Deep Learning",
            url="https://arxiv.org/abs/1803.09050",
        ),
    )]
