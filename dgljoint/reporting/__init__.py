"""What a run came to, for people: ``report.html`` and ``model_card.md`` of its folder.

Both are made from what the folder says, without the data and without torch, so that they can be
written again at any time: :func:`write_reports`. Texts of posts never enter them.
"""

from dgljoint.reporting.write import write_reports

__all__ = ["write_reports"]
