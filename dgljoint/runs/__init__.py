"""Runs on disk, read back: listed, shown and compared without torch.

:class:`~dgljoint.runs.stored.StoredRun` reads the files of one run folder,
:func:`~dgljoint.runs.facts.read_facts` all of them; :func:`~dgljoint.runs.listing.find_runs` finds
run folders, :func:`~dgljoint.runs.listing.summarize` says in a line how one stands, and
:func:`~dgljoint.runs.comparing.compare_runs` sets some beside one another. Nothing here opens the
data or a checkpoint.
"""
