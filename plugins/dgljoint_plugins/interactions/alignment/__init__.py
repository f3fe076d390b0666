"""``alignment``: halves of the two views are drawn together at three resolutions."""

from typing import Literal

from pydantic import Field

import dgljoint


class AlignmentOptions(dgljoint.Options):
    """Options of ``alignment``."""

    weight: float = Field(0.1, ge=0, description="coefficient of the loss")
    objective: Literal["vicreg", "cosine", "cka", "coral"] = Field(
        "vicreg", description="what draws the shared halves of the two views together"
    )
    # The paper's 25, 25 and 1, divided by the first, so that the loss is of the tasks' size.
    variance: float = Field(1.0, ge=0, description="factor of vicreg's variance term")
    covariance: float = Field(0.04, ge=0, description="factor of vicreg's covariance term")
    orthogonality: float = Field(
        1.0, ge=0, description="factor of what keeps private halves orthogonal to shared ones"
    )
    # Hundreds of columns let the heads learn a training set of some hundred cascades by heart.
    post_width: int = Field(16, ge=2, le=4096, multiple_of=2, description="features of a post")
    layer_width: int = Field(
        16, ge=2, le=4096, multiple_of=2, description="features of a depth layer"
    )
    cascade_width: int = Field(
        16, ge=2, le=4096, multiple_of=2, description="features of a cascade"
    )
    heads: int = Field(4, ge=1, le=4096, description="heads of the attention over the levels")


def build(options: AlignmentOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Interaction":
    """Build the interaction."""
    from dgljoint_plugins.interactions.alignment.module import Alignment

    return Alignment(options, context.width)


@dgljoint.hookimpl
def dgljoint_interactions() -> list[dgljoint.InteractionSpec]:
    """Offer ``alignment``."""
    return [dgljoint.InteractionSpec(
        name="alignment",
        summary="draws halves of the two views together: of posts, depth layers and cascades",
        options=AlignmentOptions, build=build,
        reference=dgljoint.Reference(
            authors="Bardes, A., Ponce, J. and LeCun, Y.", year=2022,
            title="VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised "
            "Learning",
            url="https://arxiv.org/abs/2105.04906",
        ),
    )]
