"""Measure what one big thread takes: peak memory of each verb by the number of its posts.

    python -m benchmarks.speed.big_threads             # 1,000 to 100,000 posts
    python -m benchmarks.speed.big_threads --posts 20000 --encoder transformer
    python -m benchmarks.speed.big_threads --posts 20000 --plugin attention --verb train predict

The data are eight threads, of which one is big. Every verb runs in a process of its own; what is
printed is the most memory that it held, the time of its processors, and its whole time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .timing import Finished, run_fresh

POSTS = (1_000, 10_000, 100_000)
VERBS = ("preprocess", "audit", "train", "predict", "links", "evaluate", "early")
_SMALL = 5
_PROGRAM = "from dgljoint_cli.main import main; main()"
_HEAD = f"{'posts':>9}  {'verb':<11}{'peak MB':>9}{'CPU s':>9}{'s':>9}"


def main() -> int:
    """Run the verbs; 1 when one of them failed."""
    arguments = _parse()
    components = [f"--encoder={arguments.encoder}"] if arguments.encoder else []
    components += [f"--plugin={name}" for name in arguments.plugin]
    _show(_HEAD)
    failed = 0
    for posts in arguments.posts:
        with tempfile.TemporaryDirectory() as folder:
            failed += _measure(posts, Path(folder), components, arguments.verb)
    return int(failed > 0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, nargs="+", default=POSTS, help="of the big thread")
    parser.add_argument("--encoder", help="of the model")
    parser.add_argument("--plugin", action="append", default=[], help="of the model; repeatable")
    parser.add_argument("--verb", nargs="+", choices=VERBS, default=VERBS, help="to print")
    return parser.parse_args()


def _measure(posts: int, folder: Path, components: Sequence[str], verbs: Sequence[str]) -> int:
    """Run each verb, the ones before it too; return how many failed."""
    raw, data, run = folder / "big.jsonl", str(folder / "big.h5"), str(folder / "run")
    _write(raw, posts)
    # Fold 0 has the big thread in the training set. No set of the run that is scored has it:
    # evaluate and predict read it from a file of its own names.
    other_raw, other = folder / "other.jsonl", str(folder / "other.h5")
    _write(other_raw, posts, name="other")
    commands = {
        "preprocess": ["preprocess", "jsonl", str(raw), "-o", data],
        "audit": ["audit", data],
        "train": ["train", data, "--epochs", "1", "--out", run, *components],
        "predict": ["predict", run, data],
        "links": ["predict", run, data, "--links", "3", "--format", "json"],
        "evaluate": ["evaluate", run, "--on", other],
        "early": ["evaluate", run, "--on", other, "--deadlines", "1h,all"],
    }
    _run(["preprocess", "jsonl", str(other_raw), "-o", other])
    failed = 0
    for verb in VERBS:
        if verb not in verbs and verb not in ("preprocess", "train"):
            continue
        done = _run(commands[verb])
        ended = "" if done.code == 0 else f"  ended with {done.code}"
        failed += done.code not in (0, 3)  # an audit that finds something ends with 3
        if verb in verbs:
            _show(
                f"{posts:9,}  {verb:<11}{done.peak_megabytes:9,.0f}{done.cpu_seconds:9.1f}"
                f"{done.seconds:9.1f}{ended}"
            )
    return failed


def _run(arguments: Sequence[str]) -> Finished:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return run_fresh(command, check=False, quiet=True)


def _write(file: Path, posts: int, name: str = "c") -> None:
    """Write eight threads of four events and two classes, the first of many posts."""
    with file.open("w", encoding="utf-8") as lines:
        for number in range(8):
            count = posts if number == 0 else _SMALL
            thread = {
                "id": f"{name}{number}", "event": f"{name}{number // 2}", "label": "ab"[number % 2],
                "posts": [_post(number, place) for place in range(count)],
            }
            lines.write(json.dumps(thread) + "\n")


def _post(thread: int, place: int) -> dict[str, object]:
    """Return a post: two of three answer the source, the third the post of half its number."""
    parent = None if place == 0 else 0 if place % 3 else place // 2
    return {
        "id": f"p{place}", "parent": None if parent is None else f"p{parent}",
        "delay_seconds": place * 0.5, "text": f"word{thread} only{thread}",
    }


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
