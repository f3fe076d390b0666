"""The runner of many runs: a plan of jobs, an executor, a process for each, one record of each.

A job leaves its numbers in its run folder alone. ``train --folds --seeds`` is
:mod:`~dgljoint.runs.many.study`; suites of several configurations are planned by the benchmarks.
"""
