"""``uncertainty``: a loss counts by the inverse of a variance that is learned for it."""

from pydantic import Field

import dgljoint


class UncertaintyOptions(dgljoint.Options):
    """Options of ``uncertainty``."""

    # Kendall et al. train the variances with the model, over a hundred thousand steps. Ours take
    # hundreds, in which the model's rate would hardly move them; Chen et al. (2018) compare with
    # this method at this rate of Adam's.
    learning_rate: float = Field(0.025, gt=0, description="Adam's, of the log-variances")


def build(
    options: UncertaintyOptions, context: dgljoint.BuildContext
) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.uncertainty.module import Uncertainty

    return Uncertainty(options.learning_rate, len(context.tasks))


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``uncertainty``."""
    return [dgljoint.WeighterSpec(
        name="uncertainty",
        summary="weights by the inverse of each task's learned variance",
        options=UncertaintyOptions, build=build,
        reference=dgljoint.Reference(
            authors="Kendall, A., Gal, Y. and Cipolla, R.", year=2018,
            title="Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry "
            "and Semantics",
            url="https://arxiv.org/abs/1705.07115",
        ),
    )]
