"""Generate the plugin reference from signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from typing import Any

from dgljoint.errors import DataError

_SECTIONS = ("Args", "Attributes", "Raises", "Returns", "Yields")
_ROLE = re.compile(r":\w+:`(?:~?[\w.]*?\.)?([\w]+)`")
_LINK = re.compile(r"`([^`<]+) <([^>]+)>`_")


def describe(name: str) -> str:
    """Return the heading, the exact signature and the docstring of ``name``.

    A class is followed by its own public methods and properties.

    Args:
        name: dotted, as it is imported.

    Raises:
        DataError: there is nothing of that name.
    """
    value = _find(name)
    title = name.rsplit(".", 1)[1] if name.startswith("dgljoint.plugins.") else name
    parts = [f"### `{title}`"]
    if inspect.isclass(value):
        parts += [_code(form) if (form := form_of(value)) else "", _text(value)]
        parts += [part for member in members(value) for part in _member(member, value)]
    elif callable(value):
        parts += [_code(signature_of(title.rsplit(".", 1)[-1], value)), _text(value)]
    else:
        raise DataError(f"{name} is neither a class nor a function")
    return "\n" + "\n\n".join(part for part in parts if part) + "\n\n"


def signature_of(name: str, function: Callable[..., Any]) -> str:
    """Return ``def name(...) -> ...`` with annotations as in the code."""
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=_Verbatim(p.annotation)) if isinstance(p.annotation, str) else p
        for p in signature.parameters.values()
    ]
    returns = signature.return_annotation
    if isinstance(returns, str):
        returns = _Verbatim(returns)
    return f"def {name}{signature.replace(parameters=parameters, return_annotation=returns)}"


def form_of(of: type[Any]) -> str:
    """Return the constructor, one argument per line; ``""`` if users make no objects."""
    if is_dataclass(of):
        lines = [f"{field.name}: {_name(field.type)}{_default(field)}" for field in fields(of)]
    elif "__init__" in vars(of) and not getattr(of, "_is_protocol", False):
        text = signature_of("x", of.__init__).removesuffix(" -> None")
        return text.replace("def x(self, ", f"{of.__name__}(")
    else:
        return ""
    return "\n".join([f"{of.__name__}(", *(f"    {line}," for line in lines), ")"])


def _name(value: object) -> str:
    return value.__name__ if isinstance(value, type) else str(value)


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "" if field.default_factory is MISSING else " = ..."
    return f" = {field.default.__name__}" if isinstance(field.default, type) else (
        f" = {field.default!r}"
    )


def members(of: type[Any]) -> list[str]:
    """Name the public methods and properties that a class defines, in their order."""
    return [
        name for name, value in vars(of).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property) or hasattr(value, "func"))
        and inspect.getdoc(value)
    ]


class _Verbatim:
    """An annotation that is shown as in the code."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _find(name: str) -> Any:
    module, _, last = name.rpartition(".")
    try:
        return getattr(import_module(module), last)
    except (ImportError, AttributeError, ValueError) as error:
        raise DataError(f"there is no {name}") from error


def _member(name: str, of: type[Any]) -> Iterable[str]:
    value = inspect.getattr_static(of, name)
    yield f"#### `{of.__name__}.{name}`"
    if inspect.isfunction(value):
        yield _code(signature_of(name, value))
    else:
        returns = inspect.signature(getattr(value, "fget", None) or value.func).return_annotation
        yield _code(f"{name}: {returns}")
    yield _text(value)


def _code(text: str) -> str:
    return f"```text\n{text}\n```"


def _text(value: object) -> str:
    """Turn a docstring into Markdown: its sections become lists."""
    blocks, code = [], False
    for block in (inspect.getdoc(value) or "").split("\n\n"):
        if code and block.startswith("    "):
            blocks.append(f"```text\n{inspect.cleandoc(block)}\n```")
            continue
        title, _, rest = block.partition("\n")
        if title.rstrip(":") in _SECTIONS and rest:
            blocks.append(f"*{title.rstrip(':')}*\n\n{_items(inspect.cleandoc(rest))}")
        elif block.startswith(">>>"):
            blocks.append(f"```text\n{block}\n```")
        else:
            code = block.endswith("::")
            blocks.append(_inline(block.removesuffix("::") + ":" * code))
    return "\n\n".join(blocks)


def _items(text: str) -> str:
    """Turn ``name: what it is`` with its indented continuation into a list."""
    lines: list[str] = []
    for line in text.splitlines():
        found = re.match(r"([\w*, ]+): (.*)", line)
        if found:
            lines.append(f"- `{found[1]}`: {_inline(found[2])}")
        elif line.startswith(" ") or lines:
            lines.append(f"  {_inline(line.strip())}")
        else:
            lines.append(f"- {_inline(line)}")
    return "\n".join(lines)


def _inline(text: str) -> str:
    return _LINK.sub(r"[\1](\2)", _ROLE.sub(r"`\1`", text)).replace("``", "`")
