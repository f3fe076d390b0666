"""The one guard around plugin code: errors name the plugin, and prints go to stderr."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import PurePath
from traceback import walk_tb

from dgljoint.errors import DgljointError, PluginError, one_line, out_of_memory
from dgljoint.plugins.registry import PluginEntry


@contextmanager
def guarded(entry: PluginEntry, what: str, others: Sequence[PluginEntry] = ()) -> Iterator[None]:
    """Run a plugin's code inside the block: what it raises becomes a :class:`PluginError`.

    Errors of dgljoint pass, and so do Ctrl-C and running out of memory, which is seldom the fault
    of whoever asked last. ``what`` is the hook or method, for the message; ``others`` are entries
    whose code may run inside, as in a backward pass, and whose errors name them.
    """
    with redirect_stdout(sys.stderr):
        try:
            yield
        except (DgljointError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if out_of_memory(error):
                raise
            raise _failure(error, entry, what, others) from error


def unguarded(error: BaseException, entries: Sequence[PluginEntry]) -> PluginError | None:
    """Return the error for what a plugin raised where torch called it; ``None`` for no plugin."""
    found = _raised_in(error, entries)
    return _failure(error, found[0], found[1], entries) if found else None


def _failure(
    error: BaseException, entry: PluginEntry, what: str, others: Sequence[PluginEntry]
) -> PluginError:
    found = _raised_in(error, (entry, *others))
    if found and found[0] != entry:
        entry, what = found[0], found[1]
    hints = ["--debug shows the traceback"]
    if found:
        hints.insert(0, f"raised in {found[1]}, {found[2]}")
    elif others:
        hints.insert(0, f"it runs through {', '.join(map(str, others))} too")
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and not entry.module.startswith(missing):
        hints[0] = f"{entry.distribution} needs '{missing}', which is not installed"
    return PluginError(f"{entry} failed in {what}: {one_line(error)}", hint="; ".join(hints))


def _raised_in(
    error: BaseException, entries: Sequence[PluginEntry]
) -> tuple[PluginEntry, str, str] | None:
    """Return the plugin of the innermost line that is a plugin's, the function and the line."""
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        owners = [entry for entry in entries if entry.package == module.partition(".")[0]]
        if owners:
            own = (entry for entry in owners if module.startswith(entry.module))
            code = frame.f_code
            place = f"{PurePath(code.co_filename).name} line {line}"
            return next(own, owners[0]), code.co_qualname, place
    return None
