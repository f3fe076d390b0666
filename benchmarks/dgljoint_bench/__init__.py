"""Comparing combinations honestly, and measuring dgljoint.

:mod:`dgljoint_bench.suites` says what is compared, :mod:`dgljoint_bench.running` runs it cell by
cell, :mod:`dgljoint_bench.results` keeps what cells came to in one SQLite file, and
:mod:`dgljoint_bench.reporting` makes tables, pictures and comparisons of it, all behind
``dgljoint benchmark``. :mod:`dgljoint_bench.speed` measures time and memory beside PyTorch
Geometric and plain DGL.

What the micro-benchmarks beside this package share is here, too: :mod:`dgljoint_bench.timing`
times functions and commands in turns, so that what else the machine does falls on all of them
alike::

    from dgljoint_bench.timing import interleave

    print(interleave({"one": one, "other": other}, rounds=20).table())

:mod:`dgljoint_bench.damage` makes mutants of small releases of raw data, and
:mod:`dgljoint_bench.ordeal` puts a reader through them.
"""
