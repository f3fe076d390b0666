"""Attention among the posts of a cascade, for ragged batches and big cascades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dgljoint.batch.batch import Bucket, CascadeBatch
from dgljoint.errors import UsageError
from dgljoint.nn.layers import xavier

# Scores that exist at one time: 32 MB of them in float32.
_MOST_SCORES = 1 << 23

PairBias = Callable[[Tensor, Tensor], Tensor]
"""Returns what is added to the scores of R cascades: query posts (R, Q) and key posts (R, K) of
int64 to (R, H or 1, Q, K); -inf hides a key. It may be called again in the backward pass, so it
must keep the tensors it depends on, and not look up parameters in a module by then."""


@dataclass(frozen=True, eq=False)
class AttentionWeights:
    """How much each post attends to each post it may attend to; M pairs.

    Attributes:
        query: (M,) int64 post that attends.
        key: (M,) int64 post that is attended to.
        weight: (M, H), which sums to one over the keys of a query, or to zero where a bias hides
            them all.
    """

    query: Tensor
    key: Tensor
    weight: Tensor


def attend(
    query: Tensor, key: Tensor, value: Tensor, batch: CascadeBatch, *,
    heads: int, causal: bool = False, bias: PairBias | None = None,
) -> Tensor:
    """Let every post attend to posts of its own cascade (Vaswani et al., 2017, equation 1).

    In each of H heads, which take D / H columns each::

        y_i = sum_j softmax_j(<q_i, k_j> / sqrt(D / H) + bias_ij) v_j

    where j is i itself, or an *observed* post of the cascade that is strictly earlier: of two posts
    of one moment neither knew of the other. Unless ``causal`` is set, an observed post attends to
    later observed posts too. A post whose edge is hidden attends to the past alone and no other
    post attends to it, whatever is set: so no target, and nothing after the observation cut,
    reaches an observed post. A post whose keys are all hidden by the bias gets zeros.

    Cascades of one octave of sizes are padded to one length. More than 2^23 scores of such a table
    are computed piece by piece, and again in the backward pass, so memory grows linearly with the
    size of a cascade.

    Args:
        query: (N, D).
        key: (N, D).
        value: (N, D).
        batch: of the N posts.
        heads: H, a divisor of D.
        causal: hide later posts from observed posts as well.
        bias: added to the scores.

    Returns:
        (N, D).
    """
    parts, posts, real = [], [], []
    for bucket in batch.buckets:
        pieces = list(bucket.pieces(_MOST_SCORES // heads))
        for rows, columns in pieces:
            piece = _Piece(bucket, rows, columns, batch, heads, causal, bias)
            if len(pieces) > 1 and torch.is_grad_enabled():
                part = checkpoint(
                    piece.attend, query, key, value, use_reentrant=False, preserve_rng_state=False
                )
            else:
                part = piece.attend(query, key, value)
            parts.append(part)
            posts.append(piece.query.flatten())
            real.append(piece.query_real.flatten())
    # Every post is real in one place.
    place = torch.cat(real).nonzero().squeeze(1)
    back = torch.empty_like(place)
    back[torch.cat(posts)[place]] = place
    return torch.cat(parts).index_select(0, back)


def attention_weights(
    query: Tensor, key: Tensor, batch: CascadeBatch, *,
    heads: int, causal: bool = False, bias: PairBias | None = None,
) -> AttentionWeights:
    """Return the weights that :func:`attend` averages values by; the arguments are the same.

    They take memory for every pair of posts of a cascade, which :func:`attend` does not.
    """
    found = [
        _Piece(bucket, rows, columns, batch, heads, causal, bias).weights(query, key)
        for bucket in batch.buckets
        for rows, columns in bucket.pieces(_MOST_SCORES // heads)
    ]
    return AttentionWeights(*(torch.cat(parts) for parts in zip(*found, strict=True)))


class _Piece:
    """R cascades of one table and Q of their queries each, (R, Q), with all K keys."""

    def __init__(
        self, bucket: Bucket, rows: slice, columns: slice, batch: CascadeBatch,
        heads: int, causal: bool, bias: PairBias | None,
    ) -> None:
        self._key = bucket.posts[rows]
        self._key_real = bucket.real[rows]
        self.query = self._key[:, columns]
        self.query_real = self._key_real[:, columns]
        self._batch, self._heads, self._causal, self._bias = batch, heads, causal, bias

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return what the queries get. Shapes: (N, D) each, to (R * Q, D)."""
        mask, hidden = self._mask(query.dtype)
        found = nn.functional.scaled_dot_product_attention(
            self._split(query, self.query), self._split(key, self._key),
            self._split(value, self._key), attn_mask=mask,
        )
        if hidden is not None:
            found = found.masked_fill(hidden, 0)
        return found.transpose(1, 2).flatten(2).flatten(0, 1)

    def weights(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries (M,), keys (M,) and weights (M, H) of the pairs that are allowed."""
        mask, hidden = self._mask(query.dtype)
        left, right = self._split(query, self.query), self._split(key, self._key)
        scores = left @ right.transpose(2, 3) / left.shape[3] ** 0.5
        if hidden is None:
            weight = scores.masked_fill(~mask, float("-inf")).softmax(3)
        else:
            weight = (scores + mask).softmax(3).masked_fill(hidden, 0)
        row, place, other = (self._allowed() & self.query_real.unsqueeze(2)).nonzero().T
        pairs = weight.permute(0, 2, 3, 1)[row, place, other]
        return self.query[row, place], self._key[row, other], pairs

    def _split(self, x: Tensor, posts: Tensor) -> Tensor:
        """Return the rows of some posts by head. Shapes: (N, D), (R, L) to (R, H, L, D / H)."""
        # The gradient of index_select is several times cheaper than that of x[posts].
        rows = x.index_select(0, posts.flatten())
        return rows.view(*posts.shape, self._heads, -1).transpose(1, 2)

    def _allowed(self) -> Tensor:
        """(R, Q, K) bool: which keys a query may attend to; itself, padding too."""
        observed, delay = self._batch.observed, self._batch.delay_seconds
        seen = delay[self._key].unsqueeze(1) < delay[self.query].unsqueeze(2)
        if not self._causal:
            seen |= observed[self.query].unsqueeze(2)
        seen &= observed[self._key].unsqueeze(1)
        seen |= self.query.unsqueeze(2) == self._key.unsqueeze(1)
        return seen & self._key_real.unsqueeze(1)

    def _mask(self, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Return the mask, bool or to add, and which queries a bias leaves without a key."""
        allowed = self._allowed().unsqueeze(1)
        if self._bias is None:
            return allowed, None
        bias = self._bias(self.query, self._key).to(dtype)
        mask = bias.masked_fill(~allowed, float("-inf"))
        hidden = mask.detach().amax(3, keepdim=True) == float("-inf")
        # Any finite scores will do where the result is replaced; none would make it NaN.
        return mask.masked_fill(hidden, 0), hidden


class CascadeAttention(nn.Module):
    """Multi-head attention within cascades: :func:`attend` between four linear maps.

    It is :class:`torch.nn.MultiheadAttention` run cascade by cascade, without dropout, which the
    paper applies to what a layer returns and not to the weights.

    Args:
        width: D.
        heads: H.

    Raises:
        UsageError: the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise UsageError(
                f"{heads} attention heads do not divide the width {width}",
                hint="choose other `heads`, or another `-s model.width`",
            )
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.join = nn.Linear(width, width)
        xavier(self)

    def forward(
        self, x: Tensor, other: Tensor, batch: CascadeBatch, *,
        causal: bool = False, bias: PairBias | None = None,
    ) -> Tensor:
        """Let the rows of ``x`` attend to those of ``other``. Shapes: (N, D) twice to (N, D)."""
        found = attend(
            self.query(x), self.key(other), self.value(other), batch,
            heads=self.heads, causal=causal, bias=bias,
        )
        joined: Tensor = self.join(found)
        return joined

    def weights(
        self, x: Tensor, other: Tensor, batch: CascadeBatch, *,
        causal: bool = False, bias: PairBias | None = None,
    ) -> AttentionWeights:
        """Return how much the posts attend to one another. Shapes: as for :meth:`forward`."""
        return attention_weights(
            self.query(x), self.key(other), batch, heads=self.heads, causal=causal, bias=bias
        )
