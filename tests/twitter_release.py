"""Small Twitter15 releases of our own, in the published formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint_data.readers.twitter.readers import TwitterRvnnReader, TwitterTreeReader
from dgljoint_data.readers.twitter.rvnn import FEATURE

Post = tuple[object, object, object]  # user, tweet, minutes


def post(user: object, tweet: object, minutes: object) -> str:
    return f"['{user}', '{tweet}', '{minutes}']"


def edge(parent: Post, child: Post) -> str:
    return f"{post(*parent)}->{post(*child)}"


def root(child: Post) -> str:
    return edge(("ROOT", "ROOT", "0.0"), child)


# Two replies to the source, a retweet (same tweet, another user), a reply to a reply.
SMALL_TREE = (
    root((1, 500, "0.0")),
    edge((1, 500, "0.0"), (2, 501, "1.5")),
    edge((1, 500, "0.0"), (3, 500, "0.5")),
    edge((2, 501, "1.5"), (4, 502, "10.25")),
)


@dataclass
class Release:
    """What to write; by default five whole threads of five events.

    Attributes:
        trees: the bytes or lines of each tree file, by thread.
        labels: the lines of ``label.txt``; ``None`` for no file. Likewise the others.
    """

    trees: dict[str, bytes | tuple[str, ...]] = field(
        default_factory=lambda: dict.fromkeys(("500", "600", "700", "800", "900"), SMALL_TREE)
    )
    labels: bytes | None = b"true:500\nfalse:600\nunverified:700\nnon-rumor:800\ntrue:900\n"
    texts: bytes | None = (
        "500\tBreaking: 🔥 URL\n600\t@bbc says 3 dead\n700\t#hoax\n800\tA b\n900\tx\n".encode()
    )
    events: bytes | None = (
        b"true\tA\t500\t9\r\nfalse\tB\t600\t9\r\nunverified\tC\t700\t9\r\n"
        b"non-rumor\tD\t800\t9\r\ntrue\tE\t900\t9\r\n"
    )

    def write(self, folder: Path) -> Path:
        (folder / "tree").mkdir(parents=True)
        for thread, tree in self.trees.items():
            data = tree if isinstance(tree, bytes) else ("\n".join(tree) + "\n").encode()
            (folder / "tree" / f"{thread}.txt").write_bytes(data)
        names = ("label.txt", "source_tweets.txt", "Twitter15_label_All.txt")
        for name, data in zip(names, (self.labels, self.texts, self.events), strict=True):
            if data is not None:
                (folder / name).write_bytes(data)
        return folder

    def read(self, folder: Path) -> tuple[list[Cascade], ReadReport]:
        report = ReadReport()
        return list(TwitterTreeReader("15").read(self.write(folder), report)), report


def row(
    thread: str, parent: object, index: object, words: str, *, parents: int = 3, length: int = 4
) -> str:
    return f"{thread}\t{parent}\t{index}\t{parents}\t{length}\t{words}"


def small_rows(thread: str) -> tuple[str, ...]:
    """Write the replies of SMALL_TREE: the source of index 2, rows and words in no order."""
    return (
        row(thread, 1, 3, "4999:1"),
        row(thread, "None", 2, "7:1 3:2"),
        row(thread, 2, 1, "0:4 12:1"),
    )


@dataclass
class RvnnRelease:
    """The RvNN form; by default the replies of the threads of :class:`Release`.

    Attributes:
        rows: the bytes or lines of the word counts.
        labels: the bytes of the label file; ``None`` for no file.
        folds: ids by fold for ``nfold``; every other id of any is in its training file.
    """

    rows: bytes | tuple[str, ...] = field(
        default_factory=lambda: sum(map(small_rows, ("500", "600", "700", "800", "900")), ())
    )
    labels: bytes | None = field(default_factory=lambda: Release().events)
    folds: tuple[tuple[str, ...], ...] = ()

    def write(self, folder: Path, *, inside: str = "resource", edition: str = "15") -> Path:
        place = folder / inside
        place.mkdir(parents=True, exist_ok=True)
        rows = self.rows
        data = rows if isinstance(rows, bytes) else ("\n".join(rows) + "\n").encode()
        (place / "data.TD_RvNN.vol_5000.txt").write_bytes(data)
        if self.labels is not None:
            (place / f"Twitter{edition}_label_All.txt").write_bytes(self.labels)
        if self.folds:
            self.write_folds(folder / "nfold", edition)
        return folder

    def write_folds(self, folder: Path, edition: str = "15") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        everything = [thread for fold in self.folds for thread in fold]
        for number, test in enumerate(self.folds):
            train = [thread for thread in everything if thread not in test]
            for part, ids in (("Test", test), ("Train", train)):
                name = f"RNN{part.lower()}Set_Twitter{edition}{number}_tree.txt"
                (folder / name).write_bytes("".join(f"{thread}\r\n" for thread in ids).encode())
        return folder

    def read(self, folder: Path) -> tuple[list[Cascade], ReadReport]:
        report = ReadReport()
        return list(TwitterRvnnReader("15").read(self.write(folder), report)), report


def words_of(cascade: Cascade) -> list[dict[int, float]]:
    """Return the word counts of each post."""
    block = cascade.features[FEATURE]
    rows = np.split(np.arange(len(block.indices)), block.indptr[1:-1])
    return [
        dict(zip(block.indices[at].tolist(), block.values[at].tolist(), strict=True))
        for at in rows
    ]
