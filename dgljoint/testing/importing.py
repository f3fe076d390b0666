"""What the import of a plugin does, seen in a process of its own: this one may be warm, or die."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LIMIT_SECONDS = 60.0
QUICK_SECONDS = 0.5

# Each takes a noticeable part of a second.
_HEAVY = frozenset((
    "dgl", "h5py", "jax", "matplotlib", "networkx", "pandas", "scipy", "sklearn", "tensorflow",
    "torch", "torch_geometric", "torchjd", "transformers",
))
_SCRIPT = """
import importlib, json, os, pathlib, sys, threading, time
path, module, answer = json.loads(sys.argv[1])
sys.path[:] = path
import dgljoint.plugins.loading
modules, threads = set(sys.modules), set(threading.enumerate())
error, started = "", time.perf_counter()
try:
    importlib.import_module(module)
except BaseException as raised:
    error = f"{type(raised).__name__}: {raised}"
seconds = time.perf_counter() - started
found = {
    "error": error, "raised": bool(error), "seconds": seconds,
    "modules": sorted(set(sys.modules) - modules),
    "threads": [thread.name for thread in threading.enumerate() if thread not in threads],
}
sys.stdout.flush()
pathlib.Path(answer).write_text(json.dumps(found))
os._exit(0)
"""


def import_elsewhere(module: str) -> dict[str, Any]:
    """Import a module in a process of its own.

    Returns ``error``, how it failed in words or empty, and ``raised``; where it is imported also
    ``seconds``, the new ``modules`` and ``threads``, and what it ``printed`` to stdout.
    """
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        answer = Path(folder) / "answer.json"
        task = json.dumps([sys.path, module, str(answer)])
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter and script
                [sys.executable, "-c", _SCRIPT, task], capture_output=True, check=False,
                text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"it is not done after {LIMIT_SECONDS:g} s", "raised": False}
        if not answer.is_file():
            ended = f"it ends the process, with code {done.returncode}"
            return {"error": ended, "raised": False}
        return {**json.loads(answer.read_text(encoding="utf-8")), "printed": done.stdout}


def import_habits(seen: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what an import should not do: name, what helps, and what was found if it does."""
    heavy = sorted({name.partition(".")[0] for name in seen["modules"]} & _HEAVY)
    slow = f"it takes {seen['seconds']:.1f} s" if seen["seconds"] > QUICK_SECONDS else ""
    loaded = f"it imports {', '.join(heavy)}" if heavy else ""
    yield (
        "is imported quickly",
        "import what is heavy inside build, in a module of the component's own: whoever names the "
        "plugin waits for it", "; ".join(filter(None, (loaded, slow))),
    )
    lines = seen["printed"].strip().splitlines()
    yield (
        "prints nothing", "use logging or warnings: stdout carries the results of commands",
        f"it prints {lines[0]!r}" if lines else "",
    )
    threads = ", ".join(seen["threads"])
    yield (
        "starts no thread", "start them when they have work to do, and end them",
        f"threads run after the import: {threads}" if threads else "",
    )
