"""Comparing combinations fairly.

:mod:`dgljoint_bench.suites` defines what is compared, :mod:`dgljoint.runs.many` runs it,
:mod:`dgljoint_bench.results` indexes the results in one SQLite file, and
:mod:`dgljoint_bench.reporting` makes tables, pictures and comparisons of it, all behind
``dgljoint benchmark``. Time and memory next to other libraries are measured in a clone, by
``python -m benchmarks.speed``.
"""
