"""Limits on the command line."""

from __future__ import annotations

import math

import click


def finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no limit, as a callback of an option: nothing is above nan."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no limit")
    return value
