"""What all verbs share: how much they talk, their common options, groups that know typos."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import click

from dgljoint._internal.suggest import did_you_mean
from dgljoint.errors import UsageError

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass
class Talk:
    """How much a command says on stderr; set by ``-q``, ``-v`` and ``--debug``."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def say(self, text: str) -> None:
        """Say something that is not the command's result."""
        if not self.quiet:
            click.echo(text, err=True)

    def detail(self, text: str) -> None:
        """Say something that only ``-v`` asks for."""
        if self.verbose and not self.quiet:
            click.echo(text, err=True)


def process_number() -> int:
    """Return the number of this process among those that torchrun started; 0 for the first."""
    number = os.environ.get("RANK", "")
    return int(number) if number.isdecimal() else 0


def fail(message: str, hint: str | None) -> None:
    """Write an error and what mends it to stderr."""
    if number := process_number():
        message = f"process {number}: {message}"
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    if hint:
        click.echo(click.style("hint: ", fg="cyan") + hint, err=True)


def print_json(value: object) -> None:
    """Write ``value`` to stdout as JSON; paths become text."""
    click.echo(to_json(value))


def to_json(value: object) -> str:
    """Return ``value`` as JSON for people to read; paths become text."""
    return json.dumps(value, indent=2, default=str, ensure_ascii=False)


def examples(*commands: str) -> str:
    """Format the examples at the end of a verb's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def common_options(function: FunctionT) -> FunctionT:
    """Add ``-q``, ``-v`` and ``--debug``, which work before and after the verb."""
    for flags, text in (
        (("--debug",), "Show the traceback of an error."),
        (("-v", "--verbose"), "Say more on stderr."),
        (("-q", "--quiet"), "Say nothing on stderr but errors."),
    ):
        function = click.option(
            *flags, is_flag=True, expose_value=False, callback=_remember, help=text
        )(function)
    return function


def format_option(function: FunctionT) -> FunctionT:
    """Add ``--format``; the value arrives as ``as_json``."""
    return click.option(
        "--format",
        "as_json",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        callback=lambda ctx, param, value: value == "json",
        help="Form of the result on stdout.",
    )(function)


def device_option(function: FunctionT) -> FunctionT:
    """Add ``--device``."""
    return click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
        envvar="DGLJOINT_DEVICE", help="Where to compute; auto: CUDA where torch finds it.",
    )(function)


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and param.name:
        setattr(ctx.ensure_object(Talk), param.name, True)


class SuggestingGroup(click.Group):
    """A group that names the closest commands on a typo, and shows its help when called bare."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{"invoke_without_command": True, **settings})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command ``args`` start with."""
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
    """A group whose command NAME is the function NAME of the module ``<package>.NAME``.

    Args:
        package: that holds the modules.
        verbs: the commands, in the order help lists them.
    """

    def __init__(
        self, *args: Any, package: str = "", verbs: tuple[str, ...] = (), **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self._package = package
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in self._verbs:
            return None
        command: click.Command = getattr(
            import_module(f"{self._package}.{cmd_name}"), cmd_name
        )
        return command
