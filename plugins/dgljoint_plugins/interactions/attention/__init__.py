"""``attention``: each view attends to the other one and reads the other head's answer."""

from pydantic import Field

import dgljoint


class AttentionOptions(dgljoint.Options):
    """Options of ``attention``."""

    # The paper's 8 heads are 64 columns wide; the default width of a view is 64 in all.
    heads: int = Field(4, ge=1, le=4096, description="attention heads; they divide the width")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of what is attended to dropped")
    posts: int = Field(
        32, ge=1, description="posts of a cascade that are attended to, those with most replies"
    )
    candidates: int = Field(
        8, ge=1, description="parents a link's surprise is taken among: source and latest posts"
    )


def build(options: AttentionOptions, context: dgljoint.BuildContext) -> "dgljoint.nn.Interaction":
    """Build the interaction."""
    from dgljoint_plugins.interactions.attention.module import CrossAttention

    return CrossAttention(options, context.width, context.classes)


@dgljoint.hookimpl
def dgljoint_interactions() -> list[dgljoint.InteractionSpec]:
    """Offer ``attention``."""
    return [dgljoint.InteractionSpec(
        name="attention",
        summary="each view attends to the other one and reads the answer of the other task's head",
        options=AttentionOptions, build=build,
        reference=dgljoint.Reference(
            authors="Vaswani, A., Shazeer, N., Parmar, N., Uszkoreit, J., Jones, L., "
            "Gomez, A. N., Kaiser, Ł. and Polosukhin, I.", year=2017,
            title="Attention Is All You Need", url="https://arxiv.org/abs/1706.03762",
        ),
    )]
