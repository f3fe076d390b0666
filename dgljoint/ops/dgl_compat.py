"""Let ``import dgl`` work beside a PyTorch newer than DGL's last wheels.

``dgl.graphbolt`` loads a library compiled for one exact torch version and fails for any other;
nothing else in DGL needs it to compute. Where that library is missing, a placeholder module takes
its place; where it is there, nothing changes. (DGL itself falls back to a copy of ``packaging``
that setuptools no longer carries, so ``packaging`` is a dependency of ours.)

DGL that is not told its backend prints two lines about it, one of them to stdout, and writes a file
into the home folder. It is told here, by the environment variable that it reads.

The finder costs nothing until somebody imports ``dgl.graphbolt``; torch and dgl are not imported
here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_GRAPHBOLT = "dgl.graphbolt"
_BACKEND = "DGLBACKEND"
_BACKENDS = ("pytorch", "mxnet", "tensorflow")


class _Placeholder(Loader):
    """Makes an empty ``dgl.graphbolt`` that says why when it is used."""

    def exec_module(self, module: ModuleType) -> None:
        def missing(name: str) -> object:
            raise AttributeError(
                f"dgl.graphbolt.{name} is not available: DGL carries no graphbolt library for "
                "the installed torch"
            )

        module.__doc__ = "Placeholder: DGL carries no graphbolt library for this torch."
        module.__dict__["__getattr__"] = missing


class _GraphboltFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _GRAPHBOLT or path is None:
            return None
        # Imported here: every start of the command line would pay for it.
        from importlib import metadata

        folder = Path(next(iter(path))) / "graphbolt"
        torch_version = metadata.version("torch").split("+")[0]
        if not folder.is_dir() or any(folder.glob(f"*graphbolt_pytorch_{torch_version}.*")):
            return None
        return ModuleSpec(_GRAPHBOLT, _Placeholder())


def install() -> None:
    """Put the finder first, once a process, and name DGL's backend where nobody has."""
    if os.environ.get(_BACKEND) not in _BACKENDS:
        os.environ[_BACKEND] = "pytorch"
    if not any(isinstance(finder, _GraphboltFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _GraphboltFinder())
