"""Cross-attention between the two views, in both directions, with a gate for each task."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from dgljoint import nn as joint
from dgljoint_plugins.interactions.attention import AttentionOptions


class CrossAttention(joint.Interaction):
    """Multi-head attention (Vaswani et al., 2017) from each view to the other, and a gate for each.

    A post attends as in :func:`dgljoint.nn.attend`: the rumor view to the whole observed cascade,
    the cascade view to posts before it alone, as the link head may know of a post only what was
    there when it arrived; ``causal`` lifts that for observed posts.
    """

    def __init__(self, options: AttentionOptions, width: int) -> None:
        super().__init__()
        self.causal = options.causal
        self.for_cascade = _Taking(width, options.heads, options.dropout)
        self.for_rumor = _Taking(width, options.heads, options.dropout)

    def couple(
        self, reps: joint.Representations, batch: joint.CascadeBatch
    ) -> joint.Representations:
        """Return both views, each with what it takes from the other as that was before."""
        return replace(
            reps,
            cascade=self.for_cascade(reps.cascade, reps.rumor, batch, self.causal),
            rumor=self.for_rumor(reps.rumor, reps.cascade, batch, False),
        )


class _Taking(nn.Module):
    """What one task's view takes from the other's."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = joint.CascadeAttention(width, heads)
        self.dropout = joint.Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(2 * width, width)
        joint.xavier(self.gate)

    def forward(
        self, own: Tensor, other: Tensor, batch: joint.CascadeBatch, causal: bool
    ) -> Tensor:
        attended = self.attention(own, other, batch, causal=causal)
        informed = self.norm(own + self.dropout(attended))
        gate = self.gate(torch.cat((own, informed), dim=1)).sigmoid()
        view: Tensor = own + gate * informed
        return view
