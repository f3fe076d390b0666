"""Score a model on some cascades of a store."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint.batch.assemble import assemble
from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import CascadeOptions
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeStore, StoredBest
from dgljoint.errors import DivergedError
from dgljoint.evaluation import metrics
from dgljoint.evaluation.best import best_of, with_best
from dgljoint.evaluation.metrics import Index, ParentRanks, PooledPredictions
from dgljoint.evaluation.ranking import GUESSES, rank_by_scores, rank_by_values
from dgljoint.evaluation.scores import BEST, MODEL, LinkTable, RumorScores, Scores, rumor_figures
from dgljoint.nn.model import JointModel
from dgljoint.nn.protocols import Representations
from dgljoint.tasks.heads import CASCADE, RUMOR, TASKS
from dgljoint.tasks.targets import Targets, evaluation_targets
from dgljoint.training.processes import ALONE, Processes

_BATCH_POSTS = 1 << 14

Array = NDArray[Any]
Asked = tuple[CascadeBatch, Targets]
"""A batch without pairs, which are for losses, and its posts to rank candidates for."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Scores models on cascades of one store, always in the same way.

    Every cascade's first posts by time are observed; the later ones are targets, ranked among all
    earlier posts, and the rumor head reads what was observed. ``processes`` share the work; the
    results are the same in all.
    """

    store: CascadeStore
    features: FeatureSpace  # fitted on the training set
    options: CascadeOptions
    majority: int  # commonest class of the training set
    tasks: tuple[str, ...] = TASKS  # those that were trained; the others are not scored
    processes: Processes = ALONE
    untrained: tuple[int, ...] = ()  # classes that no training cascade has: never predicted

    def scores(self, model: JointModel, indices: Index, part: str) -> Scores:
        """Score ``model``, left in evaluation mode, on the cascades at ``indices``."""
        started = time.perf_counter()
        scores = self.figures(self.predict(model, indices), part)
        return replace(scores, seconds=time.perf_counter() - started)

    def predict(
        self, model: JointModel, indices: Index, deadline: Observation | None = None
    ) -> PooledPredictions:
        """Predict the cascades at ``indices``, in order; by a deadline there are no targets."""
        model.eval()
        group, stretches = self.processes, list(_stretches(self.store, indices))
        with torch.inference_mode():
            own = [
                _predict(model, self._asked(chosen, model, deadline), chosen)
                for chosen in stretches[group.rank :: group.size]
            ]
        found = group.gather(own)
        parts = [found[n % group.size][n // group.size] for n in range(len(stretches))]
        nothing = metrics.no_predictions(len(self.store.label_names), (MODEL, *GUESSES))
        joined = metrics.join_predictions([nothing, *parts])
        return joined.without(self.untrained) if RUMOR in self.tasks else joined

    def figures(self, predictions: PooledPredictions, part: str) -> Scores:
        """Compute the metrics of a set from all its predictions."""
        best = best_of(self.store, predictions)
        rumor = self._rumor(predictions, best) if RUMOR in self.tasks else None
        links = {}
        if CASCADE in self.tasks:
            links = _links(with_best(self.store, predictions, best))
        alike = None
        if len(self.tasks) == len(TASKS):
            alike = metrics.view_scores(predictions.cascade_view, predictions.rumor_view)
        return Scores(part, rumor, links, 0.0, alike, self.tasks)

    def _rumor(
        self, predictions: PooledPredictions, best: Mapping[str, StoredBest]
    ) -> RumorScores | None:
        known = predictions.label >= 0
        if not known.any():
            return None
        label, index = predictions.label[known], predictions.index[known]

        def scored(probability: Array, answerable: Array | None) -> RumorScores:
            return metrics.rumor_scores(
                probability, label, self.store.label_names, self.majority, answerable,
                self.store.posted_at[index],
            )

        scores = scored(predictions.probability[known], predictions.answerable)
        return replace(scores, best={
            row: rumor_figures(scored(found.probability[index], None))
            for row, found in best.items()
        })

    def asked(self, model: JointModel, indices: Index) -> Iterator[Asked]:
        """Yield the cascades at ``indices`` in batches of bounded memory, on the model's device."""
        for chosen in _stretches(self.store, indices):
            yield self._asked(chosen, model)

    def _asked(
        self, chosen: Index, model: JointModel, deadline: Observation | None = None
    ) -> Asked:
        columns, share = self.store.read(chosen), self.options.observed_share
        if deadline is not None:
            # Later posts are not hidden but removed: nothing can be computed from them.
            columns, share = deadline.cut(columns), 1.0
        scored = CASCADE in self.tasks and CASCADE in model.computed
        targets = evaluation_targets(columns, share, scored=scored)
        batch = assemble(self.store, columns, targets.unpaired(), self.features)
        return batch.to(model.device), targets


def _not_finite(what: str, batch: CascadeBatch) -> DivergedError:
    return DivergedError(
        f"{what} are not finite when scored; cascades of the batch: {batch.some_ids}",
        hint="the last good checkpoint is kept; a lower -s train.learning_rate in another "
        "--out may help",
    )


def _predict(model: JointModel, asked: Asked, index: Index) -> PooledPredictions:
    """Run ``model`` on a batch, whose cascades are at ``index`` in the store."""
    batch, targets = asked
    reps, outputs = model(batch)
    # A rank or a class can be made of logits that are not finite.
    if not bool(torch.isfinite(outputs.rumor_logits).all()):
        raise _not_finite("rumor logits", batch)
    cascade_of, root = _array(batch.cascade_of), _array(batch.root)
    return PooledPredictions(
        index=index, label=_array(batch.label), logits=_array(outputs.rumor_logits.double()),
        observed=_array(batch.observed_posts),
        targets=np.bincount(cascade_of[targets.post], minlength=len(index)),
        ranks=_ranks(model, reps, asked),
        not_source=targets.parent != root[cascade_of[targets.parent]],
        cascade_view=_array(batch.pool(reps.cascade).double()),
        rumor_view=_array(batch.pool(reps.rumor).double()),
    )


def _ranks(model: JointModel, reps: Representations, asked: Asked) -> dict[str, ParentRanks]:
    """Rank the targets' parents, by the model and by each trivial guess."""
    batch, targets = asked
    guessed = {
        name: rank_by_values(_array(guess(batch)), targets)
        for name, guess in GUESSES.items()
    }
    if not len(targets):
        return {MODEL: metrics.join_ranks([]), **guessed}
    scorer = model.link_scorer(reps, batch)
    if not scorer.finite:
        raise _not_finite("link logits", batch)
    return {MODEL: rank_by_scores(scorer, targets), **guessed}


def _array(values: Tensor) -> Array:
    found: Array = values.cpu().numpy()
    return found


def _links(predictions: PooledPredictions) -> dict[str, LinkTable]:
    return {
        group: LinkTable(
            targets=int(which.sum()),
            rows={row: scores for row, scores in found.items() if not row.startswith(BEST)},
            best={row: scores for row, scores in found.items() if row.startswith(BEST)},
        )
        for group, which in predictions.groups.items()
        if which.any()
        for found in [{
            row: metrics.link_scores(predictions.ranks_in(group, row)) for row in predictions.ranks
        }]
    }


def _stretches(store: CascadeStore, indices: Index) -> Iterator[Index]:
    """Cut ``indices`` into stretches of bounded memory, each of at least one cascade."""
    sizes = store.post_ptr[indices + 1] - store.post_ptr[indices]
    stretch = np.cumsum(sizes) // _BATCH_POSTS
    cuts = np.flatnonzero(np.diff(stretch)) + 1
    if len(indices):
        yield from np.split(indices, cuts)
