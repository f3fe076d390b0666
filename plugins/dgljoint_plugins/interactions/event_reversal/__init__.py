"""``event_reversal``: the rumor view must not show which event a cascade is of."""

from pydantic import Field

import dgljoint


class EventReversalOptions(dgljoint.Options):
    """Options of ``event_reversal``."""

    weight: float = Field(0.1, ge=0, description="coefficient of the event classifier's loss")
    # The paper's schedule runs over the whole training, whose length is not known here.
    warmup: int = Field(
        500, ge=1, description="steps in which the reversed gradient grows to its full size"
    )
    hidden: int = Field(64, ge=1, le=4096, description="width of the event classifier")
    events: int = Field(
        512, ge=2, le=1 << 16, description="classes of the classifier; events beyond share them"
    )


def build(
    options: EventReversalOptions, context: dgljoint.BuildContext
) -> "dgljoint.nn.Interaction":
    """Build the interaction."""
    from dgljoint_plugins.interactions.event_reversal.module import EventReversal

    return EventReversal(options, context.width)


@dgljoint.hookimpl
def dgljoint_interactions() -> list[dgljoint.InteractionSpec]:
    """Offer ``event_reversal``."""
    return [dgljoint.InteractionSpec(
        name="event_reversal",
        summary="a reversed gradient removes what identifies an event from the rumor view",
        options=EventReversalOptions, build=build,
        reference=dgljoint.Reference(
            authors="Ganin, Y., Ustinova, E., Ajakan, H., Germain, P., Larochelle, H., "
            "Laviolette, F., Marchand, M. and Lempitsky, V.", year=2016,
            title="Domain-Adversarial Training of Neural Networks",
            url="https://arxiv.org/abs/1505.07818",
        ),
    )]
