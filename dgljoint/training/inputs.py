"""What a run is made from, each resolved once: configuration, components, open data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dgljoint.config.run_config import RunConfig
from dgljoint.data.classes import choose_classes
from dgljoint.data.store import CascadeStore, StoredSplit
from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import Selection, select


@dataclass(frozen=True, slots=True, eq=False)
class RunInputs:
    """A configuration, with every option and feature written out, and what it names."""

    config: RunConfig
    selection: Selection
    store: CascadeStore
    split: StoredSplit


def resolve_run(config: RunConfig, default_data: Callable[[], Path] | None = None) -> RunInputs:
    """Select the components of a run and open its data; a wrong name does not wait for the data.

    ``default_data`` makes the cascade file where ``config`` names none.
    """
    selection = select(installed_registry(), config)
    if not config.data and default_data is None:
        raise UsageError("no cascade file is named")
    data = Path(config.data) if config.data or default_data is None else default_data()
    store = CascadeStore(data)
    store, split = choose_classes(store, store.split(config.split), config.labels, config.merge)
    return RunInputs(with_all_options(config, selection, store), selection, store, split)


def with_all_options(config: RunConfig, selection: Selection, store: CascadeStore) -> RunConfig:
    """Write out every option and feature, so that the run folder shows what was used."""
    from dgljoint.batch.features import choose_features  # torch, for which a typo need not wait

    options = {
        component.spec.name: component.options.model_dump(mode="json")
        for component in selection.components
    }
    names = tuple(choose_features(store, config.features.use))
    use = config.features.model_copy(update={"use": names})
    return config.model_copy(
        update={"options": options, "data": str(store.path.resolve()), "features": use}
    )
