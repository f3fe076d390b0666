"""``gradnorm``: tasks are weighed until their gradients are of the size that is due."""

from pydantic import Field

import dgljoint


class GradNormOptions(dgljoint.Options):
    """Options of ``gradnorm``."""

    alpha: float = Field(
        1.5, ge=0, description="how much larger a gradient is due to a loss that falls slowly"
    )
    learning_rate: float = Field(0.025, gt=0, description="Adam's, of the weights")


def build(options: GradNormOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.gradnorm.module import GradNorm

    return GradNorm(options, len(context.tasks))


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``gradnorm``."""
    return [dgljoint.WeighterSpec(
        name="gradnorm",
        summary="weights that even out the sizes of the tasks' gradients",
        options=GradNormOptions, build=build,
        reference=dgljoint.Reference(
            authors="Chen, Z., Badrinarayanan, V., Lee, C.-Y. and Rabinovich, A.", year=2018,
            title="GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep "
            "Multitask Networks",
            url="https://arxiv.org/abs/1711.02257",
        ),
    )]
