"""``fixed``: constant loss weights, today's practice and the default."""

from pydantic import Field

import dgljoint


class FixedOptions(dgljoint.Options):
    """Options of ``fixed``."""

    cascade: float = Field(0.4, ge=0, description="weight of the cascade task")
    rumor: float = Field(0.6, ge=0, description="weight of the rumor task")
    auxiliary: float = Field(1.0, ge=0, description="weight of every auxiliary loss")


def build(options: FixedOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.fixed.module import Fixed

    tasks = {"cascade": options.cascade, "rumor": options.rumor}
    return Fixed([tasks.get(name, options.auxiliary) for name in context.loss_names])


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``fixed``."""
    return [dgljoint.WeighterSpec(
        name="fixed",
        summary="constant weights, 0.4 cascade + 0.6 rumor by default",
        options=FixedOptions, build=build,
    )]
