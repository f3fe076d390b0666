"""Whether DGL is installed, and the repairs that let it be imported next to a recent PyTorch.

``dgl.graphbolt`` loads a library compiled for one exact torch version and fails for any other;
where that library is missing, a placeholder takes its place. Neither torch nor dgl is imported.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from dgljoint.errors import RunFailedError

_GRAPHBOLT = "dgl.graphbolt"
_BACKEND = "DGLBACKEND"
_BACKENDS = ("pytorch", "mxnet", "tensorflow")


def installed() -> bool:
    """Return whether there is a DGL to import; the torch kernels are used where there is none."""
    try:
        return find_spec("dgl") is not None
    except (ImportError, ValueError):
        return False


def require(what: str) -> None:
    """Raise a RunFailedError without DGL, which ``what`` needs."""
    if not installed():
        raise RunFailedError(
            f"{what} needs DGL, which is not installed for Python {sys.version_info.major}."
            f"{sys.version_info.minor}",
            hint="on Python 3.11 or 3.12: pip install 'dgl>=1.1.3,<=2.1.0'; newer Pythons have no "
            "DGL, and everything else runs there without it",
        )


class _Placeholder(Loader):
    """Make an empty ``dgl.graphbolt`` that explains itself when it is used."""

    def exec_module(self, module: ModuleType) -> None:
        def missing(name: str) -> object:
            raise AttributeError(
                f"dgl.graphbolt.{name} is not available: DGL has no graphbolt library for "
                "the installed torch"
            )

        module.__doc__ = "Placeholder: DGL has no graphbolt library for this torch."
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
    """Put the finder first, once per process, and name DGL's backend where nobody has."""
    if os.environ.get(_BACKEND) not in _BACKENDS:
        os.environ[_BACKEND] = "pytorch"
    if not any(isinstance(finder, _GraphboltFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _GraphboltFinder())
