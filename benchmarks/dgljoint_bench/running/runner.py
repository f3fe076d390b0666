"""Running the cells of a suite that have no figures yet, and recording what they come to."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dgljoint._internal.files import write_text, writing
from dgljoint.errors import (
    DataError,
    DgljointError,
    InterruptedRunError,
    RunFailedError,
    StudyFailedError,
    UsageError,
)
from dgljoint.training.callbacks import StopRequest
from dgljoint_bench.results.database import Results
from dgljoint_bench.results.records import DONE, FAILED, CellRecord, Key, Trial
from dgljoint_bench.running.executors import Pool
from dgljoint_bench.running.job import STOP
from dgljoint_bench.running.plan import PlannedCell, SuitePlan
from dgljoint_bench.running.work import AT_ONCE, STOPPED, Outcome, run_job

# How soon a Ctrl-C is noticed while nothing else happens.
_SECONDS_A_LOOK = 0.2
_OUTCOME = (
    "config", "versions", "figures", "curve", "seconds", "cpu_seconds", "peak_megabytes",
    "parameters", "best_epoch", "tests_seen",
)


class SuiteProgress:
    """Receives what happens to the cells of a suite; the default ignores it."""

    def start(self, left: Iterable[Key], recorded: Iterable[CellRecord], jobs: int) -> None:
        """There are cells left to run, and some that are recorded already."""

    def end(self, cell: CellRecord) -> None:
        """A cell was recorded."""

    def stop(self, running: int) -> None:
        """Ctrl-C: so many cells finish their step and save."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How the cells of a plan stand after a run.

    Attributes:
        cells: all of them.
        done: those with figures.
        failed: what became of the others.
    """

    cells: int
    done: int
    failed: tuple[CellRecord, ...]

    def error(self) -> StudyFailedError | None:
        """Return what to end with when cells failed; its exit code is that of the first."""
        if not self.failed:
            return None
        said = "".join(f"\n  {cell.key}: {cell.message}" for cell in self.failed)
        hints = dict.fromkeys(cell.hint for cell in self.failed if cell.hint)
        return StudyFailedError(
            f"{len(self.failed)} of {self.cells} cells failed:{said}",
            exit_code=self.failed[0].exit_code or 1, hint="; ".join(hints) or None,
        )


def run_suite(
    plan: SuitePlan, results: Results, out: Path, pool: Pool, *, progress: SuiteProgress,
    keep_open: Iterable[int] = (), replace: bool = False,
) -> Tally:
    """Run the cells of a plan that are not recorded, each in a process of its own.

    A cell that fails stops no other, and is tried again the next time. Every cell is recorded as
    soon as it ends.

    Args:
        plan: of the suite.
        results: file they are recorded in.
        out: folder of the runs, held by the caller; see :func:`dgljoint._internal.files.locked`.
        pool: what runs the cells.
        progress: is told what happens.
        keep_open: descriptors that processes of this machine keep open while they live.
        replace: run cells again that are recorded with other settings.

    Raises:
        DataError: the file holds figures of other data under the same name.
        UsageError: it holds cells of other settings, which are not to be replaced or not asked for.
        InterruptedRunError: Ctrl-C; the same command goes on.
        RunFailedError: the file system refuses, or the cluster gave cells up.
    """
    left = cells_left(plan, results, replace=replace)
    results.describe(plan.suite.name, plan.suite.model_dump(mode="json"), plan.tables)
    progress.start([cell.key for cell in left], results.cells(plan.suite.name), pool.jobs)
    stop_file, held = out.resolve() / STOP, tuple(keep_open)
    with writing(stop_file):
        stop_file.unlink(missing_ok=True)
    with StopRequest() as stop, stop.between_steps():
        futures = {
            pool.executor.submit(run_job, cell.job.to_dict(), str(stop_file), held): cell
            for cell in left
        }
        try:
            _gather(futures, results, progress, stop, stop_file, pool)
        except BaseException:
            for future in futures:
                future.cancel()
            with suppress(RunFailedError):  # what is raised says more than this could
                write_text(stop_file, AT_ONCE)
            raise
    tally = _tally(plan, results)
    if tally.done + len(tally.failed) < tally.cells:
        raise _unfinished(tally, interrupted=stop.asked)
    return tally


def cells_left(plan: SuitePlan, results: Results, *, replace: bool) -> list[PlannedCell]:
    """Return the cells of a plan that are not recorded.

    Args:
        plan: of the suite.
        results: file they are recorded in.
        replace: whether cells that are recorded with other settings are to be run again.

    Raises:
        UsageError: the file holds cells of other settings, which are not to be replaced or not
            asked for.
    """
    known = results.digests(plan.suite.name)
    # What has failed may be corrected.
    done = {key: digest for key, (digest, state) in known.items() if state == DONE}
    asked = {cell.key: cell.job.digest for cell in plan.cells}
    changed = [key for key, digest in asked.items() if done.get(key, digest) != digest]
    if changed and not replace:
        raise UsageError(
            f"{results.path} holds {_several(changed)}, run with other settings",
            hint="name another --results file, or run them again with --replace",
        )
    others = [key for key in done if key not in asked]
    stale = [key for key in others if plan.digest_of(key) not in (None, done[key])]
    if stale:
        raise UsageError(
            f"{results.path} holds {_several(stale)}, run with other settings, and what runs now "
            "would stand beside it",
            hint="name another --results file, or run all of them again: --replace, and nothing "
            "left out by --only, --table, --folds or --seeds",
        )
    return [cell for cell in plan.cells if done.get(cell.key) != cell.job.digest]


def _several(keys: Sequence[Key]) -> str:
    return f"{keys[0]}" + (f", and {len(keys) - 1} more cells" if len(keys) > 1 else "")


def _gather(
    futures: Mapping[Future[Outcome], PlannedCell], results: Results, progress: SuiteProgress,
    stop: StopRequest, stop_file: Path, pool: Pool,
) -> None:
    """Record every outcome as it comes, and hand a Ctrl-C on."""
    waiting, stopping = set(futures), False
    while waiting:
        if stop.asked and not stopping:
            stopping = True
            # Those that have not begun end when they see it.
            write_text(stop_file, "")
            progress.stop(min(pool.jobs, len(waiting)))
        ended = wait(waiting, timeout=_SECONDS_A_LOOK, return_when=FIRST_COMPLETED).done
        waiting -= ended
        for future in ended:
            cell = _recorded(futures[future], _outcome(future, pool), results)
            if cell is not None:
                progress.end(cell)


def _outcome(future: Future[Outcome], pool: Pool) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        return {STOPPED: True}
    # a machine of a cluster may be unlike this one in any way
    except Exception as error:  # noqa: BLE001
        return _failure(pool.explain(error))


def _failure(error: DgljointError) -> Outcome:
    return {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}


def _recorded(planned: PlannedCell, outcome: Outcome, results: Results) -> CellRecord | None:
    """Record what a cell came to; ``None`` for one that was stopped."""
    if STOPPED in outcome:
        return None
    digest = planned.job.digest
    if "message" not in outcome:
        cell = CellRecord(
            planned.key, digest, DONE,
            trials=tuple(Trial(**trial) for trial in outcome.get("trials", ())),
            **{name: outcome[name] for name in _OUTCOME if name in outcome},
        )
        try:
            results.record(cell)
        except DataError as error:
            outcome = _failure(error)
        else:
            return cell
    failed = CellRecord(planned.key, digest, FAILED, **outcome)
    results.record(failed)
    return failed


def _tally(plan: SuitePlan, results: Results) -> Tally:
    known = {cell.key: cell for cell in results.cells(plan.suite.name)}
    # In the order of the plan, whichever ended first.
    found = [known[cell.key] for cell in plan.cells if cell.key in known]
    done = sum(cell.state == DONE for cell in found)
    return Tally(len(plan.cells), done, tuple(cell for cell in found if cell.state == FAILED))


def _unfinished(tally: Tally, *, interrupted: bool) -> DgljointError:
    failed = f", {len(tally.failed)} failed" if tally.failed else ""
    standing = f"{tally.done} of {tally.cells} cells are done{failed}; everything is saved"
    hint = f"continue with the same command: dgljoint {shlex.join(sys.argv[1:])}"
    if interrupted:
        return InterruptedRunError(f"interrupted: {standing}", hint=hint)
    return RunFailedError(f"the scheduler of the cluster was lost: {standing}", hint=hint)
