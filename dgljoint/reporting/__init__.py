"""The result of a run, for people: ``report.html`` and ``model_card.md`` of its folder.

Both are made from the folder, without the data and without torch, so that they can be written
again at any time: :func:`~dgljoint.reporting.write.write_reports`. Texts of posts never enter
them. :mod:`~dgljoint.reporting.scores` makes the tables of scores for all that show them.
"""
