"""Options of components and of a run: frozen, described, unknown keys refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from dgljoint._internal.text import did_you_mean
from dgljoint.errors import UsageError


class Options(BaseModel):
    """Base of every options class; each field has a default and a description."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class NoOptions(Options):
    """For a component that has none."""


_LONGEST_SHOWN = 200

OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option as it is listed."""

    name: str
    type: str
    default: str
    description: str


def parse_assignments(assignments: Iterable[str]) -> dict[str, str]:
    """Split options given as ``key=value``."""
    values = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (equals and key.strip()):
            raise UsageError(
                f"option {assignment!r} is not of the form KEY=VALUE",
                hint="for example: -s cascades=200",
            )
        values[key.strip()] = value.strip()
    return values


def parse_options(model: type[OptionsT], values: Mapping[str, object], where: str) -> OptionsT:
    """Validate ``values`` into ``model``; ``where`` is their owner, for the message.

    Strings are converted (``"0.2"`` to 0.2): the command line and the environment give no others.
    The :class:`UsageError` has a line per wrong option, with the closest match for an unknown one.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(
            "\n".join(_explain(model, problem, where) for problem in error.errors())
        ) from None


def _explain(model: type[Options], problem: ErrorDetails, where: str) -> str:
    path = [str(part) for part in problem["loc"]]
    message = problem["msg"].removeprefix("Value error, ")
    if not path:  # a rule over several options
        return f"{where}: {message}"
    name = ".".join(path)
    if problem["type"] == "extra_forbidden":
        owner: Any = model
        for section in path[:-1]:
            owner = _inside(owner, section)
        return f"{where} has no option '{name}': {did_you_mean(path[-1], owner.model_fields)}"
    return f"{where}.{name}: {message} (found {_shown(problem['input'])})"


def _inside(owner: Any, section: str) -> Any:
    """Return the options class under a name or a position of another one."""
    if not hasattr(owner, "model_fields"):  # a list or a table of options: its last parameter
        return next(one for one in reversed(get_args(owner)) if one is not Ellipsis)
    return owner.model_fields[section].annotation


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes out
        return f"a very large {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def describe_options(model: type[Options]) -> list[OptionRow]:
    """List the options of ``model`` in the order they are declared."""
    return [
        OptionRow(
            name=name, type=_type_name(field.annotation), default=repr(field.default),
            description=field.description or "",
        )
        for name, field in model.model_fields.items()
    ]


def _type_name(annotation: object) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    return str(annotation).replace("typing.", "")
