"""``rlw``: loss weights drawn anew in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgljoint import BuildContext, Options, Reference, WeighterSpec, hookimpl

if TYPE_CHECKING:
    from dgljoint.nn import LossWeighter


def build(options: Options, context: BuildContext) -> LossWeighter:
    """Build the weighter."""
    from dgljoint_plugins.weighters.rlw.module import RandomLossWeighting

    return RandomLossWeighting()


@hookimpl
def dgljoint_loss_weighters() -> list[WeighterSpec]:
    """Offer ``rlw``."""
    return [WeighterSpec(
        name="rlw",
        summary="random weights, drawn anew in every step",
        build=build,
        reference=Reference(
            authors="Lin, B., Ye, F., Zhang, Y. and Tsang, I. W.", year=2022,
            title="Reasonable Effectiveness of Random Weighting: A Litmus Test for "
            "Multi-Task Learning",
            url="https://arxiv.org/abs/2111.10603",
        ),
    )]
