"""The two views aligned at three resolutions: posts, depth layers, cascades."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgljoint.nn import CascadeBatch, Interaction, Outputs, Representations, xavier
from dgljoint_plugins.interactions.alignment import AlignmentOptions, objectives
from dgljoint_plugins.shared.trees import climb, observed_parents

LEVELS = ("post", "layer", "cascade")
Halves = tuple[Tensor, Tensor]
"""The shared and the private half of some rows, (M, w / 2) each."""

_MOST_POSTS = 2048


class Alignment(Interaction):
    """Levels of each view, half of each shared with the other view and half private.

    The levels are the posts, the means of the depth layers of the observed trees and the means of
    the cascades, each through an extractor (Houlsby et al., 2019, arXiv 1902.00751) and an aligner
    into the space that the views share; ``couple`` lets a post attend to its three levels. The
    equations are in docs/interactions/alignment.md.

    A post below a hidden edge has no token of a layer. Layers and cascades are pooled over observed
    posts, which are earlier than any target. Statistics of the batch enter the loss alone, which
    reads the views that the heads get, as constants.
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
        """Refine each view by its own private halves and the shared halves of the other."""
        layers = Layers.of(batch)
        cascade = self.cascade.halves(_levels(reps.cascade, batch, layers))
        rumor = self.rumor.halves(_levels(reps.rumor, batch, layers))
        return Representations(
            shared=reps.shared,
            cascade=self.cascade(reps.cascade, self.cascade.tokens(cascade, rumor), batch, layers),
            rumor=self.rumor(reps.rumor, self.rumor.tokens(rumor, cascade), batch, layers),
        )

    def losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the loss."""
        terms = []
        # A view that the loss reached would follow it where a task has little to say yet.
        views = Representations(*(view.detach() for view in vars(reps).values()))
        for one, other in self.pyramid(views, batch).values():
            apart = (objectives.overlap(*one) + objectives.overlap(*other)) / 2
            terms.append(self._objective(one[0], other[0]) + self.options.orthogonality * apart)
        return {"alignment": torch.stack(terms).mean()}

    def diagnostics(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the effective rank of the shared halves, the mean of both views', by level."""
        rank = objectives.effective_rank
        return {
            f"rank_{name}": (rank(one[0]) + rank(other[0])) / 2
            for name, (one, other) in self.pyramid(reps, batch).items()
        }

    def pyramid(
        self, reps: Representations, batch: CascadeBatch
    ) -> dict[str, tuple[Halves, Halves]]:
        """Return the halves of the cascade and of the rumor view at each level, in float32.

        The rows are observed posts, evenly spaced where there are more than 2,048, depth layers and
        cascades.
        """
        layers = Layers.of(batch)
        # Statistics of so many posts are as good as those of all.
        posts = batch.observed.nonzero().squeeze(1)
        posts = posts[:: -(-len(posts) // _MOST_POSTS)]
        found = []
        for view, x in ((self.cascade, reps.cascade), (self.rumor, reps.rumor)):
            _, *pooled = _levels(x, batch, layers)
            halves = view.halves((x.index_select(0, posts), *pooled))
            found.append([(shared.float(), private.float()) for shared, private in halves])
        return dict(zip(LEVELS, zip(*found, strict=True), strict=True))

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
        self.norm = nn.ModuleList(nn.LayerNorm(size) for size in sizes)
        self.query = nn.Linear(width, inner)
        self.key = nn.ModuleList(nn.Linear(size, inner) for size in sizes)
        self.value = nn.ModuleList(nn.Linear(size, inner) for size in sizes)
        self.out = nn.Linear(inner, width)
        xavier(self)
        nn.init.zeros_(self.out.weight)  # nothing is added at the start

    def halves(self, rows: Sequence[Tensor]) -> list[Halves]:
        """Return each level's shared and private (M, w/2) half of its (M, D) rows."""
        return [level(x) for level, x in zip(self.levels, rows, strict=True)]

    def tokens(self, own: Sequence[Halves], other: Sequence[Halves]) -> list[Tensor]:
        """Join each level's shared half of the other view to the own private half: (M, w).

        The other view's half is a constant: a loss that reached it would teach one task the
        training set's answers of the other.
        """
        return [
            norm(torch.cat((shared.detach(), private), dim=1))
            for norm, (shared, _), (_, private) in zip(self.norm, other, own, strict=True)
        ]

    def forward(
        self, x: Tensor, tokens: Sequence[Tensor], batch: CascadeBatch, layers: "Layers"
    ) -> Tensor:
        """Refine the (N, D) view by the (M, w) tokens of each level."""
        share = self.weights(x, tokens, batch, layers)
        attended = torch.zeros_like(share[:, 0]).unsqueeze(2)
        places = layers.places(batch)
        for level, (map_of, token) in enumerate(zip(self.value, tokens, strict=True)):
            value = map_of(token).unflatten(1, (self.heads, -1)).index_select(0, places[level])
            attended = attended + share[:, level].unsqueeze(2) * value
        refined: Tensor = x + self.out(attended.flatten(1))
        return refined

    def weights(
        self, x: Tensor, tokens: Sequence[Tensor], batch: CascadeBatch, layers: "Layers"
    ) -> Tensor:
        """Return how much each post attends to its three levels: (N, 3, H), sums of one."""
        query = self.query(x).unflatten(1, (self.heads, -1))
        size = query.shape[2] ** -0.5
        places = layers.places(batch)
        keys = [key(token) for key, token in zip(self.key, tokens, strict=True)]
        scores = [
            (query * key.unflatten(1, (self.heads, -1)).index_select(0, place)).sum(2) * size
            for key, place in zip(keys, places, strict=True)
        ]
        # A post of unknown depth belongs to no layer.
        scores[1] = scores[1].masked_fill((layers.number < 0).unsqueeze(1), float("-inf"))
        return torch.stack(scores, dim=1).softmax(1)


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

    def places(self, batch: CascadeBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the row of each post at each level; (N,) int64 each."""
        itself = torch.arange(len(self.number), device=self.number.device)
        return itself, self.number.clamp(min=0), batch.cascade_of


def _levels(x: Tensor, batch: CascadeBatch, layers: Layers) -> tuple[Tensor, Tensor, Tensor]:
    """Return a view (N, D) as posts, layers and cascades: (N, D), (M, D) and (B, D)."""
    known = layers.number >= 0
    number, rows = layers.number[known], x[known]
    summed = x.new_zeros(layers.count, x.shape[1]).index_add(0, number, rows)
    size = number.bincount(minlength=layers.count).unsqueeze(1)
    return x, summed / size, batch.pool(x)
