"""Reading in several processes: the same file to the byte, and no process left."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest

import pheme_release
import rumoureval_release
import weibo_release
from dgljoint import Cascade, DataError, ReadReport
from dgljoint.data.reading import Reader
from dgljoint.errors import RunFailedError
from dgljoint_data import build_store
from dgljoint_data.readers.jsonl import JsonlOptions, JsonlReader
from dgljoint_data.readers.jsonl import parts as _parts
from dgljoint_data.readers.pheme import PhemeOptions, PhemeReader
from dgljoint_data.readers.rumoureval import RumourEvalReader
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from dgljoint_data.readers.twitter.readers import TwitterTreeReader
from dgljoint_data.readers.weibo import WeiboReader
from dgljoint_data.workers import working
from twitter_release import SMALL_TREE, Release


def twitter(folder: Path) -> tuple[Reader, Path]:
    """Give more threads than go to a process at once, some of them odd."""
    names = [str(500 + number) for number in range(50)]
    trees = dict.fromkeys(names[2:], SMALL_TREE)
    trees["507"] = ("no edge", *SMALL_TREE, SMALL_TREE[1])
    labels = "".join(f"true:{name}\n" for name in names).encode()
    source = Release(trees=trees, labels=labels, events=None).write(folder)
    return TwitterTreeReader("15"), source


def pheme(folder: Path) -> tuple[Reader, Path]:
    """Give a thread that stands in two places, and a bad tweet."""
    files = pheme_release.whole()
    first = pheme_release.folder("600")
    for name, data in list(files.items()):
        if name.startswith(first):
            files[name.replace("alpha", "omega")] = data
    files[f"{first}/reactions/9.json"] = b"{"
    pheme_release.write(files, folder)
    return PhemeReader(PhemeOptions()), folder


def json_lines(folder: Path) -> tuple[Reader, Path]:
    """Give lines of which some cross a stretch's end, are no JSON, are blank, or repeat."""
    folder.mkdir()
    for name in ("a", "b"):
        lines = []
        for number in range(40):
            posts = [{"id": "s", "parent": None, "delay_seconds": 0, "text": "x" * number}]
            line = {"id": f"{name if number % 9 else 'same'}{number}", "posts": posts}
            lines.append(json.dumps(line) if number % 11 else "{" * number)
        (folder / f"{name}.jsonl").write_text("\n\n".join(lines))
    return JsonlReader(JsonlOptions()), folder


def rumoureval(folder: Path) -> tuple[Reader, Path]:
    """Give threads of two sites with stances, one of them without its source."""
    files = rumoureval_release.whole()
    files[f"{rumoureval_release.TWITTER}/source-tweet/600.json"] = b"{"
    return RumourEvalReader(), pheme_release.write(files, folder)


def weibo(folder: Path) -> tuple[Reader, Path]:
    """Give threads of which one has a bad post and one no source."""
    files = weibo_release.whole()
    files["Weibo/500.json"] = weibo_release.dump([*weibo_release.thread(5000), 7])
    files["Weibo/600.json"] = weibo_release.dump([])
    return WeiboReader(), weibo_release.write(files, folder)


def synthetic(folder: Path) -> tuple[Reader, None]:
    return SyntheticReader(SyntheticOptions(cascades=70, mean_posts=5)), None


@pytest.mark.slow
@pytest.mark.parametrize("make", [twitter, pheme, rumoureval, weibo, json_lines, synthetic])
def test_the_file_and_the_report_are_the_same_for_any_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], tuple[Reader, Path]]
) -> None:
    monkeypatch.setattr(_parts, "_PART", 100)
    reader, source = make(tmp_path / "raw")
    found = []
    for jobs in (1, 2):
        output = tmp_path / f"{jobs}.h5"
        summary = build_store(reader, reader_name="x", source=source, output=output, jobs=jobs)
        assert summary.report.quarantine or make is synthetic
        found.append((output.read_bytes(), list(summary.report.counts), summary.report))
    assert found[0] == found[1]
    assert not active_children()


def test_lines_keep_their_numbers_wherever_a_stretch_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, source = json_lines(tmp_path / "raw")
    reports = []
    for stretch in (1, 7, 100, 1 << 20):
        monkeypatch.setattr(_parts, "_PART", stretch)
        reports.append(ReadReport())
        assert len(list(reader.read(source, reports[-1]))) == 68
    assert all(report == reports[0] for report in reports)
    assert [left.line for left in reports[0].quarantine[:4]] == [23, 45, 67, 19]
    assert reports[0].threads_met == 78


class Plain:
    """Has nothing but ``read``."""

    label_names = SyntheticReader.label_names

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        return SyntheticReader(SyntheticOptions(cascades=9)).read(source, report)


def test_a_reader_that_cannot_divide_its_work_is_read_by_one_process(tmp_path: Path) -> None:
    summary = build_store(Plain(), reader_name="x", source=None, output=tmp_path / "o", jobs=2)
    assert summary.cascades == 9
    assert any("does not divide its work" in note for note in summary.report.notes)


def double(number: int) -> int:
    return 2 * number


def fail(number: int) -> int:
    raise DataError(f"no {number}", hint="none")


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def keep(number: int) -> object:
    return threading.Lock()


def test_results_come_in_order_and_few_items_are_taken_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with working(2) as spread:
        results = spread(double, items())
        assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
        assert len(taken) < 150
        assert list(results) == [2 * number for number in range(5, 1000)]
    assert not active_children()


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (fail, DataError, "no 0"),
        (die, RunFailedError, "ended from outside"),
        (keep, TypeError, "cannot pickle"),
    ],
)
def test_what_a_process_meets_reaches_the_caller_and_ends_them_all(
    function: Callable[[int], int], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised, working(2) as spread:
        list(spread(function, [0]))
    hint = getattr(raised.value, "hint", "none")
    assert hint in ("none", "--jobs 1 needs less memory")
    assert not active_children()


def test_an_interruption_does_not_wait_for_work_in_hand() -> None:
    started = time.monotonic()
    with working(2) as spread:
        assert next(spread(time.sleep, [*[0] * 16, *[600] * 99])) is None
    assert time.monotonic() - started < 300
    assert not active_children()


def test_long_questions_and_long_answers_do_not_block_one_another() -> None:
    items = ["x" * 200_000] * 200
    with working(2) as spread:
        assert list(spread(str.upper, items)) == [item.upper() for item in items]
