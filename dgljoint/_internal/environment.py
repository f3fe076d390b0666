"""What a run would meet on this machine: versions, devices, kernels, plugins."""

import os
import platform
from dataclasses import asdict, dataclass, field
from importlib import import_module, metadata
from typing import Any

from dgljoint.errors import DgljointError, one_line
from dgljoint.ops import dgl_compat
from dgljoint.plugins.registry import PluginStatus, Registry

PACKAGES = (
    "dgljoint", "torch", "dgl", "numpy", "h5py", "scikit-learn", "safetensors", "pluggy",
    "pydantic", "click", "rich",
)


@dataclass(frozen=True, slots=True)
class DglState:
    """Whether DGL is installed, and computes a right sum on the CPU; if not, why and how to repair.

    A run stops where it is installed and does not work. Torch passes messages on other devices.
    """

    installed: bool
    works: bool = False
    problem: str | None = None
    hint: str | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed and what of it works."""

    versions: dict[str, str | None]  # of Python and the packages; ``None`` for a missing one
    platform: str
    devices: tuple[str, ...]  # of torch; empty if it does not import
    threads: int
    cores: int
    dgl: DglState
    plugins: tuple[PluginStatus, ...]
    # what passes messages, ``dgl`` or ``torch``, by type of device; empty where a run would stop
    kernels: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def environment(registry: Registry) -> Environment:
    """Look at this machine; what is broken is reported, and nothing raises."""
    devices, threads = _torch_devices()
    dgl = _dgl_state()
    types = ("cpu", "cuda")[: len(devices)] if dgl.works or not dgl.installed else ()
    return Environment(
        versions={
            "python": platform.python_version(),
            **{package: _version(package) for package in PACKAGES},
        },
        platform=platform.platform(), devices=devices, threads=threads, cores=os.cpu_count() or 1,
        dgl=dgl,
        plugins=tuple(registry.status(name) for name in registry.names),
        kernels={kind: "dgl" if kind in dgl.devices else "torch" for kind in types},
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _torch_devices() -> tuple[tuple[str, ...], int]:
    try:
        import torch
    except (ImportError, OSError):
        return (), 0
    graphics = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ("cpu", *graphics), torch.get_num_threads()


def _dgl_state() -> DglState:
    if not dgl_compat.installed():
        return DglState(installed=False)
    try:
        dgl = import_module("dgljoint.ops.dgl_kernels")
        works: bool = dgl.kernels_run()
        devices = tuple(kind for kind in ("cpu", "cuda") if dgl.runs_on(kind))
    except DgljointError as error:
        return DglState(True, problem=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001  # a diagnosis outlives whatever it looks at
        return DglState(True, problem=one_line(error))
    problem = None if works else "DGL's kernels compute a wrong sum"
    return DglState(True, works, problem, devices=devices)
