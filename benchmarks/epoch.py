"""Time an epoch of rumor detection against the same model in other libraries.

    python benchmarks/epoch.py twitter15.h5 [--cascades 1166] [--rounds 5] [--no-dense] [--json]

All train BiGCN (Bian et al., 2020) on the same cascades, in one process, in turns: batch 128, width
64, dropout on, AdamW in one kernel. What a library does to make a batch is in its time. Data are
ready in memory for the peers; dgljoint gathers them from its mapped file.

dgljoint, the published model
    The peers' model on dgljoint's batches and operations: the row that the others are compared
    with, like with like.

dgljoint
    The loop that ``dgljoint train -o train.tasks=rumor`` runs, validation left out. It does more
    than the peers: a projection and a branch around the encoder, gradient clipping, checks and
    records, the other features of the data. Words alone: with ``features.use`` set to the words.

PyTorch Geometric, dense words
    ``Data`` with all words of the file as a dense row a post, as in the published code, weighted
    beforehand; ``DataLoader``, ``GCNConv``. Takes 4 bytes a word and post, 0.7 GB for 1,166
    threads of Twitter15.

PyTorch Geometric, sparse words
    The same model with the words as an ``EmbeddingBag``, the source's mapped once a thread.

dgl.batch, sparse words
    The same on plain DGL: a graph a thread, ``dgl.batch``, ``GraphConv``.

One thread, and an allocator told to keep its memory, for all. Without PyTorch Geometric (the extra
``bench``) its rows are left out. Ends with 1 when what is promised is missed: an epoch 60 times as
fast as on dense words in PyTorch Geometric, and 2.5 times as on sparse ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

import dgljoint
from dgljoint.config import FeatureOptions
from dgljoint.store import CascadeStore
from dgljoint.training.trainer import Trainer
from dgljoint_bench import own_published, peer_dgl, peer_pyg
from dgljoint_bench.own_training import own_config, trainer_of
from dgljoint_bench.peer_threads import threads_of
from dgljoint_bench.timing import interleave, report, settle

OWN, OWN_WORDS = "dgljoint", "dgljoint, words alone"
OWN_PUBLISHED = "dgljoint, the published model"
PYG_SPARSE, PYG_DENSE = "PyTorch Geometric, sparse words", "PyTorch Geometric, dense words"
DGL_SPARSE = "dgl.batch, sparse words"
LEAST = {PYG_SPARSE: 2.5, PYG_DENSE: 60.0}


def main() -> int:
    """Measure; 1 when a ratio is below the least."""
    arguments = _parse()
    settle()
    store = CascadeStore(arguments.store)
    rng = np.random.default_rng(arguments.seed)
    chosen = np.sort(rng.permutation(len(store))[: arguments.cascades])
    words = _words(store)
    every = store.sparse(words).columns
    options = FeatureOptions(words=every, min_count=1)
    threads, width = threads_of(store, chosen, words, options)
    shared = {
        "batch": arguments.batch, "width": arguments.width, "dropout": 0.5,
        "classes": len(store.label_names),
    }
    settings = (
        "train.tasks=rumor", f"train.batch={arguments.batch}", f"model.width={arguments.width}",
        f"features.words={every}", "features.min_count=1",
    )

    def own(*more: str) -> Callable[[], object]:
        config = own_config(store, (*settings, *more), settings={"encoder": "bigcn"})
        return partial(_epoch, trainer_of(store, config, chosen))

    epochs: dict[str, Callable[[], object]] = {
        OWN_PUBLISHED: own_published.epoch_of(store, chosen, words, options, **shared),
        OWN: own(),
        OWN_WORDS: own(f"features.use={words}"),
        DGL_SPARSE: peer_dgl.sparse_epoch(threads, width, **shared),
    }
    if peer_pyg.installed():
        epochs[PYG_SPARSE] = peer_pyg.sparse_epoch(threads, width, **shared)
        if not arguments.no_dense:
            epochs[PYG_DENSE] = peer_pyg.dense_epoch(threads, every, **shared)
    else:
        sys.stdout.write("PyTorch Geometric is left out: pip install dgljoint[bench]\n")
    timings = interleave(epochs, arguments.rounds)
    report(
        {"an epoch": timings}, as_json=arguments.as_json, cascades=len(chosen),
        posts=sum(thread.posts for thread in threads), words=width, **shared,
        torch=torch.__version__, threads=torch.get_num_threads(), dgljoint=dgljoint.__version__,
        torch_geometric=peer_pyg.version() if peer_pyg.installed() else "not installed",
    )
    ratios = timings.ratios
    return int(any(ratios.get(name, least) < least for name, least in LEAST.items()))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="cascade file with a sparse feature")
    parser.add_argument("--cascades", type=int, default=1166, help="cascades of an epoch")
    parser.add_argument("--batch", type=int, default=128, help="cascades a step")
    parser.add_argument("--width", type=int, default=64, help="of every layer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-dense", action="store_true", help="leave the dense peer out")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser.parse_args()


def _words(store: CascadeStore) -> str:
    """Name the sparse feature with most columns."""
    sparse = [name for name, kind in store.features.items() if kind == "sparse"]
    if not sparse:
        sys.exit(f"{store.path} has no sparse feature")
    return max(sparse, key=lambda name: store.sparse(name).columns)


def _epoch(trainer: Trainer) -> None:
    trainer.train_epoch(lambda: False)


if __name__ == "__main__":
    sys.exit(main())
