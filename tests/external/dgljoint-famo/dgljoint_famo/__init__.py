"""``famo``: all tasks are to learn at one rate, told from what each step did to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from dgljoint import BuildContext, Options, Reference, WeighterSpec, hookimpl

if TYPE_CHECKING:
    from dgljoint.nn import LossWeighter


class FamoOptions(Options):
    """Options of ``famo``."""

    learning_rate: float = Field(0.025, gt=0, description="beta, Adam's for the logits")
    decay: float = Field(0.01, ge=0, description="gamma, which draws the weights together")


def build(options: FamoOptions, context: BuildContext) -> LossWeighter:
    """Build the weighter."""
    from dgljoint_famo.weighter import Famo

    return Famo(options.learning_rate, options.decay, len(context.tasks))


@hookimpl
def dgljoint_loss_weighters() -> Sequence[WeighterSpec]:
    """Offer ``famo``."""
    return [
        WeighterSpec(
            name="famo",
            summary="all tasks learn at one rate, told from what each step did to them",
            options=FamoOptions,
            build=build,
            reference=Reference(
                authors="Liu, B., Feng, Y., Stone, P. and Liu, Q.",
                year=2023,
                title="FAMO: Fast Adaptive Multitask Optimization",
                url="https://arxiv.org/abs/2306.03792",
            ),
        )
    ]
