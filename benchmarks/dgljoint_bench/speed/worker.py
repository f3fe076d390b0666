"""What runs in a process that measures; :mod:`dgljoint_bench.speed.process` starts it.

    python -m dgljoint_bench.speed.worker sections|build|train ARGUMENTS

ARGUMENTS are JSON. Tells what happens in lines of JSON on stdout, the result last; whatever else is
written goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from dgljoint.errors import DgljointError
from dgljoint.plugins.leaving import leave

_Tell = Callable[[str], None]


# Each imports what it measures alone: building takes no torch, and its memory is to show that.
def _sections(arguments: Mapping[str, Any], tell: _Tell) -> dict[str, Any]:
    from dgljoint_bench.speed.request import SpeedRequest
    from dgljoint_bench.speed.sections import measure_sections

    return measure_sections(SpeedRequest.model_validate(arguments), tell)


def _build(arguments: Mapping[str, Any], tell: _Tell) -> dict[str, Any]:
    from dgljoint_bench.speed.building import build

    return build(Path(arguments["file"]), arguments["posts"], arguments["seed"])


def _train(arguments: Mapping[str, Any], tell: _Tell) -> dict[str, Any]:
    from dgljoint_bench.speed.scaling import train

    return train(Path(arguments["file"]), arguments["seed"])


_PARTS: dict[str, Callable[[Mapping[str, Any], _Tell], dict[str, Any]]] = {
    "sections": _sections, "build": _build, "train": _train,
}


def main(arguments: Sequence[str]) -> int:
    """Measure one part; return the exit code."""
    part, given = arguments
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(event: str, value: object) -> None:
        own.write(json.dumps({event: value}) + "\n")

    Thread(target=_end_with_parent, daemon=True).start()
    try:
        say("result", _PARTS[part](json.loads(given), lambda text: say("tell", text)))
    except DgljointError as error:
        say("error", [error.message, error.hint, error.exit_code])
        return error.exit_code
    return 0


def _end_with_parent() -> None:
    """Wait for the end of stdin, which is that of whoever started this process."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
