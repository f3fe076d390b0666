"""Drawing, where what draws is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgljoint.errors import UsageError, install_hint

if TYPE_CHECKING:
    from types import ModuleType


def load_plots() -> ModuleType:
    """Return :mod:`dgljoint_bench.reporting.plots`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        from dgljoint_bench.reporting import plots
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        raise UsageError(
            "pictures are drawn by matplotlib, which is not installed",
            hint=install_hint("plots"),
        ) from error
    return plots
