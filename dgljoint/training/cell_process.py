"""What runs in the process of a cell; :mod:`dgljoint.training.cells` starts it.

    python -m dgljoint.training.cell_process FOLDER start|resume DEVICE CONFIG

Tells what happens in lines of JSON on stdout; whatever else is written goes to stderr.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread

from dgljoint.config import RunConfig
from dgljoint.errors import DgljointError, InterruptedRunError, one_line, out_of_memory
from dgljoint.options import parse_options
from dgljoint.plugins.guard import unguarded
from dgljoint.plugins.leaving import leave
from dgljoint.plugins.registry import installed_registry
from dgljoint.training.callbacks import Callback
from dgljoint.training.record import EpochRecord
from dgljoint.training.run import train

_Say = Callable[[dict[str, object]], None]


def main(arguments: Sequence[str]) -> int:
    """Train a cell; return the exit code."""
    folder, how, device, config = arguments
    say = _own_stdout()
    _obey_parent()
    try:
        train(
            parse_options(RunConfig, json.loads(config), "configuration"),
            Path(folder),
            registry=installed_registry(),
            callbacks=(_Reporting(say),),
            resume=how == "resume",
            # What a run left that did not get to its first checkpoint is no loss.
            force=how == "start",
            device=device,
        )
    except KeyboardInterrupt:
        return InterruptedRunError.exit_code
    except DgljointError as error:
        if not isinstance(error, InterruptedRunError):
            traceback.print_exc()
        return _fail(say, error)
    # the last frame: even a bug ends with a message
    except (Exception, SystemExit) as error:  # noqa: BLE001
        traceback.print_exc()
        return _fail(say, _described(error))
    return 0


class _Reporting(Callback):
    """Tells of the epochs."""

    def __init__(self, say: _Say) -> None:
        self._say = say
        self._epochs = 0

    def start(self, epochs: int, steps: int, resumed_from: int) -> None:
        """Tell where the run stands."""
        self._epochs = epochs
        self._tell(resumed_from, None)

    def epoch(self, record: EpochRecord) -> None:
        """Tell that an epoch ended."""
        self._tell(record.epoch, record.validation.get("score"))

    def _tell(self, epoch: int, score: float | None) -> None:
        self._say({"event": "epoch", "epoch": epoch, "epochs": self._epochs, "score": score})


def _described(error: BaseException) -> DgljointError:
    if out_of_memory(error):
        return DgljointError(
            f"out of memory: {one_line(error)}",
            hint="fewer --jobs need less memory, and so does a smaller batch",
        )
    broken = unguarded(error, installed_registry().at_work)
    return broken or DgljointError(
        f"unexpected {one_line(error)}", hint="this is a bug in dgljoint"
    )


def _fail(say: _Say, error: DgljointError) -> int:
    say(
        {
            "event": "error", "message": error.message, "hint": error.hint,
            "exit_code": error.exit_code,
        }
    )
    return error.exit_code


def _own_stdout() -> _Say:
    """Take stdout away from everything else, and return what writes a line of JSON to it."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(event: dict[str, object]) -> None:
        own.write(json.dumps(event) + "\n")

    return say


def _obey_parent() -> None:
    """Take a byte on stdin for Ctrl-C, and its end for that of whoever started this process."""
    # Who starts a command in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own = os.dup(sys.stdin.fileno())
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # nothing for a plugin to read
        os.dup2(nothing.fileno(), sys.stdin.fileno())

    def watch() -> None:
        while os.read(own, 1):
            os.kill(os.getpid(), signal.SIGINT)
        # At once, wherever the run stands: files appear whole or not at all, and the study may
        # be gone on with in a moment.
        os._exit(1)

    Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
