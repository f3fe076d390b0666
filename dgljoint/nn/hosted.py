"""Components in the model: plugin code, called under the guard, its answers of the right form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.errors import PluginError
from dgljoint.nn.protocols import (
    Classify,
    Encoder,
    Interaction,
    Outputs,
    Representations,
    ScoreLinks,
)
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry

ModuleT = TypeVar("ModuleT", bound=nn.Module)

# what autocast makes of one another
_MIXED = (torch.float32, torch.bfloat16)


@dataclass(frozen=True, eq=False)
class Hosted(Generic[ModuleT]):
    """A component and the plugin it comes from."""

    entry: PluginEntry
    module: ModuleT


def encode(hosted: Hosted[Encoder], batch: CascadeBatch, x: Tensor) -> Tensor:
    """Run the encoder. Shapes: (N, D) to (N, D)."""
    with guarded(hosted.entry, "forward"):
        return _rows(hosted.entry, "forward", hosted.module(batch, x), x)


def couple(
    hosted: Hosted[Interaction], reps: Representations, batch: CascadeBatch
) -> Representations:
    """Let an interaction refine the views."""
    with guarded(hosted.entry, "couple"):
        refined = hosted.module.couple(reps, batch)
        if not isinstance(refined, Representations):
            raise _wrong(hosted.entry, "couple", refined, "Representations")
        for view in vars(refined).values():
            _rows(hosted.entry, "couple", view, reps.shared)
    return refined


def inform_cascade(
    hosted: Hosted[Interaction], reps: Representations, classify: Classify, batch: CascadeBatch
) -> Representations:
    """Let an interaction inform the cascade view of the class that is predicted."""
    with guarded(hosted.entry, "inform_cascade"):
        cascade = hosted.module.inform_cascade(reps, classify, batch)
        return replace(reps, cascade=_rows(hosted.entry, "inform_cascade", cascade, reps.shared))


def inform_rumor(
    hosted: Hosted[Interaction], reps: Representations, score_links: ScoreLinks,
    batch: CascadeBatch,
) -> Representations:
    """Let an interaction inform the rumor view of the links that are predicted."""
    with guarded(hosted.entry, "inform_rumor"):
        rumor = hosted.module.inform_rumor(reps, score_links, batch)
        return replace(reps, rumor=_rows(hosted.entry, "inform_rumor", rumor, reps.shared))


def auxiliary_losses(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> dict[str, Tensor]:
    """Return an interaction's losses: scalars, named as it declares."""
    declared = loss_coefficients(hosted)
    with guarded(hosted.entry, "losses"):
        found = hosted.module.losses(reps, outputs, batch)
        losses = _scalars(hosted.entry, "losses", found)
        if losses.keys() != declared.keys():
            expected = f"the losses of loss_coefficients: {sorted(declared)}"
            raise _wrong(hosted.entry, "losses", found, expected)
    return losses


def opponent_losses(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> dict[str, Tensor]:
    """Return the losses of an interaction's opponent: scalars, inputs detached."""
    with guarded(hosted.entry, "opponent_losses"):
        found = hosted.module.opponent_losses(reps, outputs, batch)
        return _scalars(hosted.entry, "opponent_losses", found)


def opponent_parameters(hosted: Hosted[Interaction]) -> list[nn.Parameter]:
    """Return what only an opponent's optimizer trains."""
    with guarded(hosted.entry, "opponent_parameters"):
        return list(hosted.module.opponent_parameters())


def loss_coefficients(hosted: Hosted[Interaction]) -> dict[str, float]:
    """Return the names of an interaction's losses and the factor of each."""
    with guarded(hosted.entry, "loss_coefficients"):
        return {name: float(factor) for name, factor in hosted.module.loss_coefficients.items()}


@torch.no_grad()
def diagnostics(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> dict[str, float]:
    """Return what an interaction logs, by the plugin's name and its own."""
    with guarded(hosted.entry, "diagnostics"):
        found = hosted.module.diagnostics(reps, outputs, batch)
        return {f"{hosted.entry.name}.{name}": float(value) for name, value in found.items()}


def _rows(entry: PluginEntry, method: str, found: object, like: Tensor) -> Tensor:
    if (
        isinstance(found, Tensor) and found.shape == like.shape
        and found.dtype in (like.dtype, *_MIXED)
    ):
        return found
    raise _wrong(entry, method, found, _described(like))


def _scalars(entry: PluginEntry, method: str, found: object) -> dict[str, Tensor]:
    if isinstance(found, Mapping) and all(
        isinstance(value, Tensor) and not value.dim() for value in found.values()
    ):
        return dict(found)
    raise _wrong(entry, method, found, "a mapping of names to scalar tensors")


def _wrong(entry: PluginEntry, method: str, found: object, expected: str) -> PluginError:
    return PluginError(f"{entry} returned {_described(found)} from {method}, expected {expected}")


def _described(found: object) -> str:
    if isinstance(found, Tensor):
        return f"a tensor {tuple(found.shape)} of {found.dtype}"
    if isinstance(found, Mapping):
        return "{" + ", ".join(f"{n!r}: {_described(value)}" for n, value in found.items()) + "}"
    return "None" if found is None else f"a {type(found).__name__}"
