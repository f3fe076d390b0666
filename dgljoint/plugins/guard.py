"""Foreign code runs in here: what it raises becomes an error that names the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dgljoint.errors import DgljointError, PluginError, one_line, out_of_memory

if TYPE_CHECKING:
    from dgljoint.plugins.registry import PluginEntry


@contextmanager
def guarded(entry: PluginEntry, what: str) -> Iterator[None]:
    """Turn whatever a plugin raises into :class:`PluginError`.

    Errors that already speak to the user pass, and so does running out of memory, which is
    seldom the fault of whoever asked last.

    Args:
        entry: whose code runs.
        what: the hook or method, for the message.

    Raises:
        PluginError: naming plugin, distribution, version and ``what``; the original exception
            is its cause.
    """
    try:
        yield
    except DgljointError:
        raise
    except (Exception, SystemExit) as error:  # plugin code may raise anything
        if out_of_memory(error):
            raise
        raise PluginError(
            f"{entry} failed in {what}: {one_line(error)}",
            hint="--debug shows the traceback; the other plugins work without this one",
        ) from error
