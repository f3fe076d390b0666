"""Steps of small runs in one process, or in several that share the batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing

from dgljoint.data.store import CascadeStore
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.training.processes import ALONE, Processes
from toys import toy_config, toy_trainer

Fields = Mapping[str, Any]


def take_steps(path: Path, fields: Fields, processes: Processes = ALONE) -> dict[str, Any]:
    """Take three steps; return the gradients of each, and the sums of losses and weights."""
    store, assignments = CascadeStore(path), fields.get("assignments", ())
    names = {name: value for name, value in fields.items() if name != "assignments"}
    used = select(installed_registry(), toy_config(store, *assignments, **names)).components
    # Each process draws the dropout of its own posts: without it, both draw nothing.
    dropping = [part for part in used if "dropout" in type(part.options).model_fields]
    none = [f"{part.spec.name}.dropout=0" for part in dropping]
    trainer = toy_trainer(
        store, "model.dropout=0", *none, *assignments, processes=processes, **names
    )
    gradients: list[dict[str, torch.Tensor]] = []

    def stop() -> bool:
        gradients.append(
            {
                name: parameter.grad.clone()
                for name, parameter in trainer.model.named_parameters()
                if parameter.grad is not None
            }
        )
        return len(gradients) == 3

    trainer.train_epoch(stop)
    return {
        "gradients": gradients,
        "sums": trainer.position.sums,
        "parameters": trainer.model.state_dict(),
    }


def take_steps_together(
    path: Path, several: Sequence[Fields], size: int, out: Path
) -> list[list[dict[str, Any]]]:
    """Do the same in ``size`` processes; return what each found, by rank."""
    multiprocessing.spawn(_take_part, (size, path, several, out), nprocs=size)
    return [torch.load(out / f"{rank}.pt") for rank in range(size)]


def _take_part(rank: int, size: int, path: Path, several: Sequence[Fields], out: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{out}/meeting", rank=rank, world_size=size
    )
    group = Processes(rank, size, rank)
    torch.save([take_steps(path, fields, group) for fields in several], out / f"{rank}.pt")
    distributed.destroy_process_group()
