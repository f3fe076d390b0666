"""The torch side of dgljoint's public interface: base classes and what passes between them."""

from dgljoint.nn.batch import CascadeBatch, SparseRows
from dgljoint.nn.ops import sum_to_children, sum_to_parents
from dgljoint.nn.protocols import (
    Encoder,
    Interaction,
    LossTable,
    LossWeighter,
    Outputs,
    Representations,
    Step,
)

__all__ = [
    "CascadeBatch",
    "Encoder",
    "Interaction",
    "LossTable",
    "LossWeighter",
    "Outputs",
    "Representations",
    "SparseRows",
    "Step",
    "sum_to_children",
    "sum_to_parents",
]
