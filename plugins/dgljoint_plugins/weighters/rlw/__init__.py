"""``rlw``: loss weights drawn anew in every step."""

import dgljoint


def build(options: dgljoint.Options, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.rlw.module import RandomLossWeighting

    return RandomLossWeighting()


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``rlw``."""
    return [dgljoint.WeighterSpec(
        name="rlw",
        summary="random weights, drawn anew in every step",
        build=build,
        reference=dgljoint.Reference(
            authors="Lin, B., Ye, F., Zhang, Y. and Tsang, I. W.", year=2022,
            title="Reasonable Effectiveness of Random Weighting: A Litmus Test for "
            "Multi-Task Learning",
            url="https://arxiv.org/abs/2111.10603",
        ),
    )]
