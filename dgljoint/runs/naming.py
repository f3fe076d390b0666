"""What the folder of a run is called, and where the settings of one that goes on stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dgljoint.errors import UsageError

if TYPE_CHECKING:
    from dgljoint.config.run_config import RunConfig


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


def resumed_folder(out: Path | None, *, force: bool) -> Path:
    """Return the folder of what goes on.

    Raises:
        UsageError: it is not named, or is to be started over as well.
    """
    if force:
        raise UsageError("--resume and --force exclude each other", hint="leave one out")
    if out is None:
        raise UsageError(
            "--resume does not know which run to go on with", hint="name its folder: --out DIR"
        )
    return out


def settings_of(folder: Path, *, several: bool = False, needed: bool = False) -> Path | None:
    """Return the file with the settings of a run, or of several in one folder; ``None``: no such.

    Args:
        folder: of the run or the runs.
        several: whether it is that of several.
        needed: nothing else says what a run in it should be.

    Raises:
        DataError: it is needed, and there is none.
    """
    if several:
        written = folder / "settings.toml"
        return written if written.exists() else None
    from dgljoint.runs.stored import StoredRun  # pydantic, which a name need not wait for

    run = StoredRun(folder)
    # Killed in its first moment, a run has not written what it was to be; its own command has it.
    return run.config_file if needed or run.started else None
