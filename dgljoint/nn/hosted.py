"""Plugin code in the model: called under guard, its answers checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from dgljoint.errors import PluginError
from dgljoint.nn.batch import CascadeBatch
from dgljoint.nn.protocols import Encoder, Interaction, Outputs, Representations, ScoreLinks
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry

ModuleT = TypeVar("ModuleT", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Hosted(Generic[ModuleT]):
    """A component and the plugin it comes from."""

    entry: PluginEntry
    module: ModuleT


def encode(hosted: Hosted[Encoder], batch: CascadeBatch, x: Tensor) -> Tensor:
    """Run the encoder. Shapes: (N, D) to (N, D)."""
    with guarded(hosted.entry, "forward"):
        encoded: Tensor = hosted.module(batch, x)
    _check_shape(hosted.entry, "forward", encoded, x)
    return encoded


def couple(
    hosted: Hosted[Interaction], reps: Representations, batch: CascadeBatch
) -> Representations:
    """Let an interaction refine the views."""
    with guarded(hosted.entry, "couple"):
        refined = hosted.module.couple(reps, batch)
    if not isinstance(refined, Representations):
        raise PluginError(
            f"{hosted.entry} returned a {type(refined).__name__} from couple, expected "
            "Representations"
        )
    for view in (refined.cascade, refined.rumor):
        _check_shape(hosted.entry, "couple", view, reps.shared)
    return refined


def inform_rumor(
    hosted: Hosted[Interaction], reps: Representations, score_links: ScoreLinks,
    batch: CascadeBatch,
) -> Representations:
    """Let an interaction tell the rumor view of the links that are predicted."""
    with guarded(hosted.entry, "inform_rumor"):
        rumor = hosted.module.inform_rumor(reps, score_links, batch)
    _check_shape(hosted.entry, "inform_rumor", rumor, reps.shared)
    return replace(reps, rumor=rumor)


def auxiliary_losses(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> Mapping[str, Tensor]:
    """Ask an interaction for its losses: scalars, named as it declares."""
    with guarded(hosted.entry, "losses"):
        losses = hosted.module.losses(reps, outputs, batch)
        declared = set(hosted.module.loss_coefficients)
    if set(losses) != declared:
        raise PluginError(
            f"{hosted.entry} returned the losses {sorted(losses)}, but declares {sorted(declared)}",
            hint="losses() and loss_coefficients must name the same",
        )
    _check_scalars(hosted.entry, "loss", losses)
    return losses


def diagnostics(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> dict[str, float]:
    """Ask an interaction for what it logs, by the plugin's name and its own."""
    with guarded(hosted.entry, "diagnostics"), torch.no_grad():
        found = hosted.module.diagnostics(reps, outputs, batch)
    _check_scalars(hosted.entry, "diagnostic", found)
    return {f"{hosted.entry.name}.{name}": value.item() for name, value in found.items()}


def _check_scalars(entry: PluginEntry, what: str, values: Mapping[str, Tensor]) -> None:
    for name, value in values.items():
        if value.numel() != 1:
            raise PluginError(
                f"{entry} returned {what} '{name}' of shape {tuple(value.shape)}, "
                "expected a scalar"
            )


def _check_shape(entry: PluginEntry, method: str, found: object, like: Tensor) -> None:
    if not isinstance(found, Tensor) or found.shape != like.shape:
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise PluginError(
            f"{entry} returned {what} from {method}, expected a tensor {tuple(like.shape)}"
        )
