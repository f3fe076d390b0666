"""``baseline``: today's practice, a graph of predicted links for the rumor task, one way."""

from pydantic import Field

import dgljoint


class BaselineOptions(dgljoint.Options):
    """Options of ``baseline``."""

    candidates: int = Field(
        16, ge=1, description="parents weighed for a post: the source and the latest before it"
    )
    # As much as the engine drops of a view.
    dropout: float = Field(0.2, ge=0, lt=1, description="share of the messages dropped")


def build(options: BaselineOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Interaction":
    """Build the interaction."""
    from dgljoint_plugins.interactions.baseline.module import Baseline

    return Baseline(options, context.width)


@dgljoint.hookimpl
def dgljoint_interactions() -> list[dgljoint.InteractionSpec]:
    """Offer ``baseline``. It is common practice; no one publication introduced it."""
    return [dgljoint.InteractionSpec(
        name="baseline",
        summary="one way, at the output: the rumor task reads a graph of predicted links",
        options=BaselineOptions, build=build,
    )]
