"""The joint model: one encoder, a view for each task, interactions between them, two heads."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.data.cascade import Kind
from dgljoint.errors import PluginError
from dgljoint.nn import hosted as calls
from dgljoint.nn.layers import Dropout, xavier
from dgljoint.nn.protocols import Encoder, Interaction, Outputs, Representations
from dgljoint.nn.wide import WidePath
from dgljoint.ops.sparse import SomeRows, SparseRows, multiply, with_rows
from dgljoint.plugins.registry import PluginEntry
from dgljoint.tasks.heads import CASCADE, RUMOR, TASKS, CascadePredictor, LinkScorer, RumorDetector
from dgljoint.tasks.link_numbers import link_numbers

GroupT = TypeVar("GroupT", Representations, Outputs)

# LayerScale (Touvron et al., 2021, arXiv 2103.17239): a post's own features reach the heads from
# the first step on, and the encoder's smoothing grows where it is useful. Without it, text that
# decides which post attaches to which was not learned at all.
_ENCODER_SCALE = 0.1


def _registered(modules: Mapping[str, nn.Module]) -> nn.ModuleDict:
    """Keep modules by any names: ``ModuleDict`` takes few of them."""
    return nn.ModuleDict(
        {f"of_{name.replace('.', '%2E')}": module for name, module in modules.items()}
    )


class InputProjection(nn.Module):
    """Maps every feature to width D with one linear map each, sums and normalises.

    A sparse feature's map is a sparse product: its rows are never densified. Of a dense feature
    that not all posts have, the rows that exist are mapped, and other posts get zeros. Each kind of
    post has a learned vector, in place of words for a post without text. ``dense`` and ``sparse``
    are the columns of each feature.
    """

    def __init__(
        self, width: int, dense: Mapping[str, int], sparse: Mapping[str, int], dropout: float
    ) -> None:
        super().__init__()
        maps = {name: nn.Linear(size, width, bias=False) for name, size in dense.items()}
        tables = {name: nn.EmbeddingBag(max(size, 1), width) for name, size in sparse.items()}
        self._dense, self._sparse = tuple(maps), tuple(tables)
        self.dense = _registered(maps)
        self.sparse = _registered(tables)
        self.kind = nn.Embedding(len(Kind), width)
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)
        xavier(self)
        for table in tables.values():
            # Xavier's fan-in is what a row sums over: a row of unit length counts as one input.
            nn.init.normal_(table.weight, std=(2 / (1 + width)) ** 0.5)

    def forward(self, batch: CascadeBatch) -> Tensor:
        """Return (N, D)."""
        total = self._of_columns(batch)
        for name, table in zip(self._sparse, self.sparse.values(), strict=True):
            rows = batch.features[name]
            if isinstance(rows, SparseRows) and isinstance(table, nn.EmbeddingBag) and rows.width:
                total = total + multiply(rows, table.weight)
        projected: Tensor = self.dropout(self.norm(total))
        return projected

    def _of_columns(self, batch: CascadeBatch) -> Tensor:
        """Map kinds and dense features in one product: alone each is too small to be worth one."""
        weights, whole = [self.kind.weight], []
        some: list[tuple[SomeRows, Tensor]] = []
        for name, layer in zip(self._dense, self.dense.values(), strict=True):
            x = batch.features[name]
            if isinstance(layer, nn.Linear) and isinstance(x, Tensor):
                weights.append(layer.weight.t())
                whole.append(x)
            elif isinstance(layer, nn.Linear) and isinstance(x, SomeRows):
                some.append((x, layer.weight.t()))
        weight = torch.cat(weights)
        kinds = torch.eye(len(Kind), dtype=weight.dtype, device=weight.device)
        rows = (kinds.index_select(0, batch.kind), *(x.to(weight.dtype) for x in whole))
        total: Tensor = torch.cat(rows, dim=1) @ weight
        for x, map_of in some:
            total = total.index_add(0, x.index, x.rows.to(map_of.dtype) @ map_of)
        return total


class Branch(nn.Module):
    """One task's view: a graph layer in both directions, a residual and a normalisation.

    ``y = LN(x + dropout(gelu(W x + U parent(x) + V mean(children(x)))))``
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.from_self = nn.Linear(width, width)
        self.from_parent = nn.Linear(width, width, bias=False)
        self.from_children = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)
        xavier(self)

    def alone(self, x: Tensor) -> Tensor:
        """Return the view of posts without parents and children. Shapes: (N, D) to (N, D)."""
        view: Tensor = self.norm(x + self.dropout(nn.functional.gelu(self.from_self(x))))
        return view

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Return the view. Shapes: (N, D) to (N, D)."""
        # Few posts have children: only their rows are multiplied.
        parents, parent_of = batch.parent_posts, batch.parent_of
        x, of_parents = with_rows(x, parents)
        down = multiply(parent_of, self.from_parent(of_parents))
        children = batch.children[parents].clamp(min=1).unsqueeze(1)
        up = self.from_children(multiply(parent_of.transposed, x) / children)
        message = (self.from_self(x) + down).index_add_(0, parents, up)
        view: Tensor = self.norm(x + self.dropout(nn.functional.gelu(message)))
        return view


class JointModel(nn.Module):
    """Everything between a batch and the two tasks' outputs.

    Of the tasks those in ``tasks`` are trained. Without an interaction nothing reads the view of
    the other one: it is the shared rows, and its logits are zeros; :attr:`computed` are the tasks
    that have both. ``wide``, if there is one, adds to the class logits, and ``deep_scale`` is the
    factor of the others. ``half`` computes in bfloat16 where torch's autocast does.
    """

    def __init__(
        self, projection: InputProjection, encoder: calls.Hosted[Encoder],
        interactions: Sequence[calls.Hosted[Interaction]], *,
        width: int, classes: int, dropout: float,
        tasks: Sequence[str] = TASKS, half: bool = False,
        wide: WidePath | None = None, deep_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.computed = TASKS if interactions else tuple(tasks)
        self.classes = classes
        self._half = half
        self.hosted_encoder = encoder
        self.hosted_interactions = tuple(interactions)
        self.projection = projection
        self.encoder = encoder.module
        self.encoder_norm = nn.LayerNorm(width)
        self.encoder_scale = nn.Parameter(torch.full((width,), _ENCODER_SCALE))
        self.interactions = _registered(
            {hosted.entry.name: hosted.module for hosted in interactions}
        )
        self.cascade_branch = Branch(width, dropout)
        self.rumor_branch = Branch(width, dropout)
        self.link_head = CascadePredictor(width)
        self.rumor_head = RumorDetector(width, classes, dropout)
        self.wide = wide
        self._deep_scale = deep_scale

    def forward(self, batch: CascadeBatch) -> tuple[Representations, Outputs]:
        """Run the batch through. See :class:`Representations` and :class:`Outputs` for shapes."""
        return self.decide(self.represent(batch), batch)

    def represent(self, batch: CascadeBatch) -> Tensor:
        """Return what both tasks share. Shapes: (N, D)."""
        with self._precision(batch):
            x = self.projection(batch)
            encoded = calls.encode(self.hosted_encoder, batch, x)
            norm, scale = self.encoder_norm, self.encoder_scale
            # The scaled norm of the encoded rows: scaled are D numbers, not N rows of them.
            shared: Tensor = x + nn.functional.layer_norm(
                encoded, norm.normalized_shape, norm.weight * scale, norm.bias * scale, norm.eps
            )
        return shared.float() if self._half else shared

    def decide(self, shared: Tensor, batch: CascadeBatch) -> tuple[Representations, Outputs]:
        """Compute the tasks' views of the (N, D) shared rows, couple them and run the heads."""
        with self._precision(batch):
            reps = Representations(
                shared=shared,
                cascade=self.cascade_branch(batch, shared) if CASCADE in self.computed else shared,
                rumor=self.rumor_branch(batch, shared) if RUMOR in self.computed else shared,
            )
            for interaction in self.hosted_interactions:
                reps = calls.couple(interaction, reps, batch)
            reps = self._informed(reps, batch)
            outputs = Outputs(
                rumor_logits=(
                    self._classify(reps.rumor, batch) if RUMOR in self.computed
                    else shared.new_zeros(len(batch.root), self.classes)
                ),
                link_logits=(
                    self.link_head(reps.cascade, batch.pairs, link_numbers(batch))
                    if CASCADE in self.computed
                    else shared.new_zeros(batch.pairs.shape[1])
                ),
            )
        return (_in_float32(reps), _in_float32(outputs)) if self._half else (reps, outputs)

    def _informed(self, reps: Representations, batch: CascadeBatch) -> Representations:
        """Let the interactions inform each view by what the other task's head makes of its own."""
        coupled = reps.rumor

        def classify() -> Tensor:
            return self._classify(coupled, batch)

        for interaction in self.hosted_interactions:
            reps = calls.inform_cascade(interaction, reps, classify, batch)
        shared = reps.shared

        def score_links(pairs: Tensor) -> Tensor:
            # In its own view a post's row holds its parent's, which would give an observed link
            # away; and what the class informed would confirm the class.
            view = self.cascade_branch.alone(shared)
            logits: Tensor = self.link_head(view, pairs, link_numbers(batch))
            return logits

        for interaction in self.hosted_interactions:
            reps = calls.inform_rumor(interaction, reps, score_links, batch)
        return reps

    def _classify(self, view: Tensor, batch: CascadeBatch) -> Tensor:
        """Return (B, C) class logits: the rumor head's, and those next to the graph."""
        logits: Tensor = self.rumor_head(view, batch)
        return logits if self.wide is None else logits * self._deep_scale + self.wide(batch)

    def link_scorer(self, reps: Representations, batch: CascadeBatch) -> LinkScorer:
        """Return the link head for any pairs of posts; the cascade task is :attr:`computed`."""
        with self._precision(batch):
            return self.link_head.scorer(reps.cascade, link_numbers(batch))

    @property
    def hosted(self) -> tuple[calls.Hosted[Any], ...]:
        """Its plugins: the encoder, then the interactions."""
        return (self.hosted_encoder, *self.hosted_interactions)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.encoder_scale.device

    def _precision(self, batch: CascadeBatch) -> AbstractContextManager[object]:
        # Not every device that torch knows has an autocast.
        return torch.autocast(batch.device.type, torch.bfloat16) if self._half else nullcontext()

    def auxiliary_losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> dict[str, Tensor]:
        """Return the interactions' losses by name, in the order of the interactions."""
        losses: dict[str, Tensor] = {}
        for interaction in self.hosted_interactions:
            losses |= calls.auxiliary_losses(interaction, reps, outputs, batch)
        return losses

    def diagnostics(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> dict[str, float]:
        """Return what the interactions log, by the plugin's name and their own."""
        found: dict[str, float] = {}
        for interaction in self.hosted_interactions:
            found |= calls.diagnostics(interaction, reps, outputs, batch)
        return found

    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that ``Representations.shared`` depends on."""
        modules = (self.projection, self.encoder, self.encoder_norm)
        own = [parameter for module in modules for parameter in module.parameters()]
        return [p for p in (*own, self.encoder_scale) if p.requires_grad]

    @property
    def loss_coefficients(self) -> dict[str, float]:
        """The fixed factor of every auxiliary loss, by name; a name used twice is an error."""
        coefficients: dict[str, float] = {}
        for hosted in self.hosted_interactions:
            for name, coefficient in calls.loss_coefficients(hosted).items():
                if name in coefficients or name in TASKS:
                    raise PluginError(f"{hosted.entry} names its loss '{name}', which is taken")
                coefficients[name] = coefficient
        return coefficients

    @property
    def loss_owners(self) -> dict[str, PluginEntry]:
        """The plugin of each auxiliary loss, by name."""
        return {
            name: hosted.entry
            for hosted in self.hosted_interactions
            for name in calls.loss_coefficients(hosted)
        }


def _in_float32(group: GroupT) -> GroupT:
    """Return the tensors of a group in float32: losses and metrics are not taken in half."""
    return type(group)(**{name: value.float() for name, value in vars(group).items()})
