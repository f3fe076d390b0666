"""``vrex``: the rumor task's loss is to be alike in all events."""

from pydantic import Field

import dgljoint


class VRExOptions(dgljoint.Options):
    """Options of ``vrex``."""

    cascade: float = Field(0.4, ge=0, description="weight of the cascade task")
    rumor: float = Field(0.6, ge=0, description="weight of the rumor task")
    # The paper's 10,000 is for two environments of 25,000 images each. A batch has one or two
    # cascades of most events, and the variance of their losses is mostly noise.
    penalty: float = Field(1.0, ge=0, description="factor of the variance between events")
    warmup: int = Field(100, ge=0, description="steps in which the penalty grows to its full size")


def build(options: VRExOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.vrex.module import VREx

    return VREx(options)


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``vrex``."""
    return [dgljoint.WeighterSpec(
        name="vrex",
        summary="penalises the variance of the rumor loss between events",
        options=VRExOptions, build=build,
        reference=dgljoint.Reference(
            authors="Krueger, D., Caballero, E., Jacobsen, J.-H., Zhang, A., Binas, J., Zhang, D., "
            "Le Priol, R. and Courville, A.", year=2021,
            title="Out-of-Distribution Generalization via Risk Extrapolation (REx)",
            url="https://arxiv.org/abs/2003.00688",
        ),
    )]
