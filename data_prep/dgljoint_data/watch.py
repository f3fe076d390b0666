"""Who is told how a build goes on."""

from __future__ import annotations


class Watch:
    """Is told; this one does not care."""

    def begin(self, parts: int | None) -> None:
        """Reading begins; of how many parts, if the reader says so."""

    def part(self) -> None:
        """Take note that a part was read."""

    def cascade(self, posts: int) -> None:
        """Take note that a cascade of so many posts is stored."""

    def finish(self) -> None:
        """All is read; the folds are dealt and the file is put together."""
