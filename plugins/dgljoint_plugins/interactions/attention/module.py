"""Cross-attention between the two views, in both directions, with a gate for each task."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from dgljoint import UsageError
from dgljoint import nn as joint
from dgljoint_plugins.interactions.attention import AttentionOptions
from dgljoint_plugins.shared.links import gain_of_links


class CrossAttention(joint.Interaction):
    """Multi-head attention (Vaswani et al., 2017) from each view to the other, and a gate for each.

    A post attends to posts of the other view, and takes from the other task's *cascade token*: the
    mean of that view, and what that task's head says. For the cascade view that is the class, for
    the rumor view how well the observed links are predicted, which its posts know too. What the
    heads say is a constant to the other task's loss. The last maps start at zero, so that nothing
    is taken at the start; docs/interactions/attention.md has the equations.
    """

    def __init__(self, options: AttentionOptions, width: int, classes: int) -> None:
        super().__init__()
        self.candidates = options.candidates
        self.for_cascade = Taking(options, width, of_posts=width, of_token=width + classes)
        self.for_rumor = Taking(options, width, of_posts=width + 1, of_token=width + 2)

    def inform_cascade(
        self, reps: joint.Representations, classify: joint.Classify, batch: joint.CascadeBatch
    ) -> Tensor:
        """Return the cascade view with what it takes from the rumor view. Shapes: (N, D)."""
        with torch.no_grad():
            logits = classify()
            verdict = logits.softmax(1) * logits.shape[1] - 1
        token = torch.cat((batch.pool(reps.rumor), verdict), dim=1)
        taken: Tensor = self.for_cascade(reps.cascade, reps.rumor, token, batch)
        return taken

    def inform_rumor(
        self, reps: joint.Representations, score_links: joint.ScoreLinks, batch: joint.CascadeBatch
    ) -> Tensor:
        """Return the rumor view with what it takes from the cascade view. Shapes: (N, D)."""
        with torch.no_grad():
            gain = gain_of_links(score_links, batch, self.candidates).unsqueeze(1)
            gain = gain.to(reps.cascade.dtype)
            # The sum of n gains over the root of n: of the size of one, and surer with more links.
            evidence = batch.pool(gain) * batch.observed_posts.to(gain.dtype).sqrt().unsqueeze(1)
        rows = torch.cat((reps.cascade, gain), dim=1)
        token = torch.cat((batch.pool(rows), evidence), dim=1)
        taken: Tensor = self.for_rumor(reps.rumor, rows, token, batch)
        return taken


class Taking(nn.Module):
    """What one task's view takes from the other's posts and from its cascade token.

    Args:
        options: of the interaction.
        width: D, of the view.
        of_posts: width F of the other view's rows.
        of_token: width S of its token.
    """

    def __init__(
        self, options: AttentionOptions, width: int, *, of_posts: int, of_token: int
    ) -> None:
        super().__init__()
        self.heads, self.posts = options.heads, options.posts
        if width % self.heads:
            raise UsageError(
                f"{self.heads} attention heads do not divide the width {width}",
                hint="choose other `heads`, or another `-s model.width`",
            )
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(of_posts, width)
        self.value = nn.Linear(of_posts, width)
        self.join = nn.Linear(width, width)
        self.token = nn.Linear(of_token, width)
        self.gate = nn.Linear(2 * width, width)
        self.dropout = joint.Dropout(options.dropout)
        joint.xavier(self)
        for last in (self.join, self.token):
            nn.init.zeros_(last.weight)

    def forward(
        self, own: Tensor, other: Tensor, token: Tensor, batch: joint.CascadeBatch
    ) -> Tensor:
        """Return (N, D) of ``own`` (N, D), ``other`` (N, F) and ``token`` (B, S)."""
        attended = self.dropout(self.join(self._attend(own, other, batch)))
        taken = attended + self.token(token)[batch.cascade_of]
        gate = self.gate(torch.cat((own, taken), dim=1)).sigmoid()
        view: Tensor = own + gate * taken
        return view

    def weights(
        self, own: Tensor, other: Tensor, batch: joint.CascadeBatch
    ) -> joint.AttentionWeights:
        """Return how much each post attends to posts; the arguments are those of ``forward``."""
        posts, keys, allowed = zip(*self._tables(batch), strict=True)
        queries, others = self._split(self.query(own), posts), self._split(self.key(other), keys)
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for number, (left, right) in enumerate(zip(queries, others, strict=True)):
            score = left @ right.transpose(2, 3) / left.shape[3] ** 0.5
            hidden = ~allowed[number][:, None, :1]
            share = score.masked_fill(hidden, float("-inf")).softmax(3).permute(0, 2, 3, 1)
            row, place, other_place = pairs = allowed[number].nonzero().unbind(1)
            found.append((
                posts[number][row, place], keys[number][row, other_place], share[pairs]
            ))
        return joint.AttentionWeights(*(torch.cat(part) for part in zip(*found, strict=True)))

    def _attend(self, own: Tensor, other: Tensor, batch: joint.CascadeBatch) -> Tensor:
        posts, keys, allowed = zip(*self._tables(batch), strict=True)
        queries, others = self._split(self.query(own), posts), self._split(self.key(other), keys)
        values = self._split(self.value(other), keys)
        parts = []
        for number, (query, key, value) in enumerate(zip(queries, others, values, strict=True)):
            found = nn.functional.scaled_dot_product_attention(
                # The first row is a real post's: which keys there are depends on no query.
                query, key, value, attn_mask=allowed[number][:, None, :1],
            )
            parts.append(found.transpose(1, 2).flatten(2).flatten(0, 1))
        real = torch.cat([mask[:, :, 0].flatten() for mask in allowed]).nonzero().squeeze(1)
        place = torch.cat([table.flatten() for table in posts])[real]
        back = torch.empty_like(real)
        back[place] = real
        return torch.cat(parts).index_select(0, back)

    def _split(self, x: Tensor, tables: Sequence[Tensor]) -> list[Tensor]:
        """Return the rows of tables of posts by head. Shapes: (R, L) each, to (R, H, L, D / H)."""
        # One selection for all: the gradient of each is as large as x.
        rows = x.index_select(0, torch.cat([table.flatten() for table in tables]))
        parts = torch.split(rows, [table.numel() for table in tables])
        return [
            part.view(*table.shape, self.heads, -1).transpose(1, 2)
            for part, table in zip(parts, tables, strict=True)
        ]

    def _tables(self, batch: joint.CascadeBatch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield cascades of similar sizes: posts (R, L), their keys (R, K), allowed (R, L, K).

        The keys are the source, first, and then the observed posts with the most observed replies,
        of equal ones the latest.
        """
        for bucket in batch.buckets:
            posts, real = bucket.posts, bucket.real
            order = batch.delay_seconds[posts].argsort(dim=1, descending=True, stable=True)
            replies = batch.children[posts].masked_fill(~(batch.observed[posts] & real), -1)
            source = posts == batch.root[batch.cascade_of[posts]]
            replies = replies.masked_fill(source & real, len(batch.kind))
            best = replies.gather(1, order).argsort(dim=1, descending=True, stable=True)
            chosen = order.gather(1, best)[:, : self.posts]
            keys = posts.gather(1, chosen)
            key_real = replies.gather(1, chosen) >= 0
            yield posts, keys, real.unsqueeze(2) & key_real.unsqueeze(1)
