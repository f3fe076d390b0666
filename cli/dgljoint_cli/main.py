"""The entry point: runs a verb and turns what it raises into a message and an exit code."""

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
    """Keep stdout to this command's results: what else the process writes there goes to stderr.

    A plugin's ``print`` goes there anyway. This is for what its libraries and threads write, and
    programs that it starts.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: a file of ours would get its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        own = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # stdin is closed too
        return
    sys.stdout = _Results(
        # as stderr does: what the encoding has no sign for is shown all the same
        os.fdopen(own, "wb"), encoding=sys.stdout.encoding, errors="backslashreplace",
        line_buffering=os.isatty(own),
    )


def _flushed(code: int) -> int:
    """Write out what stdout holds back; return the exit code, 1 where it could not be written."""
    if not isinstance(sys.stdout, _Results):
        return code
    try:
        sys.stdout.flush()
    except (RunFailedError, BrokenPipeError) as error:
        if code == 0 and isinstance(error, RunFailedError):  # else it has been said
            fail(error.message, error.hint)
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1
    return code


class _Results(TextIOWrapper):
    """A stdout to which only the main thread writes; others are plugins' and write to stderr."""

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
    """Turn a refusal of whatever stdout is into a message."""
    try:
        yield
    except BrokenPipeError:  # nobody reads on: the command ends quietly
        raise
    except OSError:
        with writing(Path("stdout")):
            raise


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: without the program's name; the process's own by default.
    """
    talk = Talk()
    try:
        result = cli.main(arguments, prog_name="dgljoint", standalone_mode=False, obj=talk)
    except DgljointError as error:
        return _failed(talk, error, error.message, error.hint, error.exit_code)
    except click.ClickException as error:
        return _failed(talk, error, *_refused(error, arguments), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        talk.say("interrupted")
        return 130
    # the last frame: even a bug ends with a message
    except (Exception, SystemExit) as error:
        if out_of_memory(error):
            hint = _needs_less(arguments)
            return _failed(talk, error, f"out of memory: {one_line(error)}", hint, 1)
        if (broken := _of_a_plugin(error)) is not None:
            return _failed(talk, error, broken.message, broken.hint, broken.exit_code)
        if isinstance(error, SystemExit):  # Rich ends so when nobody reads on
            raise
        return _failed(
            talk,
            error,
            f"unexpected {one_line(error)}",
            "this is a bug in dgljoint: run again with --debug and report what it shows",
            1,
        )
    return result if isinstance(result, int) else 0


def _needs_less(arguments: Sequence[str] | None) -> str:
    """Return the hint for a verb that ran out of memory."""
    given = sys.argv[1:] if arguments is None else arguments
    verb = next((word for word in given if not word.startswith("-")), None)
    if verb == "train":
        return (
            "smaller batches need less: -s train.batch=16, or -s train.batch_posts=5000 where few "
            "cascades are large; one cascade is the least"
        )
    if verb in ("evaluate", "predict"):
        return (
            "it takes a cascade at a time where they are large, and no setting makes it need less: "
            "use a machine with more memory, or --device cpu in place of a small GPU"
        )
    return "no setting makes it need less: use a machine with more memory, or less data"


def _refused(
    error: click.ClickException, arguments: Sequence[str] | None
) -> tuple[str, str | None]:
    """Return message and hint for a command line that click refuses."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return error.format_message(), None
    lists = f"{context.command_path} -h lists what it takes"
    if not isinstance(error, click.NoSuchOption):
        return error.format_message(), lists
    from dgljoint_cli.unknown_option import option_hint

    meant = option_hint(error, arguments)
    message = f"{context.command_path} has no option {error.option_name}"
    return message, f"{meant} {lists}" if meant else lists


def _of_a_plugin(error: BaseException) -> DgljointError | None:
    """Tell what a plugin raised where it was not called by name, as in saving its module."""
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
