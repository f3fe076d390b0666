"""``dwa``: a loss that fell more slowly than the others counts more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dgljoint import BuildContext, Options, Reference, WeighterSpec, hookimpl

if TYPE_CHECKING:
    from dgljoint.nn import LossWeighter


class DwaOptions(Options):
    """Options of ``dwa``."""

    temperature: float = Field(2.0, gt=0, description="of the softmax; higher is more even")


def build(options: DwaOptions, context: BuildContext) -> LossWeighter:
    """Build the weighter."""
    from dgljoint_plugins.weighters.dwa.module import DynamicWeightAverage

    return DynamicWeightAverage(options.temperature, len(context.loss_names))


@hookimpl
def dgljoint_loss_weighters() -> list[WeighterSpec]:
    """Offer ``dwa``."""
    return [WeighterSpec(
        name="dwa",
        summary="weights by how much each loss fell over the last two epochs",
        options=DwaOptions,
        build=build,
        reference=Reference(
            authors="Liu, S., Johns, E. and Davison, A. J.", year=2019,
            title="End-to-End Multi-Task Learning with Attention",
            url="https://arxiv.org/abs/1803.10704",
        ),
    )]
