"""Measuring dgljoint: what the micro-benchmarks beside this package share.

:mod:`dgljoint_bench.timing` times functions and commands in turns, so that what else the machine
does falls on all of them alike::

    from dgljoint_bench.timing import interleave

    print(interleave({"one": one, "other": other}, rounds=20).table())

:mod:`dgljoint_bench.damage` makes mutants of small releases of raw data, and
:mod:`dgljoint_bench.ordeal` puts a reader through them.
"""
