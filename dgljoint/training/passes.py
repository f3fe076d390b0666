"""A step's forward pass and its losses, in one process or divided among several.

Each process runs the model on its own cascades of the batch, and all get the views and outputs of
all: losses and what a loss weighter sees are those of the whole batch. Gradients are, too, by three
nodes in the graph:

- *joined*: rows of all processes; its gradient is this process's rows, times the processes;
- *agreed*: between what the tasks share and the views; its gradient is averaged over processes;
- *the parameters*: their gradient is averaged over processes, all in one exchange.

The average of the parameters turns the gradients from *joined* into the sum of all shares; what
every process computes alike, as an auxiliary loss's own layers, is averaged over equal values.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dgljoint.batch.assemble import assemble
from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import RunConfig
from dgljoint.data.observation import parse_observation
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.nn.model import JointModel
from dgljoint.nn.protocols import Outputs, Representations
from dgljoint.tasks.heads import CASCADE, task_losses
from dgljoint.tasks.targets import TargetPairs, training_pairs
from dgljoint.training.processes import Processes, agree, average, join
from dgljoint.training.randomness import Indices, Stream, generator, seeded


@dataclass(frozen=True, eq=False)
class Passed:
    """The result of a step's pass, over the whole batch in every process."""

    columns: CascadeColumns
    targets: TargetPairs
    batch: CascadeBatch
    shared: Tensor  # (N, D), what the tasks share; gradients of the losses by it are whole
    reps: Representations
    outputs: Outputs
    raw: dict[str, Tensor]  # the losses, tasks first


class Pass:
    """Runs batches of a store through a model; ``parameters`` are those that the losses train."""

    def __init__(
        self, config: RunConfig, store: CascadeStore, features: FeatureSpace, model: JointModel,
        parameters: Mapping[str, nn.Parameter], processes: Processes,
    ) -> None:
        self._config, self._store, self._features = config, store, features
        self._model, self._parameters, self._processes = model, parameters, processes
        self._observe = parse_observation(config.train.observe)
        self._whole = _Whole(self)

    def ask(self, indices: Indices, rng: np.random.Generator) -> tuple[CascadeColumns, TargetPairs]:
        """Read cascades, draw how much of each is observed, and draw targets of the rest."""
        options = self._config.cascade
        columns = self._store.read(indices)
        scored = CASCADE in self._model.computed
        return columns, training_pairs(
            columns, self._observe, rng, targets=options.targets, candidates=options.candidates,
            scored=scored,
        )

    def batch(self, columns: CascadeColumns, targets: TargetPairs) -> CascadeBatch:
        """Assemble a batch where the model is."""
        return assemble(self._store, columns, targets, self._features).to(self._model.device)

    def task_losses(self, outputs: Outputs, batch: CascadeBatch) -> dict[str, Tensor]:
        """Return the losses of the tasks that are trained."""
        config = self._config
        return task_losses(
            outputs, batch, config.cascade.loss, config.train.task_names,
            config.train.label_smoothing,
        )

    def __call__(self, indices: Indices, number: int) -> Passed:
        """Run step ``number`` on the cascades at ``indices``."""
        columns, targets = self.ask(indices, generator(self._config.seed, Stream.QUESTIONS, number))
        batch = self.batch(columns, targets)
        if not self._processes.several:
            return self.undivided(columns, targets, batch, number)
        averaged = average(self._processes, self._parameters.values())
        swapped = {f"model.{name}": x for name, x in zip(self._parameters, averaged, strict=True)}
        passed: Passed = torch.func.functional_call(
            self._whole, swapped, (columns, targets, batch, number)
        )
        return passed

    @torch.no_grad()
    def again(self, passed: Passed, number: int) -> dict[str, Tensor]:
        """Return the losses of step ``number`` under the parameters as they are now.

        Targets and dropout masks are the same; the model's buffers are not changed.
        """
        # Copies are updated in place of the buffers, which must see a step once.
        kept = {f"model.{name}": x.clone() for name, x in self._model.named_buffers()}
        found: Passed = torch.func.functional_call(
            self._whole, kept, (passed.columns, passed.targets, passed.batch, number)
        )
        return found.raw

    def undivided(
        self, columns: CascadeColumns, targets: TargetPairs, batch: CascadeBatch, number: int
    ) -> Passed:
        """Run all cascades."""
        with self._drawing(number):
            shared = self._model.represent(batch)
            reps, outputs = self._model.decide(shared, batch)
        raw = self._losses(reps, outputs, batch, number)
        return Passed(columns, targets, batch, shared, reps, outputs, raw)

    def divided(
        self, columns: CascadeColumns, targets: TargetPairs, batch: CascadeBatch, number: int
    ) -> Passed:
        """Run this process's cascades and join the rows of all."""
        group = self._processes
        places = shares(columns.post_ptr, group.size)
        first, last = places[group.rank]
        # A process without a cascade runs the first and contributes none of its rows: the graph,
        # and so the exchanges of a backward pass, must be the same in all.
        taken = slice(first, max(last, first + 1)) if first < len(columns.index) else slice(0, 1)
        part = targets.part(columns.post_ptr[taken.start], columns.post_ptr[taken.stop])
        own = self.batch(self._store.read(columns.index[taken]), part)
        ends = np.array([stop for _, stop in places])
        posts = [0, *columns.post_ptr[ends].tolist()]
        pairs = [0, *np.searchsorted(targets.pairs[0], columns.post_ptr[ends]).tolist()]
        cascades = [0, *ends.tolist()]
        with self._drawing(number * group.size + group.rank):
            (shared,) = join(group, [posts], [self._model.represent(own)])
            agreed = agree(group, shared)
            start = int(columns.post_ptr[taken.start])
            rows = agreed[start : int(columns.post_ptr[taken.stop])]
            reps, outputs = self._model.decide(rows, own)
        cascade, rumor, rumor_logits, link_logits = join(
            group,
            [posts, posts, cascades, pairs],
            [reps.cascade, reps.rumor, outputs.rumor_logits, outputs.link_logits],
        )
        reps = Representations(agreed, cascade, rumor)
        outputs = Outputs(rumor_logits, link_logits)
        raw = self._losses(reps, outputs, batch, number)
        return Passed(columns, targets, batch, shared, reps, outputs, raw)

    def _losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch, number: int
    ) -> dict[str, Tensor]:
        # A stream of its own: draws of losses do not depend on the draws of dropout.
        with seeded(self._config.seed, Stream.LOSSES, number):
            raw = self.task_losses(outputs, batch)
            raw |= self._model.auxiliary_losses(reps, outputs, batch)
        return raw

    def _drawing(self, number: int) -> AbstractContextManager[None]:
        return seeded(self._config.seed, Stream.FORWARD, number)


class _Whole(nn.Module):
    """A pass as a module, so that the model's parameters can be put into all of it at once."""

    def __init__(self, owner: Pass) -> None:
        super().__init__()
        self.model = owner._model
        self._run = owner.divided if owner._processes.several else owner.undivided

    def forward(
        self, columns: CascadeColumns, targets: TargetPairs, batch: CascadeBatch, number: int
    ) -> Passed:
        return self._run(columns, targets, batch, number)


def shares(post_ptr: NDArray[np.int64], size: int) -> list[tuple[int, int]]:
    """Divide cascades, in their order, among processes: near-equal in posts, at least one each.

    ``post_ptr`` (B+1,) is where each cascade's posts start and end. Returns the first cascade of
    each process and the one after its last.
    """
    cascades = len(post_ptr) - 1
    ends = np.searchsorted(post_ptr, post_ptr[-1] * np.arange(1, size) / size)
    least = np.arange(1, size)
    most = np.maximum(cascades - size + least, 0)
    ends = np.minimum(np.maximum(np.maximum.accumulate(ends - least) + least, least), most)
    cuts = [0, *np.minimum(ends, cascades).tolist(), cascades]
    return list(pairwise(cuts))
