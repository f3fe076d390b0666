"""The callbacks of a build, for whoever shows its progress."""

from __future__ import annotations


class Watch:
    """Is called as a build proceeds; this one does nothing."""

    def begin(self, parts: int | None) -> None:
        """Reading begins; of how many parts, if the reader knows."""

    def part(self) -> None:
        """A part was read."""

    def cascade(self, posts: int) -> None:
        """A cascade of so many posts was stored."""

    def finish(self) -> None:
        """All is read; the folds are made and the file is put together."""
