"""Runs on disk: read, listed, shown and compared without torch; and the runner of many runs.

:class:`~dgljoint.runs.stored.StoredRun` reads the files of a run folder,
:func:`~dgljoint.runs.listing.find_runs` finds run folders,
:func:`~dgljoint.runs.listing.summarize` and :func:`~dgljoint.runs.listing.read_facts` describe
them, and :func:`~dgljoint.runs.compare_folders.compare_runs` compares them. Nothing of that opens
the data or a checkpoint. :mod:`dgljoint.runs.many` trains many runs.
"""
