"""Runs on disk, read back: listed, shown and compared without torch.

:class:`StoredRun` reads one run folder, :func:`find_runs` finds them, :func:`summarize` says in a
line how one stands, and :func:`compare_runs` sets folders of runs beside one another. Nothing here
opens the data or a checkpoint.
"""
