"""How results look where Python shows them: plain text of at most 80 columns, and HTML.

:class:`~dgljoint.showing.tables.Shown` gives a result its ``repr`` and its look in a notebook;
:mod:`~dgljoint.showing.scores` and :mod:`~dgljoint.showing.results` say which figures of a result
are shown. Nothing here needs torch or NumPy when it runs.
"""
