"""Foreign code runs in here: what it raises becomes an error that names the plugin.

What it prints goes to stderr, since stdout carries data. What it leaves changed for everybody
else, as torch's default type, is put back and is an error too. Calls are told one by one where
:data:`~dgljoint.plugins.tracing.VARIABLE` asks for it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dgljoint.errors import DgljointError, PluginError, one_line, out_of_memory
from dgljoint.plugins.blame import Place, in_autograd, place_of
from dgljoint.plugins.tracing import active_trace

if TYPE_CHECKING:
    from dgljoint.plugins.registry import PluginEntry

IMPORT = "import of "
_Settings = tuple[Any, bool, int]

_WORKS_WITHOUT = "the other plugins work without this one"

# How often this process is a copy made by `fork` of one that had begun.
_forks = 0


def _count_fork() -> None:
    global _forks  # asking the system for the process's number is ten times slower
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)


class guarded:  # noqa: N801  # reads as the verb it is: with guarded(entry, "build"):
    """A block in which a plugin's code runs.

    Errors that already speak to the user pass, and so do Ctrl-C and running out of memory, which
    is seldom the fault of whoever asked last.

    Args:
        entry: whose code runs.
        what: the hook or method, for the message.
        others: entries whose code may be called by that of ``entry``, as by a backward pass. What
            they raise is laid to them.

    Raises:
        PluginError: naming plugin, distribution, version and ``what``; the original exception
            is its cause. Also where the block left a setting of torch changed.
    """

    __slots__ = ("_entry", "_forks", "_others", "_settings", "_started", "_stdout", "_what")

    def __init__(
        self, entry: PluginEntry, what: str, others: Sequence[PluginEntry] = ()
    ) -> None:
        self._entry = entry
        self._what = what
        self._others = others

    def __enter__(self) -> None:
        self._stdout, sys.stdout = sys.stdout, sys.stderr
        self._forks = _forks
        self._settings = _settings()
        if active_trace() is not None:
            self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if (tracing := active_trace()) is not None:
            tracing.record(self._entry, self._what, time.perf_counter() - self._started)
        sys.stdout = self._stdout
        if self._forks != _forks:
            self._end_copy()
        found = _settings()
        changed = self._put_back(found) if found is not None and found != self._settings else None
        if error is not None:
            self._translate(error)
        elif changed is not None:
            raise changed

    def _translate(self, error: BaseException) -> None:
        """Raise what ``error`` means to the user, unless it is to pass as it is."""
        if isinstance(error, DgljointError | KeyboardInterrupt | GeneratorExit):
            return
        if out_of_memory(error):
            return
        place = place_of(error.__traceback__, (self._entry, *self._others))
        if self._others and in_autograd(error.__traceback__):
            through = ", ".join(map(str, (self._entry, *self._others)))
            raise PluginError(
                f"the backward pass failed: {one_line(error)}; it runs through {through}",
                hint=f"--debug shows the traceback; {_WORKS_WITHOUT}",
            ) from error
        raise _failure(self._entry, self._what, error, place) from error

    def _put_back(self, found: _Settings) -> PluginError | None:
        """Put torch's settings back; say which of them were changed."""
        torch: Any = sys.modules["torch"]
        dtype, gradients, seed = self._settings or (torch.float32, True, None)
        found_dtype, found_gradients, found_seed = found
        where = f"in {self._what}"
        if found_dtype != dtype:
            torch.set_default_dtype(dtype)
            return PluginError(
                f"{self._entry} changed torch's default type to {found_dtype} {where}",
                hint="all components compute with it, so it was put back: give a tensor its "
                "dtype where it is made",
            )
        if found_gradients != gradients:
            torch.set_grad_enabled(gradients)
            return PluginError(
                f"{self._entry} left gradients switched {'on' if found_gradients else 'off'} "
                f"{where}",
                hint="they were put back: `with torch.no_grad():` ends by itself",
            )
        # At import it does no harm: a run seeds everything that it draws.
        if seed is not None and found_seed != seed and not self._what.startswith(IMPORT):
            return PluginError(
                f"{self._entry} seeded torch's generator {where}",
                hint="all that a run draws follows from its own seed: draw from a "
                "torch.Generator of the plugin's own",
            )
        return None

    def _end_copy(self) -> None:
        """End a process that a plugin made by ``fork`` and did not end: the run is another's."""
        sys.stderr.write(f"{self._entry} forked a process in {self._what}, which ends here\n")
        sys.stderr.flush()
        os._exit(PluginError.exit_code)


def unguarded(error: BaseException, entries: Sequence[PluginEntry]) -> PluginError | None:
    """Tell a plugin's failure where no guard stood, as in what torch calls by itself.

    Args:
        error: that nobody caught.
        entries: whose code has run; ``None`` is returned where the error is in none's.
    """
    place = place_of(error.__traceback__, entries)
    if place is None:
        return None
    return _failure(place.entry, place.function, error, place)


def _failure(
    entry: PluginEntry, what: str, error: BaseException, place: Place | None
) -> PluginError:
    """Make the error for what a plugin raised.

    Args:
        entry: whose code ran.
        what: the hook or method.
        error: that was raised.
        place: in a plugin's code where it was; another's than that of ``entry`` takes the blame.
    """
    if place is not None and place.entry != entry:
        entry, what = place.entry, place.function
    hint = f"--debug shows the traceback; {_WORKS_WITHOUT}"
    if isinstance(error, ModuleNotFoundError) and error.name and not _own(error.name, entry):
        hint = f"{entry.distribution} needs '{error.name}', which is not installed: {hint}"
    elif place is not None:
        hint = f"raised in {place}; {hint}"
    return PluginError(f"{entry} failed in {what}: {one_line(error)}", hint=hint)


def _own(module: str, entry: PluginEntry) -> bool:
    return entry.module.partition(":")[0].startswith(module)


def _settings() -> _Settings | None:
    """Return torch's default type, whether gradients are on, its seed; ``None`` without torch."""
    torch = sys.modules.get("torch")
    # a plugin's import may be what imports it just now
    if torch is None or not hasattr(torch, "default_generator"):
        return None
    return (
        torch.get_default_dtype(), torch.is_grad_enabled(), torch.default_generator.initial_seed()
    )
