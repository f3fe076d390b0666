"""A plugin at whose gate processes stand still: what a test does to them then hits them there."""

from __future__ import annotations

from pathlib import Path

PLUGIN = '''
import os
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import dgljoint

HERE = Path(__file__).parent
GATE = HERE / "gate"

@contextmanager
def hearing():
    # A signal gets to whoever takes it, and lets this process through.
    heard = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def hear(number, frame):
        heard.append(number)
        handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, hear)
    yield heard
    for number, handler in handlers.items():
        signal.signal(number, handler)

def held_pass():
    with suppress(FileNotFoundError):
        return int(GATE.read_text())

def build(options, context):
    from dgljoint.nn import Interaction

    class Gated(Interaction):
        passes = 0

        def couple(self, reps, batch):
            self.passes += self.training
            if self.training and self.passes == held_pass():
                with hearing() as heard:
                    (HERE / f"held-{os.getpid()}").touch()
                    while GATE.exists() and not heard:
                        time.sleep(0.02)
            return reps

    return Gated()

@dgljoint.hookimpl
def dgljoint_interactions():
    return [dgljoint.InteractionSpec(name="gated", summary="", build=build)]
'''


class Gate:
    """The gate of the plugin ``gated``; it stands open at first.

    Args:
        folder: of the plugin's module.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "gate"

    def close(self, passes: int) -> None:
        """Hold each process in one of its forward passes in training.

        It goes on when a signal has reached it, or when the gate is opened.

        Args:
            passes: number of that pass, from 1 in each process; a step takes one, more where a
                weighter looks at the meta split.
        """
        for file in self._folder.glob("held-*"):
            file.unlink()
        written = self._folder / "gate.new"
        written.write_text(str(passes))
        written.replace(self._file)

    def open(self) -> None:
        """Let all through."""
        self._file.unlink(missing_ok=True)

    def held(self) -> set[int]:
        """Return the processes that have come to the gate since it was closed, by number."""
        return {int(file.name.partition("-")[2]) for file in self._folder.glob("held-*")}
