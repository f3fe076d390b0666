"""Measure in a process of its own, whose settings hold from its start."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from dgljoint._internal import child_process
from dgljoint._internal.child_process import Event
from dgljoint.errors import DgljointError

NEEDS_LESS = "--cascades N and smaller --posts need less memory"


class MeasuringFailedError(DgljointError):
    """The process that measures failed.

    Args:
        message: what it said.
        exit_code: what it ended with.
        hint: the command or option that mends it.
    """

    def __init__(self, message: str, *, exit_code: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def measured(
    part: str, arguments: Mapping[str, object], *, settings: Mapping[str, str],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Return what :mod:`dgljoint_bench.speed.worker` measures.

    The process does not outlive this one.

    Args:
        part: ``sections``, ``build`` or ``train``.
        arguments: of the part, plain values.
        settings: of the environment; what it says already stands.
        tell: is told what is being measured.

    Raises:
        MeasuringFailedError: it failed.
    """
    told: dict[str, Event] = {}

    def hear(event: Event) -> None:
        match event:
            case {"event": "tell", "text": text}:
                tell(text)
            case {"event": "result" | "error" as kind}:
                told[kind] = event

    child = child_process.start(
        f"{__package__}.worker", [part, json.dumps(arguments)], None,
        environment={**settings, **os.environ},
    )
    try:
        code = child_process.hear(child, hear)
    finally:
        child_process.end(child)
    if (error := told.get("error")) is not None:
        raise MeasuringFailedError(
            error["message"], hint=error["hint"], exit_code=error["exit_code"]
        )
    if code or "result" not in told:
        died = child_process.death(code, None, needs_less=NEEDS_LESS)
        raise MeasuringFailedError(f"measuring failed: {died.message}", hint=died.hint)
    result: dict[str, Any] = told["result"]["figures"]
    return result
