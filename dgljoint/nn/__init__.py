"""The torch side of dgljoint's public interface: base classes and what passes between them."""

from dgljoint.batch.batch import CascadeBatch
from dgljoint.nn.attention import (
    AttentionWeights,
    CascadeAttention,
    PairBias,
    attend,
    attention_weights,
)
from dgljoint.nn.layers import Dropout, xavier
from dgljoint.nn.protocols import (
    CascadeLosses,
    Classify,
    Encoder,
    Interaction,
    LossTable,
    LossWeighter,
    Outputs,
    Representations,
    ScoreLinks,
    Step,
)
from dgljoint.ops.messages import (
    dgl_graph,
    dgl_layers,
    dot_over_pairs,
    max_to_parents,
    softmax_over_neighbourhoods,
    sum_over_edges,
    sum_over_neighbourhoods,
    sum_to_children,
    sum_to_parents,
    using_kernels,
)
from dgljoint.ops.sparse import SomeRows, SparseRows, multiply, with_rows
from dgljoint.ops.torch_kernels import log_softmax_over_groups

__all__ = [
    "AttentionWeights", "CascadeAttention", "CascadeBatch", "CascadeLosses", "Classify",
    "Dropout", "Encoder", "Interaction", "LossTable", "LossWeighter", "Outputs", "PairBias",
    "Representations", "ScoreLinks", "SomeRows", "SparseRows", "Step", "attend",
    "attention_weights", "dgl_graph", "dgl_layers", "dot_over_pairs", "log_softmax_over_groups",
    "max_to_parents", "multiply", "softmax_over_neighbourhoods", "sum_over_edges",
    "sum_over_neighbourhoods", "sum_to_children", "sum_to_parents", "using_kernels",
    "with_rows", "xavier",
]
