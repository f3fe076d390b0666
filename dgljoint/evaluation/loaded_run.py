"""A run folder as an object: what was asked, what came of it, and its model at work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.arguments import CASCADE_FILE, path_of
from dgljoint.config.run_config import RunConfig
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint.evaluation.deadlines import Deadline, parse_deadlines
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.predicting import PooledViews, Predictions, predict, represent
from dgljoint.nn.model import JointModel
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.runs.listing import summarize
from dgljoint.tasks.losses import CASCADE
from dgljoint.training.callbacks import EpochRecord
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import read_parts
from dgljoint.training.processes import find_device, prepare_process
from dgljoint.training.setup import build_model, head_width, put_in, restored_features

if TYPE_CHECKING:
    Data = CascadeStore | str | os.PathLike[str] | None
    Observed = float | str | None
    Indices = Sequence[int] | NDArray[np.integer[Any]] | None


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
        from dgljoint.evaluation.result_tables import run_sheet

        return run_sheet(summarize(self.path))

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
        evaluator, classes, chosen = self._look_at(data, indices, observed)
        model = self._model(evaluator.features, head_width(classes))
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
        evaluator, classes, chosen = self._look_at(data, indices, observed)
        model = self._model(evaluator.features, head_width(classes))
        return represent(evaluator, model, chosen, deadline=deadline)

    def _look_at(
        self, data: Data, indices: Indices, observed: Observed
    ) -> tuple[Evaluator, tuple[str, ...], NDArray[np.int64]]:
        """Return what scores the store, the classes of the run, and the cascades' positions."""
        config = self.config
        share = config.cascade.observed_share
        if observed is not None and not isinstance(observed, str):
            share = observed
        if not 0 < share <= 1:
            raise UsageError(f"observed is {share}, expected a share above 0 and at most 1")
        place = config.data if data is None else data
        store = (
            place if isinstance(place, CascadeStore)
            else CascadeStore(path_of(place, "data", CASCADE_FILE))
        )
        chosen = positions(store, indices)
        features, stored = restored_features(self._folder, store)
        options = config.cascade.model_copy(update={"observed_share": share})
        # No guess of the commonest class is asked for.
        evaluator = Evaluator(
            store, features, options, majority=0, tasks=config.train.task_names,
            untrained=stored.untrained,
        )
        return evaluator, stored.label_names, chosen

    def _model(self, features: FeatureSpace, classes: int) -> JointModel:
        if self._built is None:
            config = self.config
            prepare_process(config.train.threads)
            selection = select(installed_registry(), config)
            model = build_model(config, selection, features, classes)
            put_in(model, self._folder.load_best(), self._folder)
            self._built = model.to(find_device(self._device))
        return self._built


def _deadline(observed: Observed) -> Deadline | None:
    if not isinstance(observed, str):
        return None
    found = parse_deadlines(observed)
    if len(found) > 1:
        raise UsageError(f"observed is {observed!r}, expected one deadline", hint="name one")
    return found[0]


def positions(store: CascadeStore, indices: Indices) -> NDArray[np.int64]:
    """Return positions of cascades in a store; of all of them by default.

    Raises:
        UsageError: they are none.
    """
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
