"""Small releases of every raw format to damage: made here, or cut out of real ones.

A release of a new format is one entry in ``OWN``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product, zip_longest
from pathlib import Path

from dgljoint_bench.damage import RAW, Release

Files = dict[str, bytes]

_THREADS_TAKEN = 6
_LINES_TAKEN = 6
_MOST_BYTES = 200_000
_WORDS = ("flood", "siege", "hoax", "plane", "storm", "vote", "fire", "match")
_START = 1_407_891_610
_CLASSES = ("true", "false", "unverified", "non-rumor", "true")
_ID = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class _Post:
    id: int
    parent: int | None
    seconds: int
    text: str

    @property
    def user(self) -> int:
        return self.id % 7 + 1


def _threads() -> Iterator[tuple[int, str, list[_Post]]]:
    """Make five threads of four to eight posts: the id, the class, the posts in time order."""
    for number, name in enumerate(_CLASSES):
        first = 50_000_000_000 + number * 100
        topic = " ".join(_WORDS[number : number + 3])
        posts = [_Post(first, None, 0, f"{topic} 🔥 said @bbc: {number + 3} dead http://t.co/x")]
        for place in range(1, 4 + number):
            parent = first if place % 3 else first + place - 1
            posts.append(_Post(first + place, parent, 31 * place, f"no, {topic} {place}!"))
        yield first, name, posts


def _twitter(edition: str) -> list[Release]:
    labels, texts, events, files = [], [], [], {}
    for thread, label, posts in _threads():
        labels.append(f"{label}:{thread}")
        texts.append(f"{thread}\t{posts[0].text}")
        events.append(f"{label}\tE{thread % 300}\t{thread}\t{len(posts)}\r")
        token = {
            post.id: f"['{post.user}', '{post.id}', '{post.seconds / 60:.2f}']" for post in posts
        }
        token[0] = "['ROOT', 'ROOT', '0.0']"
        lines = [f"{token[post.parent or 0]}->{token[post.id]}" for post in posts]
        files[f"tree/{thread}.txt"] = _text(lines)
    files |= {"label.txt": _text(labels), "source_tweets.txt": _text(texts)}
    named = {f"Twitter{edition}_label_All.txt": _text(events)}
    words = named | {"data.TD_RvNN.vol_5000.txt": _text([*_rvnn_rows()])}
    inside = {f"rvnn/resource/{name}": data for name, data in words.items()}
    return [
        Release(files | named), Release(files), Release(words),
        Release(files | inside, {"text_from": f"{RAW}/rvnn"}),
    ]


def _rvnn_rows() -> Iterator[str]:
    for thread, _, posts in _threads():
        index = {post.id: place + 2 for place, post in enumerate(posts)}
        parents = len({post.parent for post in posts})
        for post in posts:
            above = "None" if post.parent is None else index[post.parent]
            words = " ".join(f"{post.id % 97 + word}:{word % 3 + 1}" for word in range(4))
            yield f"{thread}\t{above}\t{index[post.id]}\t{parents}\t9\t{words}"


def _pheme() -> list[Release]:
    layouts: Mapping[str, Callable[[], Files]] = {
        "2018": lambda: _pheme_files("raw/{}-all-rnr-threads/{}/", "source-tweets", "reactions"),
        "2016": lambda: _pheme_files("{}/{}/", "source-tweet", "reactions"),
        "RumourEval": lambda: _pheme_files("data/{}/", "source-tweet", "replies"),
    }
    return [
        Release(make(), {"labels": labels})
        for labels, make in product(("veracity", "rumor", "veracity3"), layouts.values())
        if (labels, make) != ("veracity3", layouts["2016"])  # without veracity: nothing to read
    ]


def _pheme_files(base: str, source: str, replies: str) -> Files:
    marks = {"true": (0, "1"), "false": ("1", 0), "unverified": (0, 0)}
    files: Files = {}
    for number, (thread, label, posts) in enumerate(_threads()):
        kind = "non-rumours" if label == "non-rumor" else "rumours"
        folder = base.format(f"event{number % 4}", kind) + str(thread)
        below: dict[int, dict[str, object]] = {0: {}}
        for post in posts:
            below[post.id] = {}
            below[post.parent or 0][str(post.id)] = below[post.id]
            place = replies if post.parent else source
            files[f"{folder}/{place}/{post.id}.json"] = _json({
                "id": post.id, "id_str": str(post.id), "text": post.text,
                "created_at": f"Wed Aug 13 01:{post.seconds // 60:02}:{post.seconds % 60:02} "
                              "+0000 2014",
                "in_reply_to_status_id": post.parent,
                "user": {"id": post.user, "followers_count": 12, "statuses_count": 4,
                         "verified": False, "created_at": "Mon Nov 22 23:57:55 +0000 2010"},
            })
        if "raw" in base or "data" in base:
            files[f"{folder}/structure.json"] = _json(below[0]).replace(b"{}", b"[]")
        if "raw" in base:
            false, true = marks.get(label, (None, None))
            said = {"is_rumour": "nonrumour" if false is None else "rumour"}
            more = {} if false is None else {"misinformation": false, "true": true}
            files[f"{folder}/annotation.json"] = _json(said | more)
    return files


def _jsonl() -> list[Release]:
    lines = [
        _json({
            "id": f"c{thread}", "event": f"E{thread % 300}", "label": label, "posted_at": _START,
            "posts": [
                {"id": str(post.id), "parent": post.parent and str(post.parent),
                 "delay_seconds": post.seconds, "user": post.user, "text": post.text,
                 "kind": "reply" if post.parent else "source"}
                for post in posts
            ],
        })
        for thread, label, posts in _threads()
    ]
    files = {"a.jsonl": b"\n".join(lines[:3]) + b"\n", "b.jsonl": b"\n".join(lines[3:])}
    return [Release(files), Release(files, {"labels": "true,false,unverified,non-rumor"})]


def _weibo() -> list[Release]:
    lines, files = [], {}
    for thread, label, posts in _threads():
        ids = " ".join(str(post.id) for post in posts)
        lines.append(f"eid:{thread}\tlabel:{int(label == 'false')}\t{ids} ")
        files[f"Weibo/{thread}.json"] = _json([
            {"mid": str(post.id), "id": str(post.id), "uid": post.user,
             "parent": post.parent and str(post.parent), "t": _START + post.seconds,
             "text": post.text if post.id % 3 else "转发微博", "original_text": post.text,
             "followers_count": 12, "statuses_count": 4, "verified": False,
             "user_created_at": "Mon Nov 22 23:57:55 +0800 2010"}
            for post in posts
        ])
    return [Release(files | {"Weibo.txt": _text(lines)})]


def _text(lines: list[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


OWN: Mapping[str, Callable[[], list[Release]]] = {
    "twitter15": lambda: _twitter("15"),
    "twitter16": lambda: _twitter("16"),
    "pheme": _pheme,
    "jsonl": _jsonl,
    "weibo": _weibo,
}


def own_releases(reader: str) -> list[Release]:
    """Make small releases of the format of a reader."""
    return OWN[reader]()


def cut_release(reader: str, folder: Path) -> list[Release]:
    """Cut a handful of threads out of a real release.

    A thread's files are those below a folder, or of a name, that is a number; of the files that
    several threads share the lines are kept that name one of the threads taken.

    Args:
        reader: its name, for the options.
        folder: the release, or above it.
    """
    threads, shared = defaultdict[tuple[Path, str], list[Path]](list), []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = path.relative_to(folder).with_suffix("").parts
        place = next((n for n, part in enumerate(parts) if _ID.fullmatch(part)), None)
        if place is None:
            shared.append(path)
        else:
            threads[Path(*parts[:place]), parts[place]].append(path)
    taken = _some_of_each(threads)
    files = {path for thread in taken for path in threads[thread]}
    content = {path: path.read_bytes() for path in sorted(files)}
    names = {name.encode() for _, name in taken}
    for path in shared:
        with path.open("rb") as file:
            chosen = [line for line in file if not names or names & set(re.findall(rb"\d+", line))]
        if chosen:
            content[path] = b"".join(chosen[:_LINES_TAKEN])[:_MOST_BYTES]
    cut = {str(path.relative_to(folder)): data for path, data in content.items()}
    # An option that names a part of our own release means nothing for this one.
    options = {
        tuple(release.options.items()) for release in own_releases(reader)
        if not any(RAW in value for value in release.options.values())
    }
    return [Release(cut, dict(chosen)) for chosen in sorted(options)]


def _some_of_each(threads: Mapping[tuple[Path, str], list[Path]]) -> list[tuple[Path, str]]:
    """Choose threads of as many folders as there are, small ones but not the smallest."""
    by_folder = defaultdict[Path, list[tuple[Path, str]]](list)
    for thread in threads:
        by_folder[thread[0]].append(thread)
    sizes = {
        thread: sum(path.stat().st_size for path in paths) for thread, paths in threads.items()
    }
    for found in by_folder.values():
        found.sort(key=sizes.__getitem__)
        del found[: len(found) // 4]
    turns = zip_longest(*by_folder.values())
    return [thread for turn in turns for thread in turn if thread][:_THREADS_TAKEN]
