"""What the folder of a run is called when nobody names it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgljoint.config import RunConfig


def default_folder(
    config: RunConfig, data_name: str, parent: Path = Path("runs"), *, fold: str = "",
    seed: str = "",
) -> Path:
    """Name a run folder after the run, with a number when that one is taken.

    Args:
        config: of the run.
        data_name: of its data.
        parent: where it is to lie.
        fold: of several runs; that of the configuration when empty.
        seed: of several runs; that of the configuration when empty.
    """
    parts = (
        data_name,
        config.encoder,
        "+".join(config.plugins),
        f"{config.split}{fold or config.fold}",
        f"s{seed or config.seed}",
    )
    name = re.sub(r"[^\w.+-]+", "_", "-".join(part for part in parts if part))
    folder, number = parent / name, 1
    while folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        number += 1
        folder = parent / f"{name}-{number}"
    return folder
