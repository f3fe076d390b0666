"""What a run will do, before it does it: shown by ``train --dry-run``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgljoint._internal.tables import Sheet, Shown
from dgljoint.config.run_config import SECTIONS
from dgljoint.training.inputs import RunInputs
from dgljoint.training.processes import find_device
from dgljoint.training.setup import count_parameters, loss_names, set_up
from dgljoint.training.trainer import training_batches


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """A component of the run, with its resolved options."""

    kind: str
    name: str
    summary: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Shown):
    """The resolved run.

    Attributes:
        data: name, path, cascades, posts, features and labels of the data set.
        split: its name, the fold, ``grouped_by``, ``ordered_by`` and its digest.
        parts: cascades in ``train``, ``meta`` (0 unless a weighter needs it), ``validation`` and
            ``test``.
        components: encoder, interactions in order, loss weighter.
        losses: names, tasks first.
        parameters: trainable parameters of the model.
        steps: optimizer steps of the first epoch; of each, unless posts bound a batch.
        settings: the engine's own option sections, by name.
        notes: what the data do not allow to train, in words.
    """

    data: dict[str, Any]
    split: dict[str, Any]
    parts: dict[str, int]
    components: tuple[PlannedComponent, ...]
    losses: tuple[str, ...]
    parameters: int
    steps: int
    settings: dict[str, dict[str, Any]]
    notes: tuple[str, ...]

    def _sheet(self) -> Sheet:
        from dgljoint.evaluation.result_tables import plan_sheet

        return plan_sheet(self)


def plan_run(inputs: RunInputs) -> Plan:
    """Work out what :func:`train` would do, and write nothing.

    Raises:
        DgljointError: as :func:`train` would.
    """
    setup = set_up(inputs, find_device("cpu"))
    store, config = setup.store, setup.config
    return Plan(
        data={
            "name": store.name,
            "path": str(store.path),
            "cascades": len(store),
            "posts": store.posts,
            "labels": list(store.label_names),
            "features": {**setup.features.sparse, **setup.features.dense},
        },
        split={
            "name": setup.split.name, "fold": config.fold, "grouped_by": setup.split.grouped_by,
            "ordered_by": setup.split.ordered_by, "digest": setup.split.digest,
        },
        parts=setup.part_sizes,
        components=tuple(
            PlannedComponent(
                kind=component.spec.kind, name=component.spec.name, summary=component.spec.summary,
                options=component.options.model_dump(mode="json"),
            )
            for component in setup.selection.components
        ),
        losses=loss_names(config, setup.model),
        parameters=count_parameters(setup.model),
        steps=training_batches(store, setup.parts, config).steps(0),
        settings={
            section: getattr(setup.config, section).model_dump(mode="json") for section in SECTIONS
        },
        notes=setup.notes,
    )
