"""The entry point: runs a verb and turns what it raises into a message and an exit code."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dgljoint import __version__
from dgljoint.errors import DgljointError, one_line, out_of_memory
from dgljoint_cli.console import LazyGroup, Talk, common_options, examples, fail


@click.command(
    cls=LazyGroup,
    package="dgljoint_cli",
    verbs=(
        "preprocess", "data", "audit", "train", "evaluate", "predict", "synergy", "runs",
        "plugins", "schema", "env",
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
        context = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"{context.command_path} -h lists what it takes" if context else None
        return _failed(talk, error, error.format_message(), hint, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        talk.say("interrupted")
        return 130
    except Exception as error:  # noqa: BLE001  # the last frame: even a bug ends with a message
        if out_of_memory(error):
            hint = "a smaller batch needs less: -o train.batch=16"
            return _failed(talk, error, f"out of memory: {one_line(error)}", hint, 1)
        return _failed(
            talk,
            error,
            f"unexpected {one_line(error)}",
            "this is a bug in dgljoint: run again with --debug and report what it shows",
            1,
        )
    return result if isinstance(result, int) else 0


def _failed(
    talk: Talk, error: BaseException, message: str, hint: str | None, exit_code: int
) -> int:
    if talk.debug:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    fail(message, hint)
    return exit_code
