"""``adversarial``: a discriminator between real and predicted propagation graphs."""

from pydantic import Field

import dgljoint


class AdversarialOptions(dgljoint.Options):
    """Options of ``adversarial``."""

    weight: float = Field(
        0.1, ge=0, description="share of the cascade task's gradient at the link logits"
    )
    warmup: int = Field(
        200, ge=0, description="steps in which the loss's gradient grows to its full size"
    )
    # Of Jang et al.'s range, 0.5 to 1, the end with the least variance of the gradient.
    temperature: float = Field(
        1.0, ge=0.1, le=10, description="of the Gumbel softmax that the gradient passes"
    )
    hidden: int = Field(32, ge=1, le=4096, description="width of the discriminator")
    layers: int = Field(2, ge=1, le=16, description="graph layers of the discriminator")
    # The paper's 10 is for images and no other bound on the discriminator; this much, with
    # spectral normalisation, leads closer to a hidden rule of attachment than none.
    r1: float = Field(
        0.1, ge=0, description="factor of the discriminator's gradient penalty; 0 for none"
    )
    candidates: int = Field(
        8, ge=1, description="parents predicted for an observed post: the source and the latest"
    )


def build(options: AdversarialOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Interaction":
    """Build the interaction."""
    from dgljoint_plugins.interactions.adversarial.module import Adversarial

    return Adversarial(options, context.width)


@dgljoint.hookimpl
def dgljoint_interactions() -> list[dgljoint.InteractionSpec]:
    """Offer ``adversarial``."""
    return [dgljoint.InteractionSpec(
        name="adversarial",
        summary="the predicted propagation graph must pass for a real one",
        options=AdversarialOptions, build=build,
        reference=dgljoint.Reference(
            authors="Goodfellow, I., Pouget-Abadie, J., Mirza, M., Xu, B., Warde-Farley, D., "
            "Ozair, S., Courville, A. and Bengio, Y.", year=2014,
            title="Generative Adversarial Nets", url="https://arxiv.org/abs/1406.2661",
        ),
    )]
