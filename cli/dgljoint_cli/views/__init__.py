"""What verbs show on a terminal. A module is imported on first use, with Rich and the engine."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint_cli.views import benchmark_tables as benchmark_tables
    from dgljoint_cli.views import comparison_tables as comparison_tables
    from dgljoint_cli.views import evaluation_tables as evaluation_tables
    from dgljoint_cli.views import holdings as holdings
    from dgljoint_cli.views import rendering as rendering
    from dgljoint_cli.views import run_tables as run_tables


def __getattr__(name: str) -> ModuleType:
    if name.startswith("_"):
        raise AttributeError(name)
    return import_module(f"{__name__}.{name}")
