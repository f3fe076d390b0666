"""The hooks that a plugin, a module named by an entry point of the group, may implement.

It marks its implementations with :data:`hookimpl`. Arguments are only ever added to a hook, so an
implementation that names fewer keeps working.
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, WeighterSpec

PROJECT = "dgljoint"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def dgljoint_encoders() -> Sequence[EncoderSpec]:  # type: ignore[empty-body]  # a specification
    """Return the encoders this plugin offers."""


@hookspec
def dgljoint_interactions() -> Sequence[InteractionSpec]:  # type: ignore[empty-body]  # likewise
    """Return the interaction modules this plugin offers."""


@hookspec
def dgljoint_loss_weighters() -> Sequence[WeighterSpec]:  # type: ignore[empty-body]  # likewise
    """Return the loss weighters this plugin offers."""


@hookspec
def dgljoint_readers() -> Sequence[ReaderSpec]:  # type: ignore[empty-body]  # likewise
    """Return the readers of raw formats this plugin offers."""
