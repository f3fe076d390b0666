"""``baseline``: today's practice, a graph of predicted links for the rumor task, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dgljoint import BuildContext, InteractionSpec, Options, hookimpl

if TYPE_CHECKING:
    from dgljoint.nn import Interaction


class BaselineOptions(Options):
    """Options of ``baseline``."""

    candidates: int = Field(
        16, ge=1, description="parents weighed for a post: the source and the latest before it"
    )
    # As much as the engine drops of a view.
    dropout: float = Field(0.2, ge=0, lt=1, description="share of the messages dropped")


def build(options: BaselineOptions, context: BuildContext) -> Interaction:
    """Build the interaction."""
    from dgljoint_plugins.interactions.baseline.module import Baseline

    return Baseline(options, context.width)


@hookimpl
def dgljoint_interactions() -> list[InteractionSpec]:
    """Offer ``baseline``. It is common practice; no one publication introduced it."""
    return [InteractionSpec(
        name="baseline",
        summary="one way, at the output: the rumor task reads a graph of predicted links",
        options=BaselineOptions,
        build=build,
    )]
