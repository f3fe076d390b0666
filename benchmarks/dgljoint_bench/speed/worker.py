"""What runs in a process that measures; :mod:`dgljoint_bench.speed.process` starts it.

    python -m dgljoint_bench.speed.worker sections|build|train ARGUMENTS

ARGUMENTS are JSON. Tells what is being measured, and the result last, or the error that it ends
with; see :mod:`dgljoint._internal.child_process`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dgljoint._internal.child_process import Say, as_child
from dgljoint_bench.speed.process import NEEDS_LESS

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

    def work(say: Say) -> None:
        def tell(text: str) -> None:
            say({"event": "tell", "text": text})

        say({"event": "result", "figures": _PARTS[part](json.loads(given), tell)})

    return as_child(work, needs_less=NEEDS_LESS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
