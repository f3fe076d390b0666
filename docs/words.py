"""Count odd words: old or private turns of phrase that a student could not search for.

    python docs/words.py                     # the product and its pages; 1 if there are too many
    python docs/words.py --show PATH ...     # each place, of these files or folders

What is counted are names, docstrings, comments and messages of Python files and the text of pages.
The limit is 3 odd words in 10,000.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = ("README.md", "benchmarks", "cli", "data_prep", "dgljoint", "docs", "plugins")
LIMIT = 3.0
_WORD = re.compile(r"[A-Za-z]+")
_ODD = re.compile(
    r"\b(?:"
    r"stands?|stood|standing|tells?|told|telling|sa(?:y|ys|id|ying)|besides?|lies?|lay|lying"
    r"|hangs?|hung|hanging|comes? to|came to|goes on|went on"
    # "a row a post": one row per post
    r"|(?:a|an|one|once) (?:[a-z]+ )?an? (?:cascade|cell|class|column|cut|edge|epoch|event|feature"
    r"|file|fold|key|line|loss|name|pair|parameter|plugin|post|process|row|run|step|task|thread"
    r"|time|word)"
    r")\b",
    re.IGNORECASE,
)


def files(places: Sequence[Path]) -> Iterator[Path]:
    """Yield the Python files and pages in the places."""
    for place in places:
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        yield from (path for path in found if path.suffix in (".py", ".md", ".j2", ".toml"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print the number per 10,000 words, and return 1 if it is over the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print each place")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    options = parser.parse_args(arguments)
    words = odd = 0
    for path in files(options.paths or [ROOT / place for place in PLACES]):
        if path.resolve() == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            # names of two words are two words
            text = line.replace("_", " ")
            words += len(_WORD.findall(text))
            found = _ODD.findall(text)
            odd += len(found)
            if found and options.show:
                sys.stdout.write(f"{path}:{number}: {', '.join(found)}\n")
    share = 10_000 * odd / max(words, 1)
    sys.stdout.write(f"{odd} odd words of {words}: {share:.1f} per 10,000, at most {LIMIT:g}\n")
    return int(share > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
