"""A made release in the form of Twitter15's trees, to preprocess where no real one is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader

READER = "twitter15"
# Where ids begin: the ids of tweets contain their time, here of 2014.
_FIRST_ID = 500_000_000_000_000_000
# Between the sources of two cascades; more than a cascade has posts.
_IDS_A_CASCADE = 1 << 20


def write_release(folder: Path, seed: int) -> None:
    """Write synthetic cascades as tree files, with labels, events and the sources' texts."""
    trees = folder / "tree"
    trees.mkdir(parents=True)
    cascades = SyntheticReader(SyntheticOptions(world="mixed", seed=seed)).read(None, ReadReport())
    labels, texts, events = [], [], []
    for number, cascade in enumerate(cascades):
        first = _FIRST_ID + number * _IDS_A_CASCADE
        lines = "".join(_lines(cascade, first))
        (trees / f"{first}.txt").write_text(lines, encoding="utf-8")
        labels.append(f"{cascade.label}:{first}\n")
        texts.append(f"{first}\t{cascade.text[0]}\n")
        events.append(f"{cascade.label}\t{cascade.event}\t{first}\t{len(cascade)}\n")
    named = {
        "label.txt": labels, "source_tweets.txt": texts, "Twitter15_label_All.txt": events,
    }
    for name, rows in named.items():
        (folder / name).write_text("".join(rows), encoding="utf-8")


def _lines(cascade: Cascade, first: int) -> Iterator[str]:
    posts = [
        f"['{user}', '{first + place}', '{delay / 60:.6f}']"
        for place, (user, delay) in enumerate(
            zip(cascade.user.tolist(), cascade.delay_seconds.tolist(), strict=True)
        )
    ]
    posts.append("['ROOT', 'ROOT', '0.0']")  # the last: -1 is a source's parent
    for parent, post in zip(cascade.parent.tolist(), posts, strict=False):
        yield f"{posts[parent]}->{post}\n"
