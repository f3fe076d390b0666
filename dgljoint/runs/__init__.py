"""Runs on disk: read, listed, shown and compared without torch; and the runner of many runs.

Nothing but :mod:`dgljoint.runs.many`, which trains runs, opens data or a checkpoint.
"""
