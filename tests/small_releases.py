"""Small whole releases of every raw format, by the name of its reader."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pheme_release
import rumoureval_release
import weibo_release
from twitter_release import Release, RvnnRelease

Files = dict[str, bytes]  # by path under the release, with slashes

RAW = "{raw}"
"""In the value of an option: the folder that the release is written to."""

_START = 1_407_891_610
_CED = ("1_yAbC_11", "2_yDe_12", "3_yF_13", "4_yG_14")


@dataclass(frozen=True, slots=True)
class SmallRelease:
    """A release in memory.

    Attributes:
        files: bytes by path under the release.
        options: of the reader; ``RAW`` in a value stands for the release's folder.
    """

    files: Files
    options: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> tuple[Path, dict[str, str]]:
        """Write the files, and return the folder and the reader's options."""
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder, {key: value.replace(RAW, str(folder)) for key, value in self.options.items()}


def _written(write: Callable[[Path], object]) -> Files:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()
        }


def _twitter(edition: str) -> list[SmallRelease]:
    tree = {
        name.replace("Twitter15", f"Twitter{edition}"): data
        for name, data in _written(Release().write).items()
    }
    without_events = {name: data for name, data in tree.items() if "label_All" not in name}
    words = _written(lambda folder: RvnnRelease().write(folder, edition=edition))
    inside = {f"rvnn/{name}": data for name, data in words.items()}
    return [
        SmallRelease(tree), SmallRelease(without_events), SmallRelease(words),
        SmallRelease(without_events | inside, {"text_from": f"{RAW}/rvnn"}),
    ]


def _pheme() -> list[SmallRelease]:
    return [
        SmallRelease(pheme_release.whole(layout), {"labels": labels})
        for layout in pheme_release.LAYOUTS for labels in ("veracity", "rumor", "veracity3")
        if (layout, labels) != ("2016", "veracity3")  # no veracity there: nothing to read
    ]


def _rumoureval() -> list[SmallRelease]:
    whole = rumoureval_release.whole()
    twitter = {name: data for name, data in whole.items() if "/twitter-english/" in name}
    stance = json.loads(whole[rumoureval_release.TRAIN])["subtaskaenglish"]
    keys = {
        "traindev/rumoureval-subtaskA-train.json": _json(stance),
        "traindev/rumoureval-subtaskB-train.json": b'{"600": "unverified", "700": "true"}',
    }
    return [SmallRelease(whole), SmallRelease(twitter | keys)]


def _xapi() -> list[SmallRelease]:
    def tweet(number: int, conversation: int, **refers: int) -> dict[str, object]:
        return {
            "id": str(number), "text": f"text no{number}", "author_id": str(number % 3 + 1),
            "created_at": f"2023-01-01T00:00:{number % 60:02}.000Z",
            "conversation_id": str(conversation),
            "referenced_tweets": [{"type": how, "id": str(to)} for how, to in refers.items()],
        }

    first = [tweet(100, 100), tweet(101, 100, replied_to=100), tweet(102, 100, replied_to=101),
             tweet(103, 103, retweeted=101)]
    second = [tweet(200, 200, quoted=100), tweet(201, 200, replied_to=200)]
    user = {"id": "2", "public_metrics": {"followers_count": 9},
            "created_at": "2020-01-01T00:00:00Z"}
    pages = [
        _json({"data": first, "includes": {"users": [user]}, "meta": {"result_count": 4}}),
        _json({"data": second, "includes": {"tweets": [first[0]]}, "errors": [{}, {}]}),
    ]
    older = b"\n".join(
        pheme_release.tweet(600 + n, 10 + n, 600 if n else None) for n in range(4)
    )
    return [
        SmallRelease({"a/1.json": pages[0], "a/2.json": pages[1], "b.jsonl": older}),
        SmallRelease({"pages.jsonl.gz": gzip.compress(b"\n".join(pages), mtime=0)}),
    ]


def _jsonl() -> list[SmallRelease]:
    lines = [
        _json({
            "id": f"c{thread}", "event": f"E{thread // 2}", "label": label, "posted_at": _START,
            "posts": [
                {"id": str(post), "parent": None if post == 0 else str(post // 2),
                 "delay_seconds": 7.5 * post, "user": post, "text": f"dam {post} 🔥 #{thread}",
                 "kind": "reply" if post else "source"}
                for post in range(4 + thread)
            ],
        })
        for thread, label in enumerate(("true", "false", "unverified", "non-rumor", "true"))
    ]
    files = {"a.jsonl": b"\n".join(lines[:3]) + b"\n", "b.jsonl": b"\n".join(lines[3:])}
    return [
        SmallRelease(files), SmallRelease(files, {"labels": "true,false,unverified,non-rumor"}),
        SmallRelease({"a.ndjson.gz": gzip.compress(b"\n".join(lines), mtime=0)}),
    ]


def _weibo() -> list[SmallRelease]:
    ced: Files = {}
    for number, name in enumerate(_CED):
        folder = "rumor-repost" if number < 2 else "non-rumor-repost"
        ced[f"original-microblog/{name}.json"] = _json({
            "text": f"消息 {number}", "time": 1_347_334_462, "reposts": 3,
            "user": {"verified": False, "followers": 9, "friends": 1, "messages": 2,
                     "time": 1_312_112_304},
        })
        ced[f"{folder}/{name}.json"] = _json([
            {"kids": [], "uid": "7", "parent": parent, "text": "真的吗？", "mid": mid,
             "date": f"2012-09-11 11:35:{second}"}
            for mid, parent, second in (("m3", "m1", 31), ("m2", "", 21), ("m1", "", 11))
        ])
    words = {
        "weibotree.txt": b"10\tNone\t1\t0:1 4999:2\n10\t1\t2\t3:1\n20\tNone\t1\t7:1\n",
        "weibo_id_label.txt": b"20 1\n10 0\n",
    }
    return [SmallRelease(weibo_release.whole()), SmallRelease(ced), SmallRelease(words)]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


RELEASES: Mapping[str, list[SmallRelease]] = {
    "twitter15": _twitter("15"), "twitter16": _twitter("16"), "pheme": _pheme(),
    "rumoureval": _rumoureval(), "xapi": _xapi(), "jsonl": _jsonl(), "weibo": _weibo(),
}
