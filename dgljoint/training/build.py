"""Turn a selection of components into a model and a loss weighter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import nn

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import RunConfig
from dgljoint.errors import PluginError
from dgljoint.nn.hosted import Hosted, opponent_parameters
from dgljoint.nn.model import InputProjection, JointModel
from dgljoint.nn.protocols import Encoder, Interaction, LossWeighter
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.selection import Component, Selection
from dgljoint.plugins.specs import BuildContext
from dgljoint.training.checkpoint import check_tree
from dgljoint.training.randomness import Stream, seeded

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def head_width(label_names: Sequence[str]) -> int:
    """Return how many classes the rumor head has: at least two, so that it can be built.

    Of data without classes it is never trained or asked, but interactions may read its output.
    """
    return max(len(label_names), 2)


def build_model(
    config: RunConfig, selection: Selection, features: FeatureSpace, classes: int
) -> JointModel:
    """Build the model, its parameters drawn from the run's seed alone.

    Raises:
        PluginError: a component fails to build or is not what its spec says.
    """
    width = config.model.width
    context = BuildContext(width=width, classes=classes)
    with seeded(config.seed, Stream.INITIALISATION):
        return JointModel(
            InputProjection(width, features.dense, features.sparse, config.model.dropout),
            _build(selection.encoder, context, Encoder),
            [_build(component, context, Interaction) for component in selection.interactions],
            width=width,
            classes=classes,
            dropout=config.model.dropout,
            half=config.train.precision == "bf16",
            tasks=config.train.task_names,
        )


def loss_names(config: RunConfig, model: JointModel) -> tuple[str, ...]:
    """Name the losses of a step: the tasks that are trained, then the interactions' own."""
    return (*config.train.task_names, *model.loss_coefficients)


def build_weighter(
    config: RunConfig, selection: Selection, model: JointModel, classes: int
) -> Hosted[LossWeighter]:
    """Build the loss weighter for the losses that ``model`` has.

    Raises:
        PluginError: it fails to build or is not what its spec says.
    """
    names = loss_names(config, model)
    context = BuildContext(width=config.model.width, classes=classes, loss_names=names)
    with seeded(config.seed, Stream.WEIGHTER):
        return _build(selection.weighter, context, LossWeighter)


def _build(
    component: Component[Any], context: BuildContext, expected: type[ModuleT]
) -> Hosted[ModuleT]:
    with guarded(component.entry, "build"):
        module = component.spec.build(component.options, context)
    if not isinstance(module, expected):
        raise PluginError(
            f"{component.entry} built a {type(module).__name__}, expected a dgljoint.nn."
            f"{expected.__name__}"
        )
    # Not when the first epoch has been trained: what cannot be saved is refused.
    with guarded(component.entry, "state_dict"):
        check_tree(module.state_dict())
    return Hosted(component.entry, module)


def trainable_parameters(model: JointModel) -> dict[str, nn.Parameter]:
    """Return what the model's own optimizer trains, by name: opponents' parameters are not."""
    opponents = {
        id(parameter)
        for hosted in model.hosted_interactions
        for parameter in opponent_parameters(hosted)
    }
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and id(parameter) not in opponents
    }


def count_parameters(model: JointModel) -> int:
    """Count the trainable numbers of the model."""
    return sum(torch.numel(parameter) for parameter in trainable_parameters(model).values())
