"""What the import of a plugin does, seen in a process of its own: others may be warm, or die."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dgljoint.checking.findings import Finding, Findings, Subject, failed
from dgljoint.errors import PluginError

STAGE = "import"
LIMIT_SECONDS = 60.0
QUICK_SECONDS = 0.5

# Each takes a noticeable part of a second.
HEAVY = (
    "dgl", "h5py", "jax", "matplotlib", "networkx", "pandas", "scipy", "sklearn", "tensorflow",
    "torch", "torch_geometric", "torchjd", "transformers",
)

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
    "error": error, "seconds": seconds, "modules": sorted(set(sys.modules) - modules),
    "threads": [thread.name for thread in threading.enumerate() if thread not in threads],
}
sys.stdout.flush()
pathlib.Path(answer).write_text(json.dumps(found))
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class _Import:
    """What was seen of an import.

    Attributes:
        error: that was raised, in words; or how the process ended.
        raised: whether it was raised, so that it can be seen again.
        seconds: it took.
        modules: that are there since.
        threads: that run since, by name.
        printed: to stdout.
    """

    error: str = ""
    raised: bool = True
    seconds: float = 0.0
    modules: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()
    printed: str = ""


def check_import(subject: Subject) -> Findings:
    """Import the module elsewhere first; what raises there is imported here for its traceback."""
    entry = subject.entry
    seen = _import_elsewhere(entry.module)
    check, mend = "can be imported", "make `python -c 'import MODULE'` work"
    if seen.error:
        mend = mend.replace("MODULE", entry.module)
        finding = Finding(STAGE, check, "failed", seen.error, mend)
        if seen.raised:
            try:
                subject.registry.load(entry.name)
            except PluginError as error:
                finding = failed(STAGE, check, error, entry, mend)
        yield finding
        return False
    yield Finding(STAGE, check, found=f"{seen.seconds:.2f} s", figures={"seconds": seen.seconds})
    yield from _habits(seen)
    return True


def _habits(seen: _Import) -> Iterator[Finding]:
    heavy = sorted({name.partition(".")[0] for name in seen.modules} & set(HEAVY))
    slow = f"it takes {seen.seconds:.1f} s" if seen.seconds > QUICK_SECONDS else ""
    loaded = f"it imports {', '.join(heavy)}" if heavy else ""
    yield _habit(
        "is imported quickly", "; ".join(filter(None, (loaded, slow))),
        "import what is heavy inside build, in a module of the component's own: whoever names the "
        "plugin waits for it",
    )
    lines = seen.printed.strip().splitlines()
    yield _habit(
        "prints nothing", f"it prints {lines[0]!r}" if lines else "",
        "use logging or warnings: stdout carries the results of commands",
    )
    threads = ", ".join(seen.threads)
    yield _habit(
        "starts no thread", f"threads run after the import: {threads}" if threads else "",
        "start them when they have work to do, and end them",
    )


def _habit(check: str, found: str, mend: str) -> Finding:
    return Finding(STAGE, check, "note", found, mend) if found else Finding(STAGE, check)


def _import_elsewhere(module: str) -> _Import:
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        answer = Path(folder) / "answer.json"
        task = json.dumps([sys.path, module, str(answer)])
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter and script
                [sys.executable, "-c", _SCRIPT, task], capture_output=True, check=False,
                text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return _Import(f"it is not done after {LIMIT_SECONDS:g} s", raised=False)
        if not answer.is_file():
            return _Import(f"it ends the process, with code {done.returncode}", raised=False)
        found = json.loads(answer.read_text(encoding="utf-8"))
    return _Import(
        found["error"], True, found["seconds"], tuple(found["modules"]), tuple(found["threads"]),
        done.stdout,
    )
