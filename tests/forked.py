"""Commands in processes of their own that need not import torch each: forked from a warm one.

The script below is that warm process. It reads a command as a line of JSON, forks, and writes
how the child ended. What it runs itself beforehand imports what others need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = """
import json, os, signal, sys, time, traceback
from pathlib import Path
from dgljoint_cli.main import run

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

def dies_at(folder, number):
    # Before the number-th change of something in the folder; half a file is one, too.
    left = number
    def change():
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def hook(event, arguments):
        if event in ("open", "os.rename", "os.remove", "os.mkdir"):
            if str(arguments[0]).startswith(folder):
                change()
    def write_bytes(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            change()
            file.write(content[len(content) // 2 :])
    Path.write_bytes = write_bytes
    sys.addaudithook(hook)

def do(task):
    said = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1), os.dup2(said, 2)
    if task["event"]:
        dies_at(task["folder"], task["event"])
    code = run(task["command"])
    sys.stdout.flush(), sys.stderr.flush()
    return code

for line in sys.stdin:
    task = json.loads(line)
    if task["warm"]:
        run(task["command"])
        continue
    child = os.fork()
    if not child:
        try:
            os._exit(do(task))
        finally:  # only where it raises: the loop is not the child's
            traceback.print_exc()
            os._exit(70)
    # Not from outside: until this process has waited for it, nobody else gets the child's number.
    ended, status = os.waitpid(child, os.WNOHANG if task["seconds"] else 0)
    dies = time.monotonic() + task["seconds"]
    while not ended:
        time.sleep(0.002)
        if time.monotonic() >= dies:
            os.kill(child, signal.SIGKILL)
        ended, status = os.waitpid(child, os.WNOHANG)
    print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, negative where a signal killed it."""

    code: int
    said: str
    seconds: float


class Forge:
    """Runs commands one after another."""

    def __init__(self, folder: Path) -> None:
        self._said = folder / "said.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, XDG_CACHE_HOME=str(folder)),
        )

    def warm(self, *command: str) -> None:
        """Run a command in the warm process itself."""
        self._send({"command": command, "warm": True})

    def run(
        self, *command: str, folder: str = "", event: int = 0, seconds: float = 0.0
    ) -> Ended:
        """Run ``dgljoint`` with these arguments.

        Args:
            command: the arguments.
            folder: run folder, as the command names it.
            event: kill it before it changes something in the folder for this time.
            seconds: kill it after so long.
        """
        assert self._process.stdout
        started = time.monotonic()
        self._send({
            "command": command, "warm": False, "said": str(self._said), "folder": folder,
            "event": event, "seconds": seconds,
        })
        code = int(self._process.stdout.readline())
        return Ended(code, self._said.read_text(), time.monotonic() - started)

    def _send(self, task: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the warm process."""
        self._process.communicate(timeout=300)
