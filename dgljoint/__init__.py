"""Joint rumor detection and cascade prediction on DGL graphs, every coupling a plugin.

A *cascade* is a source post and everything that followed. dgljoint trains two tasks on it
together (``rumor``: what is this cascade; ``cascade``: which earlier post does a post attach to)
and makes every way of coupling them a plugin. A plugin is a module and an entry point::

    import dgljoint

    def build(options, context):
        from mine.module import MyInteraction  # torch is imported only when it is used
        return MyInteraction(context.width)

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="mine", summary="what it does", build=build)]

The base classes that need torch are in :mod:`dgljoint.nn`; what is here is light until it is used.
The verbs of the command line are functions, :func:`train`, :func:`evaluate` and :func:`load_run`
among them::

    result = dgljoint.train("twitter15.h5", plugins=["contrastive", "meta_weight"], epochs=20)
    print(dgljoint.load_run(result.folder).predict("twitter16.h5").predicted)

Importing this package also lets a plain ``import dgl`` work with today's PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dgljoint._version import __version__
from dgljoint.ops import dgl_compat as _dgl_compat

if TYPE_CHECKING:
    from dgljoint import nn as nn
    from dgljoint.api import (
        evaluate,
        evaluate_early,
        evaluate_transfer,
        evaluate_transfer_early,
        load_run,
        load_runs,
        plan,
        train,
        train_study,
    )
    from dgljoint.config.options import Options
    from dgljoint.data.cascade import Cascade, Kind, RowBlock, SparseBlock
    from dgljoint.data.dataset import CascadeDataset
    from dgljoint.data.reading import Reader, ReadReport
    from dgljoint.errors import DataError, DgljointError, PluginError, UsageError, install_hint
    from dgljoint.evaluation.loaded_run import Run
    from dgljoint.evaluation.predicting import Predictions
    from dgljoint.plugins.hookspecs import hookimpl
    from dgljoint.plugins.specs import (
        BuildContext,
        EncoderSpec,
        InteractionSpec,
        ReaderSpec,
        Reference,
        WeighterSpec,
    )
    from dgljoint.training.callbacks import Callback, StopTraining
    from dgljoint.training.tensorboard import TensorBoard

_dgl_compat.install()

# Loaded on first use: `dgljoint --help` must not wait for pydantic or NumPy.
_HOME = {
    name: f"dgljoint.{module}"
    for module, names in {
        "api": (
            "evaluate", "evaluate_early", "evaluate_transfer", "evaluate_transfer_early",
            "load_run", "load_runs", "plan", "train", "train_study",
        ),
        "config.options": ("Options",),
        "data.cascade": ("Cascade", "Kind", "RowBlock", "SparseBlock"),
        "data.dataset": ("CascadeDataset",),
        "data.reading": ("ReadReport", "Reader"),
        "errors": ("DataError", "DgljointError", "PluginError", "UsageError", "install_hint"),
        "evaluation.loaded_run": ("Run",),
        "evaluation.predicting": ("Predictions",),
        "plugins.hookspecs": ("hookimpl",),
        "plugins.specs": (
            "BuildContext", "EncoderSpec", "InteractionSpec", "ReaderSpec", "Reference",
            "WeighterSpec",
        ),
        "training.callbacks": ("Callback", "StopTraining"),
        "training.tensorboard": ("TensorBoard",),
    }.items()
    for name in names
}
# Modules of public names, loaded on first use as well.
_MODULES = ("nn", "testing", "training")


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"dgljoint.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'dgljoint' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted((*__all__, *_MODULES))


__all__ = [
    "BuildContext", "Callback", "Cascade", "CascadeDataset", "DataError", "DgljointError",
    "EncoderSpec", "InteractionSpec", "Kind", "Options", "PluginError", "Predictions",
    "ReadReport", "Reader", "ReaderSpec", "Reference", "RowBlock", "Run", "SparseBlock",
    "StopTraining", "TensorBoard", "UsageError", "WeighterSpec", "__version__", "evaluate",
    "evaluate_early", "evaluate_transfer", "evaluate_transfer_early", "hookimpl", "install_hint",
    "load_run", "load_runs", "plan", "train", "train_study",
]
