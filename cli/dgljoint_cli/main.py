"""The entry point: run a verb, and turn an error into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from threading import current_thread, main_thread

import click

from dgljoint import __version__
from dgljoint._internal.files import writing
from dgljoint.errors import DgljointError, RunFailedError, one_line, out_of_memory
from dgljoint_cli.console import LazyGroup, Talk, common_options, examples, fail


@click.command(
    cls=LazyGroup,
    package="dgljoint_cli.commands",
    verbs=(
        "preprocess", "data", "audit", "train", "evaluate", "predict", "synergy", "runs",
        "benchmark", "plugins", "schema", "env",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "dgljoint train --plugin contrastive --plugin meta_weight",
        "dgljoint plugins list",
    ),
)
@click.version_option(__version__, message="dgljoint %(version)s")
@common_options
def cli() -> None:
    """Train rumor detection and cascade prediction together, coupled by plugins."""


def main() -> None:
    """Run the command line in a process of its own, and end it."""
    _own_stdout()
    sys.exit(_flushed(run()))


def _own_stdout() -> None:
    """Keep stdout for results; what plugins' libraries and child programs write goes to stderr."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: a file of ours would get its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        own = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # stdin is closed too
        return
    sys.stdout = _Results(
        # as stderr does: escape what the encoding lacks
        os.fdopen(own, "wb"), encoding=sys.stdout.encoding, errors="backslashreplace",
        line_buffering=os.isatty(own),
    )


def _flushed(code: int) -> int:
    """Write what stdout still buffers; return the exit code, 1 where writing fails."""
    if not isinstance(sys.stdout, _Results):
        return code
    try:
        sys.stdout.flush()
    except (RunFailedError, BrokenPipeError) as error:
        if code == 0 and isinstance(error, RunFailedError):  # else it has been reported
            fail(error.message, error.hint)
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1
    return code


class _Results(TextIOWrapper):
    """A stdout for the main thread alone; other threads are plugins' and write to stderr."""

    def write(self, text: str, /) -> int:
        if current_thread() is not main_thread():
            return sys.stderr.write(text)
        with _refusals():
            return super().write(text)

    def flush(self) -> None:
        with _refusals():
            super().flush()


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn a failed write to stdout into a message."""
    try:
        yield
    except BrokenPipeError:  # the reader is gone: end quietly
        raise
    except OSError:
        with writing(Path("stdout")):
            raise


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: without the program's name; the process's own by default.
    """
    talk, words = Talk(), sys.argv[1:] if arguments is None else arguments
    try:
        result = cli.main(arguments, prog_name="dgljoint", standalone_mode=False, obj=talk)
    except DgljointError as error:
        return _failed(talk, error, error.message, error.hint, error.exit_code)
    except click.ClickException as error:
        from dgljoint_cli import hints

        return _failed(talk, error, *hints.refusal(error, words), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        talk.info("interrupted")
        return 130
    # the last frame: even a bug ends with a message
    except (Exception, SystemExit) as error:
        if out_of_memory(error):
            from dgljoint_cli import hints

            message = f"out of memory: {one_line(error)}"
            return _failed(talk, error, message, hints.needs_less(words), 1)
        if (broken := _of_a_plugin(error)) is not None:
            return _failed(talk, error, broken.message, broken.hint, broken.exit_code)
        if isinstance(error, SystemExit):  # how Rich ends when the reader is gone
            raise
        hint = "this is a bug in dgljoint: run again with --debug and report what it shows"
        return _failed(talk, error, f"unexpected {one_line(error)}", hint, 1)
    return result if isinstance(result, int) else 0


def _of_a_plugin(error: BaseException) -> DgljointError | None:
    """Find the plugin that raised an error outside its own calls, as in saving its module."""
    if "dgljoint.plugins.loading" not in sys.modules:
        return None
    from dgljoint.plugins.guard import unguarded
    from dgljoint.plugins.registry import installed_registry

    return unguarded(error, installed_registry().at_work)


def _failed(
    talk: Talk, error: BaseException, message: str, hint: str | None, exit_code: int
) -> int:
    if talk.debug:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    fail(message, hint)
    return exit_code
