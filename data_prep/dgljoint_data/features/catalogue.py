"""The features that are known here, and how a choice of them is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from dgljoint._internal.text import did_you_mean
from dgljoint.config.options import NoOptions, Options, describe_options, parse_options
from dgljoint.errors import UsageError
from dgljoint_data.features import bow, bow_hashed, derived, minilm, user
from dgljoint_data.features.protocol import FeatureSpec

SPECS = (bow.SPEC, bow_hashed.SPEC, derived.TIME, derived.STRUCTURE, user.SPEC, minilm.SPEC)
_BY_NAME = {spec.name: spec for spec in SPECS}


@dataclass(frozen=True, slots=True)
class Choice:
    """One feature to store.

    Attributes:
        spec: what it is; one that is not known here is taken for one that the reader carries.
        options: of the feature.
    """

    spec: FeatureSpec
    options: Options


# What is stored when nothing is chosen, beside everything that the reader carries.
DEFAULT = tuple(
    Choice(spec, spec.options()) for spec in (bow.SPEC, derived.TIME, derived.STRUCTURE)
)


def parse_features(texts: Iterable[str]) -> tuple[Choice, ...]:
    """Parse features written as ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``.

    Raises:
        UsageError: an option is wrong or a name stands twice. Whether there is a feature of a name
            is only known together with the reader.
    """
    choices = tuple(_parse(text) for text in texts)
    names = [choice.spec.name for choice in choices]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"feature '{name}' is chosen twice", hint="name it once")
    return choices


def _parse(text: str) -> Choice:
    name, colon, settings = (part.strip() for part in text.partition(":"))
    if not name or (colon and not settings):
        raise UsageError(
            f"feature {text!r} is not of the form NAME or NAME:KEY=VALUE,KEY=VALUE",
            hint="for example: --features bow_hashed:columns=65536",
        )
    spec = _BY_NAME.get(name)
    if spec is None:
        if colon:
            raise unknown(name, ())
        return Choice(FeatureSpec(name=name, summary="carried by the reader"), NoOptions())
    values = {}
    for setting in settings.split(",") if settings else ():
        key, equals, value = (part.strip() for part in setting.partition("="))
        if key in spec.in_training:
            raise UsageError(
                f"feature '{name}' stores all words and has no option '{key}': which of them "
                "count is chosen in training, by the training part alone",
                hint=f"dgljoint train -s features.{key}={value or 'VALUE'}",
            )
        if not (equals and key):
            raise UsageError(
                f"option {setting!r} of feature '{name}' is not of the form KEY=VALUE",
                hint="for example: --features bow_hashed:columns=65536",
            )
        values[key] = value
    return Choice(spec, parse_options(spec.options, values, f"feature '{name}'"))


def list_features() -> list[dict[str, Any]]:
    """List the features that are known here as plain values, with their options."""
    return [
        {
            "name": spec.name,
            "summary": spec.summary,
            "made": "in preprocessing" if spec.build
            else "in training" if spec.derived else "by the reader",
            "default": spec in [choice.spec for choice in DEFAULT] or not is_made_here(spec.name),
            "options": [asdict(row) for row in describe_options(spec.options)],
        }
        for spec in SPECS
    ]


def is_made_here(name: str) -> bool:
    """Say whether a name is that of a feature that no reader may carry."""
    spec = _BY_NAME.get(name)
    return spec is not None and (spec.build is not None or spec.derived)


def unknown(name: str, carried: Iterable[str]) -> UsageError:
    """Say that there is no feature of a name, neither here nor among those a reader carries."""
    if name in _BY_NAME:
        found = ", ".join(sorted(carried)) or "none"
        return UsageError(
            f"this reader carries no feature '{name}' (it carries: {found})",
            hint=f"leave out --features {name}",
        )
    return UsageError(
        f"there is no feature '{name}'", hint=did_you_mean(name, (*_BY_NAME, *carried))
    )
