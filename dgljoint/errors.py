"""What can go wrong that a user can repair.

Every class has the exit code that its kind of failure ends with; the command line shows
``message`` and ``hint`` and no traceback. Bugs are not wrapped.
"""

from __future__ import annotations


class DgljointError(Exception):
    """A failure with a message for the user.

    ``str(error)`` is the message and, on a line of its own, the hint: a traceback and a notebook
    show nothing else.

    Args:
        message: what happened, where, found versus expected.
        hint: the command or option that repairs it.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class RunFailedError(DgljointError):
    """The run could not continue: a full disk, an unwritable folder, a DGL that cannot work."""


class UsageError(DgljointError):
    """The command, a name or an option is wrong."""

    exit_code = 2


class DataError(DgljointError):
    """Raw data, a store or a run folder does not hold what it should."""

    exit_code = 3


class PluginError(DgljointError):
    """A plugin failed to import, to register, to build or to keep its protocol."""

    exit_code = 4


class DivergedError(DgljointError):
    """A loss or a gradient stopped being finite."""

    exit_code = 5


class RegressionError(DgljointError):
    """What is gated is worse than its reference."""

    exit_code = 6


class InterruptedRunError(DgljointError):
    """The user interrupted the run; its state is saved."""

    exit_code = 130


class StudyFailedError(DgljointError):
    """Some runs of a study failed, and the others are done.

    Args:
        message: the message of each.
        exit_code: that of the first one.
        hint: the command or option that repairs it.
    """

    def __init__(self, message: str, *, exit_code: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def install_command(extra: str = "") -> str:
    """Return the command that installs dgljoint with one of its extras, in the folder of a clone.

    No release is on a package index, so ``pip install 'dgljoint[extra]'`` would not work.
    """
    what = f"'.[{extra}]'" if extra else "."
    return f"pip install -c constraints.txt -e {what}"


def install_hint(extra: str = "") -> str:
    """Return the hint of an error that something of an extra is not installed."""
    return f"in your clone of dgljoint: {install_command(extra)}"


def one_line(error: BaseException) -> str:
    """Name an exception and the first line of its message."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001  # a plugin's own class may fail even in this
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` is Python's or torch's way of running out of memory."""
    # torch's classes are recognised by name and text: this module must not import torch.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in one_line(error)
    )
