"""``groupdro``: the rumor task is trained most on the events where it is worst."""

from pydantic import Field

import dgljoint


class GroupDROOptions(dgljoint.Options):
    """Options of ``groupdro``."""

    cascade: float = Field(0.4, ge=0, description="weight of the cascade task")
    rumor: float = Field(0.6, ge=0, description="weight of the rumor task")
    # Of the authors' code.
    step_size: float = Field(0.01, ge=0, description="how fast the weights of events follow")
    events: int = Field(
        4096, ge=1, le=1 << 20, description="weights kept; events beyond this number share them"
    )


def build(options: GroupDROOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.LossWeighter":
    """Build the weighter."""
    from dgljoint_plugins.weighters.groupdro.module import GroupDRO

    return GroupDRO(options)


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer ``groupdro``."""
    return [dgljoint.WeighterSpec(
        name="groupdro",
        summary="weighs the rumor loss towards the events where it is high",
        options=GroupDROOptions, build=build,
        reference=dgljoint.Reference(
            authors="Sagawa, S., Koh, P. W., Hashimoto, T. B. and Liang, P.", year=2020,
            title="Distributionally Robust Neural Networks for Group Shifts: On the Importance of "
            "Regularization for Worst-Case Generalization",
            url="https://arxiv.org/abs/1911.08731",
        ),
    )]
