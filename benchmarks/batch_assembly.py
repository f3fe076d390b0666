"""Time making one batch of cascades, against ``dgl.batch`` of ready graphs.

    python benchmarks/batch_assembly.py twitter15.h5 [--cascades 128] [--rounds 30] [--json]

Both sides make one batch of the same cascades, in one process, in turns.

structure
    Ours: the cascades' columns in memory, one batched graph out. The peer: ``dgl.batch`` of one
    ``DGLGraph`` a cascade, with the same edges; building these graphs is left out of its time.
    It only copies, so it gains on long cascades: on 128 cascades of 30 posts ours is five times
    as fast, of 360 posts two and a half times.

structure, from the file
    Ours: the same, and gathering the columns from the mapped file (parents, times, kinds). The
    peer's graphs are ready in memory as before.

structure, targets hidden
    As the first, with the edges to predict left out of the graph, others in every batch, as
    training needs it. The peer: ``dgl.batch``, then ``dgl.edge_subgraph`` and the batch sizes set
    again.

whole
    Ours: positions of the cascades in; out the graph, the word counts as sparse rows weighted by
    inverse document frequency, the times and the positions in the tree. Drawing what is asked of
    the cascades is left out: the peer knows no such thing. The peer: ``dgl.batch`` of graphs that
    hold ready word counts of the 5,000 most frequent words as dense float32 node data; weighting
    them and all other features are left out of its time.

One thread, and an allocator told to keep its memory, for both: that halves the time of the dense
peer.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import dgljoint
from dgljoint.config import FeatureOptions
from dgljoint.nn import SparseRows
from dgljoint.nn.assemble import assemble, observed_graph
from dgljoint.nn.features import FeatureSpace
from dgljoint.nn.questions import Question, training_question
from dgljoint.store import CascadeColumns, CascadeStore
from dgljoint_bench.timing import interleave, report, settle

WORDS = 5000
# What is promised. On 128 cascades of 30 posts the first holds (5.3) and the second not (6.8);
# on those of 440 posts, words at the source alone, the second holds (26) and the first not (2.3).
LEAST = {"structure": 3.0, "whole": 20.0}


def nothing_asked(columns: CascadeColumns) -> Question:
    """Observe every edge."""
    none = np.empty(0, np.int64)
    return Question(
        pending=np.zeros(len(columns.parent), bool),
        pairs=np.stack((none, none)),
        answer=np.empty(0, bool),
    )


def graphs(columns: CascadeColumns) -> list[Any]:
    """Build the peer's graphs: one a cascade, all edges from parent to child."""
    import dgl  # here: dgljoint, imported above, makes it importable

    made = []
    for start, end in zip(columns.post_ptr[:-1], columns.post_ptr[1:], strict=True):
        parent = torch.from_numpy(columns.parent[start:end])
        child = torch.nonzero(parent >= 0).squeeze(1)
        made.append(dgl.graph((parent[child] - start, child), num_nodes=int(end - start)))
    return made


def with_words(made: list[Any], columns: CascadeColumns, space: FeatureSpace) -> None:
    """Give the peer's graphs their dense word counts, as wide as the peer's vocabulary."""
    rows = space.read(columns, nothing_asked(columns))["bow"]
    assert isinstance(rows, SparseRows)  # noqa: S101  # for the type checker
    for graph, start, end in zip(
        made, columns.post_ptr[:-1], columns.post_ptr[1:], strict=True
    ):
        dense = torch.zeros(int(end - start), WORDS)
        for row in range(int(start), int(end)):
            entries = slice(int(rows.offsets[row]), int(rows.offsets[row + 1]))
            dense[row - int(start), rows.columns[entries]] = rows.values[entries]
        graph.ndata["words"] = dense


def main() -> int:
    """Measure; 1 when a ratio is below the least."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--cascades", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    settle()
    import dgl

    store = CascadeStore(arguments.store)
    rng = np.random.default_rng(arguments.seed)
    chosen: NDArray[np.int64] = rng.permutation(len(store))[: arguments.cascades]
    columns = store.read(chosen)
    space = FeatureSpace.fit(store, np.arange(len(store)), FeatureOptions(words=WORDS))
    asked = training_question(columns, 0.2, 64, rng)
    ready = graphs(columns)

    everything = nothing_asked(columns)

    def our_structure() -> object:
        return observed_graph(columns, everything)

    def our_structure_from_file() -> object:
        return observed_graph(store.read(chosen), everything)

    def our_batch() -> object:
        return assemble(store, store.read(chosen), asked, space)

    def our_observed() -> object:
        return observed_graph(columns, asked)

    def their_batch() -> object:
        return dgl.batch(ready)

    kept = torch.from_numpy(~asked.pending[columns.parent >= 0])
    kept_of = torch.bincount(
        torch.from_numpy(columns.cascade_of[columns.parent >= 0])[kept], minlength=len(chosen)
    )

    def their_observed() -> object:
        whole = dgl.batch(ready)
        observed = dgl.edge_subgraph(whole, kept, relabel_nodes=False, store_ids=False)
        observed.set_batch_num_nodes(whole.batch_num_nodes())
        observed.set_batch_num_edges(kept_of)
        return observed

    results = {
        "structure": interleave(
            {"dgljoint": our_structure, "dgl.batch": their_batch}, arguments.rounds
        ),
        "structure, from the file": interleave(
            {"dgljoint": our_structure_from_file, "dgl.batch": their_batch}, arguments.rounds
        ),
        "structure, targets hidden": interleave(
            {"dgljoint": our_observed, "dgl.batch, edge_subgraph": their_observed},
            arguments.rounds,
        ),
    }
    with_words(ready, columns, space)
    results["whole"] = interleave(
        {"dgljoint": our_batch, "dgl.batch, dense words": their_batch}, arguments.rounds
    )
    report(
        results,
        as_json=arguments.as_json,
        cascades=len(chosen),
        posts=len(columns.parent),
        torch=torch.__version__,
        dgl=dgl.__version__,
        threads=torch.get_num_threads(),
        dgljoint=dgljoint.__version__,
    )
    reached = {title: max(timings.ratios.values()) for title, timings in results.items()}
    return int(any(reached[title] < least for title, least in LEAST.items()))


if __name__ == "__main__":
    sys.exit(main())
