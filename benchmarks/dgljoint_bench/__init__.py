"""Comparing combinations fairly: suites, their results in one SQLite file, tables and pictures.

Time and memory next to other libraries are measured in a clone, by ``python -m benchmarks.speed``.
"""
