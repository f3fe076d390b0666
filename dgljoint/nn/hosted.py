"""Plugin code in the model: called under guard, its answers checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.errors import PluginError
from dgljoint.nn.protocols import Encoder, Interaction, Outputs, Representations, ScoreLinks
from dgljoint.nn.untouched import hosting
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry

ModuleT = TypeVar("ModuleT", bound=nn.Module)

# what autocast makes of one another
_MIXED = (torch.float32, torch.bfloat16)


_refusing = ContextVar("refusing", default=False)


class NotFiniteError(Exception):
    """A component gave values that are not finite though it was given finite ones."""


@contextmanager
def refusing_not_finite() -> Iterator[None]:
    """Look at the values that components give, which would take too long in every step.

    Raises:
        NotFiniteError: names the first method that gives one that is not finite, and the plugin.
    """
    token = _refusing.set(True)
    try:
        yield
    finally:
        _refusing.reset(token)


@dataclass(frozen=True, eq=False)
class Hosted(Generic[ModuleT]):
    """A component and the plugin it comes from.

    Attributes:
        entry: of the plugin.
        module: the component.
        watched: whether to refuse what it writes into its inputs.
    """

    entry: PluginEntry
    module: ModuleT
    watched: bool = True


def _hosting(
    hosted: Hosted[Any], what: str, batch: CascadeBatch, **given: object
) -> guarded:
    if not hosted.watched:
        return guarded(hosted.entry, what)
    return hosting(hosted.entry, what, batch, **given)


def encode(hosted: Hosted[Encoder], batch: CascadeBatch, x: Tensor) -> Tensor:
    """Run the encoder. Shapes: (N, D) to (N, D)."""
    with _hosting(hosted, "forward", batch, x=x):
        encoded: Tensor = hosted.module(batch, x)
    _check_shape(hosted.entry, "forward", encoded, x)
    _check_finite(hosted.entry, "forward", [x], [encoded])
    return encoded


def couple(
    hosted: Hosted[Interaction], reps: Representations, batch: CascadeBatch
) -> Representations:
    """Let an interaction refine the views."""
    with _hosting(hosted, "couple", batch, reps=reps):
        refined = hosted.module.couple(reps, batch)
    if not isinstance(refined, Representations):
        raise PluginError(
            f"{hosted.entry} returned a {type(refined).__name__} from couple, expected "
            "Representations"
        )
    for view in vars(refined).values():
        _check_shape(hosted.entry, "couple", view, reps.shared)
    _check_finite(hosted.entry, "couple", vars(reps).values(), vars(refined).values())
    return refined


def inform_rumor(
    hosted: Hosted[Interaction], reps: Representations, score_links: ScoreLinks,
    batch: CascadeBatch,
) -> Representations:
    """Let an interaction tell the rumor view of the links that are predicted."""
    with _hosting(hosted, "inform_rumor", batch, reps=reps):
        rumor = hosted.module.inform_rumor(reps, score_links, batch)
    _check_shape(hosted.entry, "inform_rumor", rumor, reps.shared)
    _check_finite(hosted.entry, "inform_rumor", vars(reps).values(), [rumor])
    return replace(reps, rumor=rumor)


def auxiliary_losses(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> Mapping[str, Tensor]:
    """Ask an interaction for its losses: scalars, named as it declares."""
    with _hosting(hosted, "losses", batch, reps=reps, outputs=outputs):
        losses = hosted.module.losses(reps, outputs, batch)
        declared = set(hosted.module.loss_coefficients)
    _check_mapping(hosted.entry, "losses", losses)
    if set(losses) != declared:
        found, expected = sorted(map(str, losses)), sorted(map(str, declared))
        raise PluginError(
            f"{hosted.entry} returned the losses {found}, but declares {expected}",
            hint="losses() and loss_coefficients must name the same",
        )
    _check_scalars(hosted.entry, "losses", losses)
    return losses


def opponent_losses(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> Mapping[str, Tensor]:
    """Ask an interaction for the losses of its opponent: scalars, inputs detached."""
    with _hosting(hosted, "opponent_losses", batch, reps=reps, outputs=outputs):
        losses = hosted.module.opponent_losses(reps, outputs, batch)
    _check_scalars(hosted.entry, "opponent_losses", losses)
    return losses


def opponent_parameters(hosted: Hosted[Interaction]) -> list[nn.Parameter]:
    """Ask an interaction for what only its opponent's optimizer trains."""
    with guarded(hosted.entry, "opponent_parameters"):
        parameters = list(hosted.module.opponent_parameters())
    for parameter in parameters:
        if not isinstance(parameter, nn.Parameter):
            raise PluginError(
                f"{hosted.entry} returned a {type(parameter).__name__} among opponent_parameters, "
                "expected torch.nn.Parameter"
            )
    return parameters


def loss_coefficients(hosted: Hosted[Interaction]) -> Mapping[str, float]:
    """Ask an interaction for the names of its losses and the factor of each."""
    with guarded(hosted.entry, "loss_coefficients"):
        declared = hosted.module.loss_coefficients
    if not isinstance(declared, Mapping):
        raise PluginError(
            f"{hosted.entry} has a {type(declared).__name__} as loss_coefficients, expected a "
            "mapping of names to numbers"
        )
    for name, factor in declared.items():
        if not (isinstance(name, str) and isinstance(factor, Real) and math.isfinite(factor)):
            raise PluginError(
                f"{hosted.entry} has {name!r}: {factor!r} among loss_coefficients, expected a name "
                "and a finite number"
            )
    return declared


def diagnostics(
    hosted: Hosted[Interaction], reps: Representations, outputs: Outputs, batch: CascadeBatch
) -> dict[str, float]:
    """Ask an interaction for what it logs, by the plugin's name and its own."""
    with (
        _hosting(hosted, "diagnostics", batch, reps=reps, outputs=outputs), torch.no_grad()
    ):
        found = hosted.module.diagnostics(reps, outputs, batch)
    _check_scalars(hosted.entry, "diagnostics", found)
    return {f"{hosted.entry.name}.{name}": value.item() for name, value in found.items()}


def _check_mapping(entry: PluginEntry, method: str, values: object) -> None:
    if not isinstance(values, Mapping):
        raise PluginError(
            f"{entry} returned {_described(values)} from {method}, expected a mapping of names to "
            "scalars"
        )


def _check_scalars(entry: PluginEntry, method: str, values: Mapping[str, Tensor]) -> None:
    _check_mapping(entry, method, values)
    for name, value in values.items():
        if not isinstance(value, Tensor) or value.dim():
            raise PluginError(
                f"{entry} returned {_described(value)} as '{name}' from {method}, expected a "
                "scalar tensor"
            )


def _check_shape(entry: PluginEntry, method: str, found: object, like: Tensor) -> None:
    if not isinstance(found, Tensor) or found.shape != like.shape:
        what = tuple(found.shape) if isinstance(found, Tensor) else _described(found)
        raise PluginError(
            f"{entry} returned {what} from {method}, expected a tensor {tuple(like.shape)}"
        )
    if found.dtype != like.dtype and found.dtype not in _MIXED:
        raise PluginError(
            f"{entry} returned a tensor of {found.dtype} from {method}, expected {like.dtype}"
        )


def _check_finite(
    entry: PluginEntry, method: str, given: Iterable[Tensor], found: Iterable[Tensor]
) -> None:
    if _refusing.get() and _finite(given) and not _finite(found):
        raise NotFiniteError(f"{method} of {entry}")


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _described(found: object) -> str:
    if isinstance(found, Tensor):
        return f"a tensor {tuple(found.shape)}"
    return "None" if found is None else f"a {type(found).__name__}"
