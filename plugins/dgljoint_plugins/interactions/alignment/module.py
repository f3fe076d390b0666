"""The two views aligned at three resolutions: posts, depth layers, cascades."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Interaction, Outputs, Representations, xavier
from dgljoint_plugins.interactions.alignment import AlignmentOptions, objectives
from dgljoint_plugins.shared.trees import climb, observed_parents

LEVELS = ("post", "layer", "cascade")


class Alignment(Interaction):
    """Levels of each view, half of each shared with the other view and half private.

    The levels are the posts, the means of the depth layers of the observed trees and the means of
    the cascades, each through an extractor (Houlsby et al., 2019, arXiv 1902.00751) and an aligner
    into the space that the views share; ``couple`` lets a post attend to its three levels. The
    equations are in docs/interactions/alignment.md.

    A post below a hidden edge has no token of a layer. For the cascade view layers and cascades are
    pooled over posts no later than the post itself, or later posts would reach the scores of its
    links. Statistics of the batch enter the loss alone, which reads the views that the heads get.
    """

    def __init__(self, options: AlignmentOptions, width: int) -> None:
        super().__init__()
        self.options = options
        sizes = (options.post_width, options.layer_width, options.cascade_width)
        self.cascade = View(width, sizes, options.heads)
        self.rumor = View(width, sizes, options.heads)

    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        """One loss."""
        return {"alignment": self.options.weight}

    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        """Refine each view by its own levels."""
        layers = Layers.of(batch)
        known = layers.number >= 0
        cascade = self.cascade.tokens(_levels_before(reps.cascade, batch, layers))
        post, of_layer, of_cascade = self.rumor.tokens(_levels(reps.rumor, batch, layers))
        rumor = (post, of_layer[layers.number.clamp(min=0)], of_cascade[batch.cascade_of])
        return Representations(
            shared=reps.shared,
            cascade=self.cascade(reps.cascade, torch.stack(cascade, 1), known),
            rumor=self.rumor(reps.rumor, torch.stack(rumor, 1), known),
        )

    def losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the loss."""
        terms = []
        for one, other in self._pairs(reps, batch):
            apart = (objectives.overlap(*one) + objectives.overlap(*other)) / 2
            terms.append(self._objective(one[0], other[0]) + self.options.orthogonality * apart)
        return {"alignment": torch.stack(terms).mean()}

    def diagnostics(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the effective rank of the shared halves, the mean of both views', by level."""
        rank, pairs = objectives.effective_rank, self._pairs(reps, batch)
        return {
            f"rank_{name}": (rank(one[0]) + rank(other[0])) / 2
            for name, (one, other) in zip(LEVELS, pairs, strict=True)
        }

    def _pairs(
        self, reps: Representations, batch: CascadeBatch
    ) -> list[tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]:
        """Return the halves of the cascade and of the rumor view at every level, in float32."""
        layers = Layers.of(batch)
        found = (
            view.halves(_levels(x, batch, layers))
            for view, x in ((self.cascade, reps.cascade), (self.rumor, reps.rumor))
        )
        return list(zip(*found, strict=True))

    def _objective(self, a: Tensor, b: Tensor) -> Tensor:
        options = self.options
        if options.objective == "vicreg":
            return objectives.vicreg(a, b, variance=options.variance, covariance=options.covariance)
        plain: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "cosine": objectives.cosine, "cka": objectives.cka, "coral": objectives.coral,
        }
        return plain[options.objective](a, b)


class Level(nn.Module):
    """One view at one resolution, of the even width ``size``: projection, extractor, aligner."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(width, size), nn.LayerNorm(size), nn.GELU())
        self.extract = nn.Sequential(nn.Linear(size, width), nn.GELU(), nn.Linear(width, size))
        self.align = nn.Linear(size // 2, size // 2)
        xavier(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shared and the private half. Shapes: (M, D) to (M, w/2) and (M, w/2)."""
        projected = self.project(x)
        features = projected + self.extract(projected)
        common, private = features.chunk(2, dim=1)
        return self.align(common), private


class View(nn.Module):
    """One task's view at every level, of ``sizes``, and the attention of its posts to them."""

    def __init__(self, width: int, sizes: Sequence[int], heads: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * max(1, width // heads)
        self.levels = nn.ModuleList(Level(width, size) for size in sizes)
        self.token = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.query = nn.Linear(width, inner)
        self.key = nn.Linear(width, inner)
        self.value = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width)
        xavier(self)

    def halves(self, rows: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Return each level's shared and private (M, w/2) half of its (M, D) rows, in float32."""
        found = [level(x) for level, x in zip(self.levels, rows, strict=True)]
        return [(shared.float(), private.float()) for shared, private in found]

    def tokens(self, rows: Sequence[Tensor]) -> list[Tensor]:
        """Return each level's (M, D) tokens of its (M, D) rows."""
        parts = zip(self.levels, self.token, rows, strict=True)
        return [token(torch.cat(level(x), dim=1)) for level, token, x in parts]

    def forward(self, x: Tensor, tokens: Tensor, layer_known: Tensor) -> Tensor:
        """Refine the (N, D) view by (N, 3, D) tokens; the second counts where ``layer_known``."""
        query, key, value = (
            rows.unflatten(-1, (self.heads, -1))
            for rows in (self.query(x), self.key(tokens), self.value(tokens))
        )
        score = (query.unsqueeze(1) * key).sum(-1) * key.shape[-1] ** -0.5
        counts = torch.ones_like(score, dtype=torch.bool)
        counts[:, 1] = layer_known.unsqueeze(1)
        share = score.masked_fill(~counts, float("-inf")).softmax(1)
        attended = (share.unsqueeze(-1) * value).sum(1).flatten(1)
        refined: Tensor = self.norm(x + self.out(attended))
        return refined


@dataclass(frozen=True, eq=False)
class Layers:
    """Depth layers of observed trees, by the number (N,) of each post; -1 for unknown depth."""

    number: Tensor
    count: int

    @classmethod
    def of(cls, batch: CascadeBatch) -> "Layers":
        """Find them."""
        depth, top = climb(observed_parents(batch))
        known = top == batch.root[batch.cascade_of]
        key = batch.cascade_of * (depth.max() + 1) + depth
        layers, place = torch.unique(key[known], return_inverse=True)
        number = torch.full_like(depth, -1)
        number[known] = place
        return cls(number, len(layers))


def _levels(x: Tensor, batch: CascadeBatch, layers: Layers) -> tuple[Tensor, Tensor, Tensor]:
    """Return a view (N, D) as posts, layers and cascades: (N, D), (M, D) and (B, D)."""
    known = layers.number >= 0
    number, rows = layers.number[known], x[known]
    summed = x.new_zeros(layers.count, x.shape[1]).index_add(0, number, rows)
    size = number.bincount(minlength=layers.count).unsqueeze(1)
    return x, summed / size, batch.pool(x)


def _levels_before(x: Tensor, batch: CascadeBatch, layers: Layers) -> tuple[Tensor, Tensor, Tensor]:
    """Return a view as each post could know it when it came: (N, D) three times."""
    when, known = batch.delay_seconds, layers.number >= 0
    return (
        x,
        mean_until(x, layers.number, when, known),
        mean_until(x, batch.cascade_of, when, batch.observed),
    )


def mean_until(x: Tensor, group: Tensor, when: Tensor, counted: Tensor) -> Tensor:
    """Average, for every row, the counted rows of its group that are no later than it.

    Sums run in float64 through all groups, so that a group's means do not feel those before it.

    Shapes: ``x`` (N, D); ``group``, ``when`` and ``counted`` (N,); to (N, D), 0 where none counts.
    """
    order = when.argsort(stable=True)
    order = order[group[order].argsort(stable=True)]
    first = _starts(group[order])
    last = _starts(group[order], when[order], after=True)
    kept = counted[order].unsqueeze(1)
    rows = nn.functional.pad((x[order] * kept).double().cumsum(0), (0, 0, 1, 0))
    number = nn.functional.pad(kept.long().cumsum(0), (0, 0, 1, 0))
    mean = (rows[last] - rows[first]) / (number[last] - number[first]).clamp(min=1)
    return torch.empty_like(mean).index_copy(0, order, mean).to(x.dtype)


def _starts(*keys: Tensor, after: bool = False) -> Tensor:
    """Return where each row's run of equal keys starts, or where the next one does; (N,)."""
    new = torch.ones_like(keys[0], dtype=torch.bool)
    new[1:] = torch.stack([key[1:] != key[:-1] for key in keys]).any(0)
    starts = nn.functional.pad(new.nonzero().squeeze(1), (0, 1), value=len(new))
    return starts[new.cumsum(0) - (0 if after else 1)]
