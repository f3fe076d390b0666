"""``fixed``: constant loss weights, today's practice and the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dgljoint import BuildContext, Options, WeighterSpec, hookimpl

if TYPE_CHECKING:
    from dgljoint.nn import LossWeighter


class FixedOptions(Options):
    """Options of ``fixed``."""

    cascade: float = Field(0.4, ge=0, description="weight of the cascade task")
    rumor: float = Field(0.6, ge=0, description="weight of the rumor task")
    auxiliary: float = Field(1.0, ge=0, description="weight of every auxiliary loss")


def build(options: FixedOptions, context: BuildContext) -> LossWeighter:
    """Build the weighter."""
    from dgljoint_plugins.weighters.fixed.module import Fixed

    tasks = {"cascade": options.cascade, "rumor": options.rumor}
    return Fixed([tasks.get(name, options.auxiliary) for name in context.loss_names])


@hookimpl
def dgljoint_loss_weighters() -> list[WeighterSpec]:
    """Offer ``fixed``."""
    return [WeighterSpec(
        name="fixed",
        summary="constant weights, 0.4 cascade + 0.6 rumor by default",
        options=FixedOptions,
        build=build,
    )]
