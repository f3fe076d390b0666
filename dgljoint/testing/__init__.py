"""The conformance kit: what the engine relies on in a component, as checks for anybody's.

In the test of a plugin::

    from dgljoint.testing import check_interaction
    from mine import dgljoint_interactions

    def test_my_interaction_keeps_the_promises():
        check_interaction(dgljoint_interactions()[0], {"weight": 0.5})

A check runs everything and raises one :class:`ConformanceError` that lists what failed, what was
found and what mends it. ``encoder_checks`` and its like give the same checks one by one. With
pytest the fixtures of :mod:`dgljoint.testing.pytest_plugin` are there without an import.

Importing this package is cheap: torch is loaded when a name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.testing.conformance import Check, ConformanceError, Failure, verify
    from dgljoint.testing.encoders import check_encoder, encoder_checks
    from dgljoint.testing.interactions import check_interaction, interaction_checks
    from dgljoint.testing.material import Material, toy_material
    from dgljoint.testing.models import check_model, model_checks
    from dgljoint.testing.readers import check_reader, reader_checks
    from dgljoint.testing.steps import ToyProblem
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
    from dgljoint.testing.weighters import check_loss_weighter, loss_weighter_checks

_HOME = {
    "Check": "conformance",
    "ConformanceError": "conformance",
    "Failure": "conformance",
    "LABELS": "toys",
    "Material": "material",
    "ToyProblem": "steps",
    "WORDS": "toys",
    "check_encoder": "encoders",
    "check_interaction": "interactions",
    "check_loss_weighter": "weighters",
    "check_model": "models",
    "check_reader": "readers",
    "encoder_checks": "encoders",
    "interaction_checks": "interactions",
    "loss_weighter_checks": "weighters",
    "model_checks": "models",
    "random_cascade": "toys",
    "reader_checks": "readers",
    "toy_batch": "toys",
    "toy_cascade": "toys",
    "toy_features": "toys",
    "toy_material": "material",
    "toy_store": "toys",
    "verify": "conformance",
    "word_block": "toys",
    "write_store": "toys",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'dgljoint.testing' has no attribute '{name}'")
    return getattr(import_module(f"dgljoint.testing.{_HOME[name]}"), name)


__all__ = [
    "Check",
    "ConformanceError",
    "Failure",
    "LABELS",
    "Material",
    "ToyProblem",
    "WORDS",
    "check_encoder",
    "check_interaction",
    "check_loss_weighter",
    "check_model",
    "check_reader",
    "encoder_checks",
    "interaction_checks",
    "loss_weighter_checks",
    "model_checks",
    "random_cascade",
    "reader_checks",
    "toy_batch",
    "toy_cascade",
    "toy_features",
    "toy_material",
    "toy_store",
    "verify",
    "word_block",
    "write_store",
]
