"""A discriminator between real and predicted propagation graphs."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from dgljoint import nn as joint
from dgljoint_plugins.interactions.adversarial import AdversarialOptions
from dgljoint_plugins.shared.links import predicted_links
from dgljoint_plugins.shared.trees import climb, observed_parents

_TINY = 1e-12
_LEAST_SHARE = 0.01
_LOGGED = ("loss", "accuracy", "real", "drawn", "depth_distance", "degree_distance")
# The penalty is as good when it is taken seldom (Karras et al., 2020, arXiv 1912.04958, section 4).
_R1_EVERY = 8
_LEAK = 0.2  # of the rectifiers: Radford et al., 2015, arXiv 1511.06434


class Adversarial(joint.Interaction):
    """A generative adversarial game (Goodfellow et al., 2014) about who attaches to whom.

    The link head draws a parent for every target, by a straight-through Gumbel softmax (Jang et
    al., 2017, arXiv 1611.01144), so that the discriminator cannot recognise probabilities by their
    softness. It sees the targets' edges alone, real or drawn, and the shared representations,
    detached; its maps have spectral norm 1 (Miyato et al., 2018, arXiv 1802.05957) and ``r1``
    penalises its gradient by the edges (Mescheder et al., 2018, arXiv 1801.04406). The losses are
    in docs/interactions/adversarial.md.

    What the discriminator makes of the observed links informs the rumor view: whether links are as
    they are predicted, and how not, may depend on the class.

    The gradient at the link logits is scaled to that of the listwise link loss, so that ``weight``
    is the share of the task's gradient, whatever the size of the discriminator's is.

    In the model's step it runs on a copy of its state and does not change. Over the first
    ``warmup`` training steps the gradient grows linearly from 0, and the value stays: a weighter
    that divides a loss by its running size would undo a smaller value.
    """

    steps: Tensor

    def __init__(self, options: AdversarialOptions, width: int) -> None:
        super().__init__()
        self.options = options
        self.discriminator = Discriminator(width, options.hidden, options.layers)
        self.inform = nn.Linear(2 * options.hidden, width)
        nn.init.zeros_(self.inform.weight)
        nn.init.zeros_(self.inform.bias)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        """One loss."""
        return {"adversarial": self.options.weight}

    def inform_rumor(
        self, reps: joint.Representations, score_links: joint.ScoreLinks, batch: joint.CascadeBatch
    ) -> Tensor:
        """Return the rumor view with how the observed graph differs from the predicted one, (N, D).

        The difference is that of the discriminator's features, which serve a classification as
        those of Radford et al. (2015, arXiv 1511.06434) do. The posts are the same in both graphs,
        so that it depends on links alone. It is a constant to the rumor loss.
        """
        links = batch.edges.flip(0)
        pairs, probability = predicted_links(score_links, batch, self.options.candidates)
        with torch.no_grad():
            ones = torch.ones_like(probability[:1]).expand(links.shape[1])
            observed, _ = self._frozen(batch, reps.shared, links, ones, links)
            predicted, _ = self._frozen(batch, reps.shared, pairs, probability, links)
        informed: Tensor = reps.rumor + self.inform(observed - predicted)[batch.cascade_of]
        return informed

    def losses(
        self, reps: joint.Representations, outputs: joint.Outputs, batch: joint.CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the link head's loss; 0 for a batch without targets."""
        strength = self._strength()
        logits = outputs.link_logits
        if batch.targets == 0:
            return {"adversarial": logits.sum() * 0}
        drawn, share = self._draw(logits, batch)
        # A pair's part of the gradient is in proportion to its share.
        kept = ((share > _LEAST_SHARE) | (drawn > 0.5)).nonzero().squeeze(1)
        loss = nn.functional.softplus(-self._judge(reps, batch, kept, drawn[kept])).mean()
        if not loss.requires_grad:  # the values alone are wanted
            return {"adversarial": loss}
        (slope,) = torch.autograd.grad(loss, logits)
        size = _task_slope(logits, batch).norm() / slope.norm().clamp(min=_TINY)
        # The value of the loss, and the slope at the size that is wanted.
        return {"adversarial": loss.detach() + _sloped(logits, slope * size * strength)}

    def opponent_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the discriminator's."""
        return self.discriminator.parameters()

    def opponent_losses(
        self, reps: joint.Representations, outputs: joint.Outputs, batch: joint.CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the discriminator's losses; 0 for a batch without targets."""
        if batch.targets == 0:
            nothing = [parameter.sum() * 0 for parameter in self.opponent_parameters()]
            return {"discriminator": torch.stack(nothing).sum()}
        shared, asked = reps.shared.detach(), _asked(batch)
        real = batch.pairs[:, batch.pair_target]
        penalised = self.options.r1 > 0 and int(self.steps) % _R1_EVERY == 0
        weight = shared.new_ones(real.shape[1]).requires_grad_(penalised)
        passed = self.discriminator(batch, shared, real, weight, batch.pairs)[1][asked]
        drawn = batch.pairs[:, self.draw(outputs.link_logits, batch) > 0.5]
        ones = shared.new_ones(drawn.shape[1])
        caught = self.discriminator(batch, shared, drawn, ones, batch.pairs)[1][asked]
        losses = {"discriminator": _loss_of_discriminator(passed, caught)}
        if penalised:
            (slope,) = torch.autograd.grad(passed.sum(), weight, create_graph=True)
            losses["r1"] = _R1_EVERY * self.options.r1 / 2 * slope.square().sum() / len(passed)
        return losses

    def diagnostics(
        self, reps: joint.Representations, outputs: joint.Outputs, batch: joint.CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return D's ``loss``, ``accuracy``, mean scores, and the :func:`tree_distances`."""
        zero = outputs.link_logits.new_zeros(())
        if batch.targets == 0:
            return dict.fromkeys(_LOGGED, zero) | {"accuracy": zero + 0.5}
        # Noise of its own: what is logged must not change what is drawn after it.
        noise = torch.Generator(batch.device).manual_seed(0)
        drawn = self.draw(outputs.link_logits, batch, noise) > 0.5
        real, fake = self.judge(reps, batch, batch.pair_target), self.judge(reps, batch, drawn)
        right = torch.cat([real > 0, fake <= 0]).float().mean()
        loss = _loss_of_discriminator(real, fake)
        found = (loss, right, real.mean(), fake.mean(), *tree_distances(batch, drawn))
        return dict(zip(_LOGGED, found, strict=True))

    def draw(
        self, logits: Tensor, batch: joint.CascadeBatch, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw one parent for each target, of which there is one at least.

        Shapes: ``logits`` (P,) to (P,), 1 for pairs drawn; the gradient is the Gumbel softmax's.
        """
        return self._draw(logits, batch, generator)[0]

    def _draw(
        self, logits: Tensor, batch: joint.CascadeBatch, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw as :meth:`draw`; the shares, softmax of the noisy scores, are the second result."""
        logits, group = logits.float(), batch.pair_group
        noise = -torch.empty_like(logits).exponential_(generator=generator).log()
        scores = (logits + noise) / self.options.temperature
        soft = joint.log_softmax_over_groups(scores, group, batch.targets).exp()
        hard = torch.zeros_like(soft).index_fill(0, _first_best(scores, group, batch.targets), 1)
        return soft + (hard - soft).detach(), soft.detach()

    def judge(
        self, reps: joint.Representations, batch: joint.CascadeBatch, chosen: Tensor
    ) -> Tensor:
        """Judge trees: the discriminator's logit for each of the A cascades that have targets.

        The discriminator does not change. Its opinion of the real trees is that of
        ``batch.pair_target``, of predicted ones that of a :meth:`draw`.

        Shapes: ``chosen`` (P,) bool, one pair for each target, to (A,), high for real.
        """
        kept = chosen.nonzero().squeeze(1)
        return self._judge(reps, batch, kept, reps.shared.new_ones(len(kept)))

    def _judge(
        self, reps: joint.Representations, batch: joint.CascadeBatch, kept: Tensor, weight: Tensor
    ) -> Tensor:
        """Judge trees of pairs at places ``kept`` (E,), of ``weight`` (E,), as :meth:`judge`."""
        edges = batch.pairs.index_select(1, kept)
        found = self._frozen(batch, reps.shared.detach(), edges, weight, batch.pairs)
        return found[1][_asked(batch)]

    def _frozen(self, *given: Tensor | joint.CascadeBatch) -> tuple[Tensor, Tensor]:
        """Run the discriminator without leaving a trace in it."""
        state = {name: held.clone() for name, held in self.discriminator.state_dict().items()}
        found: tuple[Tensor, Tensor] = functional_call(self.discriminator, state, given)
        return found

    def _strength(self) -> Tensor | float:
        """Return the share of the gradient that passes, and count the step."""
        if not self.training:
            return 1.0
        share = (self.steps / max(self.options.warmup, 1)).clamp(max=1)
        self.steps += 1
        return share if self.options.warmup else 1.0


class Discriminator(nn.Module):
    """Reads the edges of a tree: graph layers with weighted edges, means, a map to one logit."""

    def __init__(self, width: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, hidden)
        # A post's row, its parent's, their product, the mean of its children's, their number.
        self.layers = nn.ModuleList(nn.Linear(4 * hidden + 1, hidden) for _ in range(layers))
        self.head = nn.Linear(2 * hidden, 1)
        joint.xavier(self)
        for layer in (self.project, *self.layers, self.head):
            spectral_norm(layer)

    def forward(
        self, batch: joint.CascadeBatch, x: Tensor, edges: Tensor, weight: Tensor, read: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the features of each cascade's tree, (B, 2H), and its logit, (B,), high for real.

        Shapes: ``x`` (N, D); ``edges`` (2, E) from parent to child, the child first, each of a
        ``weight`` (E,); ``read`` (2, P) children and candidates over whose rows the means are.
        """
        parent = edges[1]
        h = self.project(x.to(self.project.bias.dtype))
        weight = weight.to(h.dtype)
        degree = h.new_zeros(len(h)).index_add(0, parent, weight).unsqueeze(1)
        for layer in self.layers:
            h = nn.functional.leaky_relu(h, _LEAK)
            above = joint.sum_over_edges(edges.flip(0), weight, h)
            below = joint.sum_over_edges(edges, weight, h) / (1 + degree)
            h = layer(torch.cat((h, above, h * above, below, degree.log1p()), dim=1))
        h = nn.functional.leaky_relu(h, _LEAK)
        features = torch.cat([_mean_of(batch, h, posts) for posts in read], dim=1)
        return features, self.head(features).squeeze(1)


def _asked(batch: joint.CascadeBatch) -> Tensor:
    """Return which cascades have targets; (B,) bool."""
    asked = torch.zeros_like(batch.root, dtype=torch.bool)
    return asked.index_fill(0, batch.cascade_of[batch.pairs[0]], True)


def _loss_of_discriminator(real: Tensor, drawn: Tensor) -> Tensor:
    return (nn.functional.softplus(-real) + nn.functional.softplus(drawn)).mean()


def _task_slope(logits: Tensor, batch: joint.CascadeBatch) -> Tensor:
    """Return the gradient of the listwise link loss by the (P,) logits."""
    logits = logits.detach().float()
    share = joint.log_softmax_over_groups(logits, batch.pair_group, batch.targets).exp()
    return (share - batch.pair_target.to(share.dtype)) / batch.targets


def _sloped(x: Tensor, slope: Tensor) -> Tensor:
    """Return 0 with the gradient ``slope`` by ``x``."""
    return ((x - x.detach()) * slope.to(x.dtype)).sum()


def _mean_of(batch: joint.CascadeBatch, h: Tensor, posts: Tensor) -> Tensor:
    """Average over those of each cascade's posts that are named, once or more; (B, H)."""
    named = h.new_zeros(len(h), 1).index_fill(0, posts, 1)
    summed = h.new_zeros(len(batch.root), h.shape[1]).index_add(0, batch.cascade_of, h * named)
    number = h.new_zeros(len(batch.root), 1).index_add(0, batch.cascade_of, named)
    return summed / number.clamp(min=1)


def _first_best(scores: Tensor, group: Tensor, groups: int) -> Tensor:
    """Return, for each of T groups, the place of its highest score, the first of equal ones."""
    lowest = scores.new_full((groups,), float("-inf"))
    highest = lowest.scatter_reduce(0, group, scores.detach(), "amax")
    beyond = torch.full_like(group, len(group))
    place = torch.where(
        scores == highest[group], torch.arange(len(group), device=group.device), beyond
    )
    return beyond[:groups].scatter_reduce(0, group, place, "amin")


def tree_distances(batch: joint.CascadeBatch, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Return the 1-Wasserstein distances of depths and degrees, of (P,) chosen and real parents."""
    child, candidate = batch.pairs
    parents = observed_parents(batch)
    is_candidate = torch.zeros_like(batch.observed).index_fill(0, candidate, True)
    depths, degrees = [], []
    for pairs in (batch.pair_target, chosen):
        target, parent = child[pairs], candidate[pairs]
        depth, _ = climb(parents.index_copy(0, target, parent))
        depths.append(depth[target].sort().values.float())
        degree = parent.bincount(minlength=len(parents))
        degrees.append(degree[is_candidate].sort().values.float())
    return (depths[0] - depths[1]).abs().mean(), (degrees[0] - degrees[1]).abs().mean()
