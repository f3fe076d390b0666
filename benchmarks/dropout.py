"""Time dropout, forward and backward, against PyTorch's.

    python benchmarks/dropout.py [--posts 4000] [--width 64] [--rounds 200]

Prints the median of each, in turns in one process, and the ratios.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import torch
from torch import nn

from dgljoint.nn import Dropout
from dgljoint_bench.timing import interleave, settle


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=4000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    settle()
    x = torch.randn(arguments.posts, arguments.width, requires_grad=True)

    def step(layer: nn.Module) -> None:
        layer(x).sum().backward()

    for share in (0.2, 0.5):
        layers = {"dgljoint.nn.Dropout": Dropout(share), "torch.nn.Dropout": nn.Dropout(share)}
        runs = {name: partial(step, layer) for name, layer in layers.items()}
        sys.stdout.write(f"p = {share}\n{interleave(runs, arguments.rounds).table()}\n")


if __name__ == "__main__":
    main()
