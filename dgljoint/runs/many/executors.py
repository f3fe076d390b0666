"""Where jobs are run: by threads of this process, or by the workers of a Dask cluster.

Either way they wait for the processes of the jobs and compute nothing themselves.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgljoint._internal.child_process import as_error
from dgljoint._internal.files import writing
from dgljoint._version import __version__
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, DgljointError, RunFailedError, UsageError, install_hint

if TYPE_CHECKING:
    from distributed import Client

# How long to wait for a scheduler to answer, and then for a worker.
_SECONDS_TO_ANSWER = 10
_ADDRESS = re.compile(r"(tcp|tls)://.+:\d{1,5}")
_VERSION = "dgljoint"
# What a machine sees, by name: the version of dgljoint and what files hold; None: not there.
_Sight = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Pool:
    """What runs jobs."""

    executor: Executor  # takes run_job
    jobs: int  # how many it runs at a time
    here: bool = True  # whether it is on this machine, so that the events of processes are received
    # returns why a job has no record, by what its future raised
    explain: Callable[[Exception], DgljointError] = as_error


@contextmanager
def local_executor(jobs: int) -> Iterator[Pool]:
    """Give what runs so many jobs at a time on this machine."""
    with ThreadPoolExecutor(jobs) as threads:
        yield Pool(threads, jobs)


@contextmanager
def cluster_executor(address: str, out: Path, data: Iterable[Path]) -> Iterator[Pool]:
    """Give what runs jobs on a `Dask <https://distributed.dask.org>`_ cluster, one per thread.

    The jobs of a worker that dies are run by others.
    """
    with _connected(address) as client:
        _check_sight(client, out, sorted({str(file.resolve()) for file in data}))
        # The same job may be run again, and is then another task.
        executor = client.get_executor(pure=False)
        yield Pool(executor, sum(client.nthreads().values()), False, _explain)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "--cluster needs Dask, which is not installed", hint=install_hint("cluster")
        ) from error
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"'{address}' is no address of a scheduler", hint="--cluster tcp://HOST:PORT"
        )
    try:
        client = Client(address, timeout=_SECONDS_TO_ANSWER, set_as_default=False)
    except OSError as error:
        raise RunFailedError(
            f"no scheduler answers at {address}", hint="start one with: dask scheduler"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS_TO_ANSWER)
        except TimeoutError as error:
            raise RunFailedError(
                f"the scheduler at {address} has no worker",
                hint=f"start one with: dask worker {address} --nthreads 1",
            ) from error
        yield client


def _check_sight(client: Client, out: Path, data: Sequence[str]) -> None:
    """Refuse workers for which files, or dgljoint, are not what they are here.

    Those that come later are not asked.
    """
    with (
        writing(out),
        tempfile.NamedTemporaryFile("w", dir=out.resolve(), prefix=".shared") as mark,
    ):
        mark.write(out.name)
        mark.flush()
        here = _sight(mark.name, data)
        there = client.run(_sight, mark.name, data, on_error="return")
    for worker, sight in there.items():
        if isinstance(sight, Exception):
            raise RunFailedError(
                f"the worker {worker} cannot run jobs: {as_error(sight).message}",
                hint=f"install dgljoint {__version__} where it runs",
            ) from sight
        if sight[_VERSION] != here[_VERSION]:
            raise RunFailedError(
                f"the worker {worker} has dgljoint {sight[_VERSION]}, and this is {__version__}",
                hint="install the same version on all machines",
            )
        for name, content in here.items():
            if sight[name] != content:
                place = out if name == mark.name else name
                raise RunFailedError(
                    f"the worker {worker} does not see {place} as it is here",
                    hint="--out and --data must be on a file system that all machines share, "
                    "under the same path",
                )


def _sight(mark: str, data: Sequence[str]) -> _Sight:
    """Return what this machine sees; runs on workers too."""
    found: _Sight = {_VERSION: __version__}
    found[mark] = Path(mark).read_text(encoding="utf-8") if Path(mark).is_file() else None
    for name in data:
        try:
            found[name] = CascadeStore(Path(name)).digest
        except DataError:
            found[name] = None
    return found


def _explain(error: Exception) -> DgljointError:
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return RunFailedError(
            f"{error.allowed_failures + 1} workers died while they ran it",
            hint="see what the scheduler and the workers wrote: were they short of memory?",
        )
    return as_error(error)
