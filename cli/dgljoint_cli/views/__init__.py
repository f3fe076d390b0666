"""What verbs show on a terminal; a module is imported on first use, with Rich and the engine::

    from dgljoint_cli import views
    views.rendering.render(*views.holdings.info_tables(found))
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint_cli.views import evaluation_tables as evaluation_tables
    from dgljoint_cli.views import holdings as holdings
    from dgljoint_cli.views import rendering as rendering


def __getattr__(name: str) -> ModuleType:
    if name.startswith("_"):
        raise AttributeError(name)
    return import_module(f"{__name__}.{name}")
