"""Drawing, where what draws is installed."""

from __future__ import annotations

import atexit
import os
import shutil
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from dgljoint.errors import UsageError, install_hint

if TYPE_CHECKING:
    from types import ModuleType


def load_plots() -> ModuleType:
    """Return :mod:`dgljoint_bench.reporting.plots`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    _leave_the_home_alone()
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


def _leave_the_home_alone() -> None:
    """Let matplotlib list fonts in a temporary folder, unless it has been used on this machine."""
    from platformdirs import user_cache_path, user_config_path

    used = any(path("matplotlib").exists() for path in (user_cache_path, user_config_path))
    if not used and "MPLCONFIGDIR" not in os.environ:
        folder = mkdtemp(prefix="dgljoint-matplotlib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["MPLCONFIGDIR"] = folder
