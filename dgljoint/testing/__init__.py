"""The conformance kit: what the engine relies on in a component, as checks for anybody's.

``check_interaction(spec, {"weight": 0.5})`` and its like run everything and raise one
:class:`ConformanceError` that lists what failed, what was found and what mends it;
``interaction_checks`` gives the same checks one by one. The fixtures of
:mod:`dgljoint.testing.pytest_plugin` need no import. Torch is loaded when a name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.testing.components import (
        check_encoder,
        check_interaction,
        encoder_checks,
        interaction_checks,
    )
    from dgljoint.testing.findings import Check, ConformanceError, Finding, verify
    from dgljoint.testing.installed import InstalledPlugin, check_plugin
    from dgljoint.testing.material import Material, toy_material
    from dgljoint.testing.models import check_model, model_checks
    from dgljoint.testing.readers import check_reader, reader_checks
    from dgljoint.testing.toys import (
        LABELS,
        WORDS,
        random_cascade,
        toy_batch,
        toy_cascade,
        toy_features,
        toy_store,
        word_block,
        write_store,
    )
    from dgljoint.testing.weighters import ToyProblem, check_loss_weighter, loss_weighter_checks

# Those without torch first.
_MODULES = (
    "findings", "readers", "toys", "weighters", "models", "components", "material", "installed",
)


def __getattr__(name: str) -> object:
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"dgljoint.testing.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module 'dgljoint.testing' has no attribute '{name}'")


__all__ = [
    "Check", "ConformanceError", "Finding", "InstalledPlugin", "LABELS", "Material",
    "ToyProblem", "WORDS", "check_encoder", "check_interaction", "check_loss_weighter",
    "check_model", "check_plugin", "check_reader", "encoder_checks", "interaction_checks",
    "loss_weighter_checks", "model_checks", "random_cascade", "reader_checks", "toy_batch",
    "toy_cascade", "toy_features", "toy_material", "toy_store", "verify", "word_block",
    "write_store",
]
