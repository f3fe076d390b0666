"""Tables inside a page that people write: between two markers, all else untouched."""

from __future__ import annotations

from pathlib import Path

from dgljoint.errors import UsageError

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def between_markers(path: Path, text: str) -> tuple[str, str]:
    """Put ``text`` between the markers of a page.

    Args:
        path: of the page, UTF-8.
        text: that is to stand there, without blank lines around it.

    Returns:
        The page as it is and as it should be.

    Raises:
        UsageError: the page cannot be read, or has not each marker once and in order.
    """
    try:
        # bytes: whatever ends its lines stays
        page = path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or page.count(BEGIN) != 1 or page.count(END) != 1:
        raise UsageError(
            f"{path} has no place for results",
            hint=f"write each once, on lines of their own: {BEGIN} and {END}",
        )
    made = f"\n\n{text.strip()}\n\n"
    if "\r\n" in before + after:
        made = made.replace("\n", "\r\n")
    return page, f"{before}{BEGIN}{made}{END}{after}"
