"""The runner of many runs: a plan of jobs, an executor, a process for each, one record of each.

:func:`~dgljoint.runs.many.runner.run_jobs` runs jobs by threads of this process or by the workers
of a Dask cluster. Either way a job is done in a process of its own,
:mod:`~dgljoint.runs.many.run_process`, and leaves its numbers in its run folder alone, from which
:func:`~dgljoint.runs.many.job.read_record` reads its record. ``train --folds --seeds`` is
:mod:`~dgljoint.runs.many.study`; suites of several configurations are planned by the benchmarks.
"""
