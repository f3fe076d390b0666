"""What a run would meet on this machine: versions, devices, DGL's kernels, plugins."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from typing import Any

from dgljoint.errors import DgljointError, one_line
from dgljoint.plugins.registry import PluginStatus, Registry

PACKAGES = (
    "dgljoint", "torch", "dgl", "numpy", "h5py", "scikit-learn", "safetensors", "pluggy",
    "pydantic", "click", "rich",
)


@dataclass(frozen=True, slots=True)
class DglState:
    """Whether DGL imports beside this torch and computes; if not, why and what mends it.

    Attributes:
        works: whether its kernels give the right sum on the CPU.
        problem: why it does not work.
        hint: what mends it.
        devices: types of device it can use; on others plain torch passes the messages.
    """

    works: bool
    problem: str | None = None
    hint: str | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed and what of it works.

    Attributes:
        versions: of Python and the packages; ``None`` for one that is not installed.
        platform: operating system and processor.
        devices: what torch can compute on; empty when torch does not import.
        threads: that torch computes with, 0 when it does not import.
        cores: of the machine.
        dgl: whether DGL works.
        plugins: status by name, every plugin imported.
    """

    versions: dict[str, str | None]
    platform: str
    devices: tuple[str, ...]
    threads: int
    cores: int
    dgl: DglState
    plugins: tuple[PluginStatus, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def environment(registry: Registry) -> Environment:
    """Look at this machine. Nothing that is broken raises: it is what one looks for."""
    devices, threads = _torch_devices()
    return Environment(
        versions={
            "python": platform.python_version(),
            **{package: _version(package) for package in PACKAGES},
        },
        platform=platform.platform(),
        devices=devices,
        threads=threads,
        cores=os.cpu_count() or 1,
        dgl=_dgl_state(),
        plugins=tuple(registry.status(name) for name in registry.names),
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
    try:
        dgl = import_module("dgljoint.ops.dgl_kernels")
        works: bool = dgl.kernels_run()
        devices = tuple(kind for kind in ("cpu", "cuda") if dgl.runs_on(kind))
    except DgljointError as error:
        return DglState(False, error.message, error.hint)
    except Exception as error:  # noqa: BLE001  # a diagnosis outlives whatever it looks at
        return DglState(False, one_line(error))
    problem = None if works else "DGL's kernels compute a wrong sum"
    return DglState(works, problem, devices=devices)
