"""A small Twitter15 release of our own, in the published format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dgljoint.cascade import Cascade
from dgljoint.reading import ReadReport
from dgljoint_data.twitter import TwitterTreeReader

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
