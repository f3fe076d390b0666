"""The entry point: run a verb, and turn an error into a message and an exit code."""

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
from dgljoint._internal.text import closest
from dgljoint.errors import DgljointError, RunFailedError, one_line, out_of_memory
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.arguments import specs_of
from dgljoint_cli.console import LazyGroup, Talk, examples, fail


@click.command(
    cls=LazyGroup,
    package="dgljoint_cli.commands",
    verbs=(
        "preprocess", "data", "audit", "train", "evaluate", "predict", "synergy", "runs",
        "benchmark", "plugins", "schema", "env",
    ),
    modules={
        "audit": "data", "predict": "evaluate", "schema": "plugins", "env": "plugins",
        "benchmark": "benchmark_verbs",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "dgljoint train --plugin contrastive --plugin meta_weight",
        "dgljoint plugins list",
    ),
)
@click.version_option(__version__, message="dgljoint %(version)s")
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
    """Run the command line, by default the process's own, and return the exit code."""
    talk, words = Talk(), sys.argv[1:] if arguments is None else arguments
    try:
        result = cli.main(arguments, prog_name="dgljoint", standalone_mode=False, obj=talk)
    except DgljointError as error:
        return _failed(talk, error, error.message, error.hint, error.exit_code)
    except click.ClickException as error:
        return _failed(talk, error, *_refusal(error, words), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        talk.info("interrupted")
        return 130
    # the last frame: even a bug ends with a message
    except (Exception, SystemExit) as error:
        if out_of_memory(error):
            message = f"out of memory: {one_line(error)}"
            return _failed(talk, error, message, _needs_less(words), 1)
        if (broken := _of_a_plugin(error)) is not None:
            return _failed(talk, error, broken.message, broken.hint, broken.exit_code)
        if isinstance(error, SystemExit):  # how Rich ends when the reader is gone
            raise
        hint = "this is a bug in dgljoint: run again with --debug and report what it shows"
        return _failed(talk, error, f"unexpected {one_line(error)}", hint, 1)
    return result if isinstance(result, int) else 0


def _of_a_plugin(error: BaseException) -> DgljointError | None:
    """Find the plugin that raised an error outside its own calls."""
    if "dgljoint.plugins.loading" not in sys.modules:
        return None
    from dgljoint.plugins.guard import unguarded

    return unguarded(error, installed_registry().at_work)


def _failed(talk: Talk, error: BaseException, message: str, hint: str | None, code: int) -> int:
    if talk.debug:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    fail(message, hint)
    return code


def _needs_less(words: Sequence[str]) -> str:
    """Return what makes the verb of a command line need less memory."""
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb == "train":
        return (
            "smaller batches need less: -s train.batch=16, or -s train.batch_posts=5000 where few "
            "cascades are large; a batch has at least one cascade"
        )
    return (
        "no setting makes it need less: use a machine with more memory, less data, or --device cpu "
        "in place of a small GPU"
    )


def _refusal(error: click.ClickException, words: Sequence[str]) -> tuple[str, str | None]:
    """Return the message and the hint for a command line that click refuses."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return error.format_message(), None
    lists = f"{context.command_path} -h lists its options"
    if not isinstance(error, click.NoSuchOption):
        return error.format_message(), lists
    meant = _option_hint(context.command, error.option_name, words)
    message = f"{context.command_path} has no option {error.option_name}"
    return message, f"{meant} {lists}" if meant else lists


def _option_hint(command: click.Command, flag: str, words: Sequence[str]) -> str | None:
    """Name the flags and settings that an unknown flag may be meant for."""
    trains, value = command.name == "train", _value(words, flag)
    forms: dict[str, list[str]] = {}  # how each is given, by its name
    flags = [each for one in command.params for each in one.opts if each.startswith("--")]
    if "--set" in flags:
        for path in _settings(words, sections=trains):
            forms.setdefault(path.rpartition(".")[2], []).append(f"-s {path}={value}")
    forms |= {each[2:].replace("-", "_"): [each] for each in flags}
    key = flag.lstrip("-").replace("-", "_")
    if trains and key not in forms and (hint := _of_other_plugins(key, value)):
        return hint
    meant = [form for name in [key] * (key in forms) or closest(key, forms) for form in forms[name]]
    return f"did you mean {' or '.join(meant)}?" if meant else None


def _of_other_plugins(key: str, value: str) -> str | None:
    """Show how to give an option of plugins that the command line does not name."""
    from dgljoint.plugins.about import about

    used = [
        f"{spec.flag} {spec.name}"
        for entry in installed_registry().entries if (one := about(entry)) and key in one.options
        for spec in specs_of(entry.name) if spec.flag.startswith("--")
    ]
    if len(used) == 1:
        return f"did you mean {used[0]} -s {used[0].split()[1]}.{key}={value}?"
    return f"it is -s NAME.{key}={value} with one of {', '.join(used)};" if used else None


def _settings(words: Sequence[str], *, sections: bool) -> Iterator[str]:
    """Yield the settings of the engine, and of the plugins that a command line names."""
    if sections:
        from dgljoint.config.sources import KEYS

        for section, keys in KEYS.items():
            yield from (f"{section}.{key}" for key in keys)
    for name in dict.fromkeys(word for word in words if word in installed_registry().names):
        for spec in specs_of(name):
            yield from (f"{name}.{key}" if sections else key for key in spec.options.model_fields)


def _value(words: Sequence[str], flag: str) -> str:
    for word, after in zip(words, [*words[1:], "-"], strict=True):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag and not after.startswith("-"):
            return after
    return "VALUE"
