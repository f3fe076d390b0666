"""Commands in processes of their own: how they are given, waited for and looked at from outside."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

COMMAND = (sys.executable, "-c", "from dgljoint_cli.main import run; raise SystemExit(run())")
# Far more than anything takes: it only ends a test that would never end.
PATIENCE_SECONDS = 300.0


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something holds; fail where it does not come about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not so after {PATIENCE_SECONDS:g} s"
        time.sleep(0.02)


def parent_of(process: int) -> int:
    """Return the number of the parent of a process that lives."""
    return int(_fields(Path(f"/proc/{process}"))[1])


def ended(process: int) -> bool:
    """Say whether a process has ended, its parent told of it or not."""
    return _state(Path(f"/proc/{process}")) in ("", "Z")


def stopped(process: int) -> bool:
    """Say whether every thread of a process has come to its stop."""
    threads = Path(f"/proc/{process}/task")
    return {_state(thread) for thread in threads.iterdir()} == {"T"}


def members(session: int) -> int:
    """Count the living processes of a session."""
    found = (_fields(process) for process in Path("/proc").glob("[0-9]*"))
    return sum(len(fields) > 3 and fields[0] != "Z" and int(fields[3]) == session
               for fields in found)


def _state(process: Path) -> str:
    return next(iter(_fields(process)), "")


def _fields(process: Path) -> list[str]:
    """Return state, parent, group, session, ... of a process or thread; nothing once it is gone."""
    with suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()
    return []
