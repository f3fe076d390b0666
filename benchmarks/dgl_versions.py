"""Time this code's message passing with the DGL that is installed.

    python benchmarks/dgl_versions.py [--posts 4000] [--width 64] [--rounds 200] [--json]

Run it once in each of two environments, one DGL version each, and compare; the first row needs no
DGL and tells whether the machine was the same in both. A step is the normalised sum from parents
to children and back (``spread_down``, ``spread_up``), forward and backward, on cascades of which
half are stars and half are chains: the two ends of what trees look like.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np
import torch

import dgljoint
from dgljoint.ops import dgl_kernels as _dgl
from dgljoint_bench.timing import interleave, report, run_fresh, settle

POSTS_A_CASCADE = 32


def forest(posts: int) -> tuple[_dgl.Graph, torch.Tensor]:
    """Make the batched graph and (N,) the parent of each post, -1 for sources."""
    cascades = max(2, posts // POSTS_A_CASCADE)
    chain = np.arange(POSTS_A_CASCADE) - 1
    shapes = np.stack((chain, np.minimum(chain, 0)))
    local = shapes[np.arange(cascades) % 2]
    first = POSTS_A_CASCADE * np.arange(cascades)[:, None]
    parent = torch.from_numpy(np.where(local >= 0, local + first, -1).ravel())
    child = torch.nonzero(parent >= 0).squeeze(1)
    sizes = torch.full((cascades,), POSTS_A_CASCADE)
    return _dgl.batched_graph(parent[child], child, sizes, sizes - 1), parent


def steps(graph: _dgl.Graph, parent: torch.Tensor, width: int) -> dict[str, Callable[[], None]]:
    """Return what is timed, by name: the first without DGL."""
    turned = _dgl.reversed_graph(graph)
    torch.manual_seed(0)
    x = torch.randn(len(parent), width, requires_grad=True)
    child = torch.nonzero(parent >= 0).squeeze(1)
    from_parent = parent[child]

    def spread(graph: _dgl.Graph) -> torch.Tensor:
        root = (graph.in_degrees() + 1).float().rsqrt().unsqueeze(1)
        scaled = x * root
        spread: torch.Tensor = (_dgl.sum_from_sources(graph, scaled) + scaled) * root
        return spread

    def step(*graphs: _dgl.Graph) -> None:
        x.grad = None
        total = sum((spread(each).sum() for each in graphs), torch.zeros(()))
        torch.autograd.backward(total)

    def by_torch() -> None:
        x.grad = None
        torch.autograd.backward(torch.zeros_like(x).index_add(0, child, x[from_parent]).sum())

    def batch() -> None:
        sizes = graph.batch_num_nodes()
        _dgl.reversed_graph(_dgl.batched_graph(from_parent, child, sizes, sizes - 1))

    return {
        "index_add, without dgl": by_torch,
        "down": lambda: step(graph),
        "up": lambda: step(turned),
        "down and up": lambda: step(graph, turned),
        "both graphs made": batch,
    }


def importing(*packages: str) -> Callable[[], object]:
    """Return the start of an interpreter that imports packages."""
    return lambda: run_fresh([sys.executable, "-c", f"import {', '.join(packages)}"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=4000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    settle()
    import dgl

    graph, parent = forest(arguments.posts)
    imports = {"torch": importing("torch"), "torch and dgl": importing("dgljoint", "dgl")}
    results = {
        "step": interleave(steps(graph, parent, arguments.width), arguments.rounds),
        "import": interleave(imports, 5),
    }
    report(
        results,
        as_json=arguments.as_json,
        dgl=dgl.__version__,
        torch=torch.__version__,
        posts=len(parent),
        width=arguments.width,
        threads=torch.get_num_threads(),
        dgljoint=dgljoint.__version__,
    )


if __name__ == "__main__":
    main()
