"""Start a run from the parameters of another run on the same cascades."""

from pathlib import Path
from typing import Any

from torch import Tensor

from dgljoint.errors import UsageError
from dgljoint.runs.folders import read_plain
from dgljoint.runs.stored import PARTS
from dgljoint.training.checkpoint import fitting, load_model
from dgljoint.training.folder import RunFolder
from dgljoint.training.parts import parts_csv
from dgljoint.training.setup import Setup


def initial_state(folder: Path, setup: Setup) -> tuple[dict[str, Any], str]:
    """Return a state of the model of ``setup``, partly of a run's selected epoch, and a note on it.

    Taken are the tensors of the same name and shape; the rest is as it was drawn. Nothing held out
    of ``setup`` may have been trained on, and a column of a feature must mean the same: a
    :class:`UsageError` unless the other run has the same data, sets and features.
    """
    run = RunFolder(folder)
    run.check_data(setup.store, setup.split)
    config, same_sets = run.config(), parts_csv(setup.store, setup.all_parts).encode()
    same_columns = all(
        getattr(config, name) == getattr(setup.config, name)
        for name in ("features", "labels", "merge")
    )
    if not same_columns or read_plain(folder, folder / PARTS) != same_sets:
        raise UsageError(
            f"{folder} cannot be started from: it was trained on other cascades or features",
            hint="the same --split, --fold, --seed, --features and labels are needed, and a loss "
            "weighter with a meta set in both runs or in none",
        )
    with fitting(folder):
        given, own = run.load_best()["model"], setup.model.state_dict()
        taken = {
            name: given[name] for name, value in own.items()
            if isinstance(value, Tensor) and isinstance(given.get(name), Tensor)
            and given[name].shape == value.shape
        }
        state = {**own, **taken}
    return state, f"{len(taken)} of {len(own)} tensors of the model are those of {folder}"


def start_from(state: dict[str, Any], setup: Setup, folder: Path) -> None:
    """Give the model a state of :func:`initial_state`."""
    with fitting(folder):
        load_model(setup.model, state)
