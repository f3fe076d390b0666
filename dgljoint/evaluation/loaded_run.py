"""A run folder as an object: its results, and its model at work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.tables import NOTHING, Sheet, Shown, TextTable, facts, figure
from dgljoint.batch.assemble import assemble
from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.arguments import CASCADE_FILE, path_of
from dgljoint.config.run_config import RunConfig
from dgljoint.data.classes import new_names
from dgljoint.data.observation import Observation, parse_deadlines
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.predicting import PooledViews, Predictions, predict
from dgljoint.evaluation.scores import MODEL, TITLES
from dgljoint.nn.model import JointModel
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.runs.listing import summarize
from dgljoint.runs.stored import TEST
from dgljoint.tasks.heads import CASCADE
from dgljoint.tasks.targets import evaluation_pairs
from dgljoint.training.callbacks import EpochRecord
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import NEW, TRAIN, VALIDATION, read_parts
from dgljoint.training.processes import find_device, prepare_process
from dgljoint.training.setup import build_model, head_width, put_in, restored_features

if TYPE_CHECKING:
    Data = CascadeStore | str | os.PathLike[str] | None
    Observed = float | str | None
    Indices = Sequence[int] | NDArray[np.integer[Any]] | None

_HEADLINE = ("accuracy", "macro_f1", "mrr", "hits1", "mrr_not_source", "mrr_without_source")
# How well a prediction shows what a run can do, by what the run knows the cascade as.
_RANK = {NEW: 2, TEST: 2, VALIDATION: 1, TRAIN: 0}


class Run(Shown):
    """A run folder.

    The model is that of the selected epoch, built when it is first used. What it knows of words
    and scales is in the folder: the data it was trained on need not be there any more.

    Attributes:
        path: of the folder.
        config: what determined the run.

    Raises:
        DataError: it is no run folder.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self.path = path
        self._device = device
        self._folder = RunFolder(path)
        self._built: JointModel | None = None
        self.config: RunConfig = self._folder.config()

    def _sheet(self) -> Sheet:
        """Show the state of the run, its main settings, and its metrics on the test set."""
        found = summarize(self.path)
        epochs = f"{found.epoch} of at most {found.epochs}"
        if found.best_epoch is not None:
            epochs += f", epoch {found.best_epoch} chosen"
        table = facts(
            state=found.state + (f": {found.cause}" if found.cause else ""),
            data=found.data, split=f"{found.split}, fold {found.fold}", seed=found.seed,
            encoder=found.encoder, plugins=", ".join(found.plugins) or NOTHING, epochs=epochs,
        )
        tables = [table]
        if shown := [name for name in _HEADLINE if name in found.figures]:
            row = (MODEL, *(figure(found.figures[name]) for name in shown))
            tables.append(TextTable(("test set", *(TITLES[name] for name in shown)), (row,)))
        return Sheet(f"Run {self.path}", tuple(tables))

    @property
    def finished(self) -> bool:
        """Whether the run ended and was scored."""
        return self._folder.finished

    def records(self) -> list[EpochRecord]:
        """Read the record of each epoch.

        Raises:
            DataError: ``metrics.jsonl`` is missing or damaged.
        """
        try:
            return [EpochRecord(**record) for record in self._folder.records()]
        except TypeError as error:
            raise DataError(f"{self.path}: metrics.jsonl is not that of a run ({error})") from error

    def scores(self) -> dict[str, Any]:
        """Read the final figures of the parts ``validation`` and ``test``, as plain values.

        Raises:
            DataError: the run has not ended, or the file is damaged.
        """
        return self._folder.scores()

    def predict(
        self, data: Data = None, *, indices: Indices = None, observed: Observed = None,
        links: bool | int = False,
    ) -> Predictions:
        """Classify cascades, and rank the candidates of posts whose parent is not observed.

        Each cascade is marked as one of the run's training, validation or test set, or new to it:
        predictions for what a model was trained on show nothing.

        Args:
            data: a cascade file or a store, that of the run by default. Another one must have the
                features that the run used: words are matched by their spelling, other columns by
                their number.
            indices: positions of the cascades in it; all by default.
            observed: what the model sees of each cascade. A number is a share of its posts, by
                time, and the later ones are asked for their parent; the run's
                ``cascade.observed_share``, by which it was selected and tested, by default. A text
                is a deadline as ``evaluate --deadlines`` takes it, ``"1h"``, ``"10p"`` or
                ``"all"``, and later posts are as if they had never come.
            links: how many of the likeliest parents to rank for every post that is not seen;
                ``True`` ranks all earlier posts, which takes memory by the square of a cascade.

        Raises:
            DataError: the folder or the data cannot be used, or lack a feature.
            UsageError: an argument is out of its range, links are asked of a run that did not
                train them, or there is no such device.
            PluginError: a plugin failed.
        """
        if links and CASCADE not in self.config.train.task_names:
            raise UsageError(
                f"{self.path} did not train the cascade task, and ranks no links",
                hint="train it with: -s train.tasks=both",
            )
        if links < 0:
            raise UsageError(f"links is {links}, expected a number of candidates, or True for all")
        deadline = _deadline(observed)
        evaluator, classes, chosen, model = self._look_at(data, indices, observed)
        parts = read_parts(self._folder)
        return predict(evaluator, model, classes, chosen, parts, links=links, deadline=deadline)

    def representations(
        self, data: Data = None, *, indices: Indices = None, observed: Observed = None
    ) -> PooledViews:
        """Represent cascades by the two tasks' views of them; arguments as for :meth:`predict`.

        Raises:
            DgljointError: as :meth:`predict` would.
        """
        deadline = _deadline(observed)
        evaluator, _, chosen, model = self._look_at(data, indices, observed)
        pooled = evaluator.predict(model, chosen, deadline)
        ids = tuple(evaluator.store.ids[int(index)] for index in chosen)
        return PooledViews(ids, pooled.cascade_view, pooled.rumor_view)

    def inside(
        self, data: Data = None, *, indices: Indices = None, observed: float | None = None
    ) -> tuple[JointModel, CascadeBatch]:
        """Return the model and a batch of cascades, to see what its interactions do with them.

        ``model(batch)`` gives the views and outputs, ``model.interactions["of_NAME"]`` the module
        of a plugin. The batch pairs each target with all its candidates: name a few cascades.
        Arguments and errors are those of :meth:`predict`.
        """
        evaluator, _, chosen, model = self._look_at(data, indices, observed)
        columns = evaluator.store.read(chosen)
        targets = evaluation_pairs(columns, evaluator.options.observed_share)
        batch = assemble(evaluator.store, columns, targets, evaluator.features)
        return model.eval(), batch.to(model.device)

    def _look_at(
        self, data: Data, indices: Indices, observed: Observed
    ) -> tuple[Evaluator, tuple[str, ...], NDArray[np.int64], JointModel]:
        """Return the evaluator of the store, the run's classes, the positions, and the model."""
        config = self.config
        share = config.cascade.observed_share
        if observed is not None and not isinstance(observed, str):
            share = observed
        if not 0 < share <= 1:
            raise UsageError(f"observed is {share}, expected a share above 0 and at most 1")
        store = opened(config.data if data is None else data)
        chosen = positions(store, indices)
        features, stored = restored_features(self._folder, store)
        if config.classes:
            store = store.relabelled(stored.label_names, new_names(config.merge))
        options = config.cascade.model_copy(update={"observed_share": share})
        # No guess of the commonest class is asked for.
        evaluator = Evaluator(
            store, features, options, majority=0, tasks=config.train.task_names,
            untrained=stored.untrained,
        )
        model = self._model(features, head_width(stored.label_names))
        return evaluator, stored.label_names, chosen, model

    def _model(self, features: FeatureSpace, classes: int) -> JointModel:
        if self._built is None:
            prepare_process(self.config.train.threads)
            selection = select(installed_registry(), self.config)
            model = build_model(self.config, selection, features, classes)
            put_in(model, self._folder.load_best(), self._folder)
            self._built = model.to(find_device(self._device))
        return self._built


def opened(data: Data) -> CascadeStore:
    """Open a cascade file; a store is open."""
    if isinstance(data, CascadeStore):
        return data
    return CascadeStore(path_of(data, "data", CASCADE_FILE))


def _deadline(observed: Observed) -> Observation | None:
    if not isinstance(observed, str):
        return None
    found = parse_deadlines(observed)
    if len(found) > 1:
        raise UsageError(f"observed is {observed!r}, expected one deadline", hint="name one")
    return found[0]


def positions(store: CascadeStore, indices: Indices) -> NDArray[np.int64]:
    """Return positions of cascades in a store; of all of them by default."""
    if indices is None:
        return np.arange(len(store))
    chosen = np.asarray(indices)
    if not len(chosen):
        return np.empty(0, np.int64)
    if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
        raise UsageError("indices are not a list of whole numbers")
    if chosen.min() < 0 or chosen.max() >= len(store):
        raise UsageError(
            f"indices run from {chosen.min()} to {chosen.max()}, and {store.path} has the "
            f"cascades 0 to {len(store) - 1}"
        )
    return chosen.astype(np.int64)
