"""``dwa``: a loss that fell more slowly than the others counts more."""

from pydantic import Field

import dgljoint


class DwaOptions(dgljoint.Options):
    """Options of ``dwa``."""

    temperature: float = Field(2.0, gt=0, description="of the softmax; higher is more even")


def build(options: DwaOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.dwa.module import DynamicWeightAverage

    return DynamicWeightAverage(options.temperature, len(context.tasks))


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``dwa``."""
    return [dgljoint.WeighterSpec(
        name="dwa",
        summary="weights by how much each task's loss fell over the last two epochs",
        options=DwaOptions, build=build,
        reference=dgljoint.Reference(
            authors="Liu, S., Johns, E. and Davison, A. J.", year=2019,
            title="End-to-End Multi-Task Learning with Attention",
            url="https://arxiv.org/abs/1803.10704",
        ),
    )]
