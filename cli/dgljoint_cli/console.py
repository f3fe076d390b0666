"""What all verbs share: messages on stderr, common options, groups that suggest a command."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
ViewT = TypeVar("ViewT")
Drawn = tuple[ViewT, AbstractContextManager[object]]
"""A view, and the context in which it is drawn."""


@dataclass
class Talk:
    """How much a command writes to stderr; set by ``-q``, ``-v`` and ``--debug``."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def info(self, text: str) -> None:
        """Write something that is not the command's result."""
        if not self.quiet:
            click.echo(text, err=True)

    def detail(self, text: str) -> None:
        """Write something that only ``-v`` asks for."""
        if self.verbose:
            self.info(text)


def process_number() -> int:
    """Return the number of this process among those that torchrun started; 0 for the first."""
    number = os.environ.get("RANK", "")
    return int(number) if number.isdecimal() else 0


def fail(message: str, hint: str | None) -> None:
    """Write an error and its remedy to stderr."""
    if number := process_number():
        message = f"process {number}: {message}"
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    if hint:
        click.echo(click.style("hint: ", fg="cyan") + hint, err=True)


def to_json(value: object) -> str:
    """Return ``value`` as indented JSON; paths become text."""
    return json.dumps(value, indent=2, default=str, ensure_ascii=False)


def print_json(value: object) -> None:
    """Write ``value`` to stdout as JSON."""
    click.echo(to_json(value))


def show(plain: object, tables: Callable[[], Iterable[RenderableType]], *, as_json: bool) -> None:
    """Write a result to stdout: its plain values as JSON, or its tables."""
    if as_json:
        print_json(plain)
        return
    from dgljoint_cli.views.rendering import render

    render(*tables())


@contextmanager
def suited(
    talk: Talk, silent: Callable[[], ViewT], lines: Callable[[Talk], ViewT],
    drawn: Callable[[Console], Drawn[ViewT]],
) -> Iterator[ViewT]:
    """Give a silent view with ``-q``, one that is drawn on a terminal, lines elsewhere."""
    if talk.quiet:
        yield silent()
    elif sys.stderr.isatty():
        from rich.console import Console

        view, drawing = drawn(Console(stderr=True, markup=False, highlight=False, emoji=False))
        with drawing:
            yield view
    else:
        yield lines(talk)


def check_output(file: Path, *, force: bool) -> None:
    """Refuse, before any work, a file that could not be written."""
    if file.is_dir() or not file.parent.is_dir():
        why = "it is a folder" if file.is_dir() else "its folder does not exist"
        raise UsageError(f"cannot write {file}: {why}", hint="name a file in a folder that exists")
    if file.exists() and not force:
        raise UsageError(f"{file} exists", hint="--force replaces it, or name another file")


def examples(*commands: str) -> str:
    """Format the examples at the end of a verb's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def verb(
    *commands: str, of: click.Group | None = None, name: str | None = None, formats: bool = True
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a verb with examples and the options that all have, after its own.

    The function gets ``as_json`` where the verb ``formats`` its result.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        command = click.command if of is None else of.command
        made: click.Command = command(name, epilog=examples(*commands))(function)
        made.params += [_format_option()] * formats + _common_options()
        return made

    return decorate


def _common_options() -> list[click.Parameter]:
    """Return ``-q``, ``-v`` and ``--debug``, which work before and after the verb."""
    return [
        click.Option(flags, is_flag=True, expose_value=False, callback=_remember, help=text)
        for flags, text in (
            (("-q", "--quiet"), "Write only errors to stderr."),
            (("-v", "--verbose"), "Write more to stderr."),
            (("--debug",), "Show the traceback of an error."),
        )
    ]


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and param.name:
        setattr(ctx.ensure_object(Talk), param.name, True)


def _format_option() -> click.Parameter:
    return click.Option(
        ("--format", "as_json"), type=click.Choice(["table", "json"]), default="table",
        show_default=True, callback=lambda ctx, param, value: value == "json",
        help="Format of the result on stdout.",
    )


def device_option(function: FunctionT) -> FunctionT:
    """Add ``--device``."""
    return click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
        envvar="DGLJOINT_DEVICE", help="Where to compute; auto: CUDA where torch finds it.",
    )(function)


def finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse an infinite limit or nan, as a callback of an option: no number is above nan."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not finite")
    return value


class SuggestingGroup(click.Group):
    """A group that names the closest commands on a typo, and shows its help without a command."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{"invoke_without_command": True, **settings})
        self.params += _common_options()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` start with."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise UsageError(
                f"{ctx.command_path} has no command '{args[0]}'",
                hint=did_you_mean(args[0], self.list_commands(ctx)),
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command named, or show the help."""
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())
        return result


class LazyGroup(SuggestingGroup):
    """A group whose verb NAME is in the module ``<package>.NAME``, or as ``modules`` says."""

    def __init__(
        self, *args: Any, package: str = "", verbs: tuple[str, ...] = (),
        modules: Mapping[str, str] | None = None, **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self._package, self._verbs, self._modules = package, verbs, modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in self._verbs:
            return None
        name = self._modules.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(f"{self._package}.{name}"), cmd_name)
        return command
