"""A build from raw files to a file that opens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgljoint import Cascade, DataError, ReadReport
from dgljoint.data.reading import Reader
from dgljoint.data.store import CascadeStore
from dgljoint.errors import PluginError, RunFailedError, UsageError
from dgljoint_data import BuildSummary, build_store
from dgljoint_data.build import Repeated, StrictError
from dgljoint_data.describe import describe_store
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from dgljoint_data.readers.twitter.readers import TwitterTreeReader
from dgljoint_data.workers import Watch
from toys import toy_cascade
from twitter_release import SMALL_TREE, Release


def build(source: Path, output: Path, seed: int = 0) -> BuildSummary:
    return build_store(
        TwitterTreeReader("15"), reader_name="twitter15", source=source, output=output, seed=seed
    )


class Watched(Watch):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def begin(self, parts: int | None) -> None:
        self.seen.append(f"{parts} parts")

    def part(self) -> None:
        self.seen.append("part")

    def cascade(self, posts: int) -> None:
        self.seen.append(f"cascade of {posts}")

    def finish(self) -> None:
        self.seen.append("end")


def test_a_build_is_stored_and_summed_up(tmp_path: Path) -> None:
    source = Release(trees={**Release().trees, "501": SMALL_TREE}).write(tmp_path / "raw")
    watch = Watched()
    summary = build_store(
        TwitterTreeReader("15"), reader_name="twitter15", source=source,
        output=tmp_path / "out.h5", name="mine", watch=watch,
    )
    store = CascadeStore(summary.path)
    assert (len(store), store.posts, store.name) == (5, 20, "mine") == (
        summary.cascades, summary.posts, summary.name
    )
    assert store.attributes["reader"] == "twitter15"
    assert store.attributes["raw_digest"] == summary.raw_digest
    assert store.attributes["counts"]["edge_lines"] == 20
    assert (watch.seen[0], watch.seen[-1]) == ("5 parts", "end")
    assert sorted(watch.seen[1:-1]) == [*["cascade of 4"] * 5, *["part"] * 5]
    assert summary.labels == {"false": 1, "true": 2, "unverified": 1, "non-rumor": 1}
    assert (summary.edges, summary.events) == (15, 5)
    assert summary.splits == {"event": 5, "random": 5, "leave-one-event-out": 5}
    assert "no date" in summary.splits_refused["time"]
    assert store.splits_refused == summary.splits_refused
    with pytest.raises(UsageError, match=r"no split 'time': 5 of 5 cascades have no date"):
        store.split("time")
    assert summary.digest == store.digest
    assert summary.size_bytes == summary.path.stat().st_size
    assert store.features == {
        "bow": "sparse", "time": "derived", "structure": "derived", "shape": "derived"
    }
    assert summary.features == describe_store(store).features
    assert store.sparse("bow").vocabulary.all()[:2] == ["breaking", "url"]
    assert store.split("event").grouped_by == "event"
    assert all(len(store.split(name).digest) == 32 for name in store.splits)
    plain = json.loads(json.dumps(summary.to_dict()))
    assert plain["report"]["refusals"]["tree without a label"]["count"] == 1
    assert plain["path"] == str(tmp_path / "out.h5")


def test_a_second_build_is_the_same_to_the_byte(tmp_path: Path) -> None:
    source = Release().write(tmp_path / "raw")
    first, second = build(source, tmp_path / "a.h5"), build(source, tmp_path / "b.h5")
    assert first.digest == second.digest
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_the_raw_digest_follows_every_byte_of_the_source(tmp_path: Path) -> None:
    one = build(Release().write(tmp_path / "one"), tmp_path / "one.h5")
    texts = (Release().texts or b"").replace(b"Breaking", b"breaking")
    two = build(Release(texts=texts).write(tmp_path / "two"), tmp_path / "two.h5")
    assert one.raw_digest != two.raw_digest
    (tmp_path / "one" / "notes.txt").write_text("not of the release")
    assert build(tmp_path / "one", tmp_path / "one.h5").raw_digest == one.raw_digest


class PlainReader:
    """Reads nothing of its source; does not say what its input is."""

    label_names = SyntheticReader.label_names

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        yield from SyntheticReader(SyntheticOptions(cascades=9)).read(source, report)


def test_for_other_readers_every_file_of_the_source_counts(tmp_path: Path) -> None:
    def raw_digest(source: Path | None) -> str:
        return build_store(PlainReader(), reader_name="plain", source=source,
                           output=tmp_path / "out.h5").raw_digest

    folder = tmp_path / "raw"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("one")
    digests = [raw_digest(None), raw_digest(folder), raw_digest(folder / "deep" / "file")]
    (folder / "deep" / "file").write_text("two")
    digests += [raw_digest(folder), raw_digest(folder / "deep" / "file")]
    assert len(set(digests)) == 5


def test_a_failed_build_leaves_the_old_file(tmp_path: Path) -> None:
    output = tmp_path / "out.h5"
    digest = build(Release().write(tmp_path / "raw"), output).digest
    nothing = Release(labels=b"true:999\n").write(tmp_path / "few")
    with pytest.raises(DataError, match="holds no readable thread"):
        build(nothing, output)
    assert CascadeStore(output).digest == digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "out.h5", "raw"]


class LosingReader:
    """Counts more posts than it yields, or yields an id twice, or nothing."""

    label_names = ("a",)

    def __init__(self, cascades: int, ids: str, counted: int) -> None:
        self._cascades, self._ids, self._counted = cascades, ids, counted

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        report.count("distinct_posts", self._counted)
        made = SyntheticReader(SyntheticOptions(cascades=1)).read(None, ReadReport())
        [model] = made
        for number in range(self._cascades):
            yield Cascade(
                id=self._ids[number], event="", label=None, posted_at=0, post_id=model.post_id,
                parent=model.parent, user=model.user, delay_seconds=model.delay_seconds,
                kind=model.kind, text=model.text,
            )


class MiscountingReader(PlainReader):
    """Counts a thread that it neither yields nor refuses."""

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        report.count("threads_met", 11)
        report.refuse("torn", "thread 10")
        yield from super().read(source, report)


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (LosingReader(3, "abc", 999_999), "reader 'x' lost count: 999,999 posts met, but"),
        (MiscountingReader(), "11 threads met, but 9 stored and 1 left out"),
    ],
)
def test_a_reader_that_loses_posts_or_threads_silently_is_broken(
    tmp_path: Path, reader: Reader, message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        build_store(reader, reader_name="x", source=None, output=tmp_path / "out.h5")
    assert not list(tmp_path.iterdir())


def test_a_strict_build_stores_nothing_and_still_sums_up(tmp_path: Path) -> None:
    source = Release(trees={**Release().trees, "501": SMALL_TREE}).write(tmp_path / "raw")
    with pytest.raises(StrictError, match=r"1 refusals, so .*tree/501\.txt") as raised:
        build_store(TwitterTreeReader("15"), reader_name="twitter15", source=source,
                    output=tmp_path / "out.h5", strict=True)
    assert raised.value.summary.report.quarantine[0].file == "tree/501.txt"
    assert (raised.value.summary.digest, raised.value.summary.posts) == ("", 20)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


class ShapedReader:
    """Yields a star, a chain of three, and lone sources; two with the same words."""

    label_names = ("true",)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        texts = ("The dam broke", "the DAM broke @you http://x.y", "", "one", "another")
        for number, parent in enumerate(([-1, 0, 0, 0], [-1, 0, 1], [-1], [-1], [-1])):
            yield toy_cascade(f"c{number}", parent, text=texts[number])


def test_shapes_and_repeated_texts_are_summed_up(tmp_path: Path) -> None:
    summary = build_store(ShapedReader(), reader_name="x", source=None,
                          output=tmp_path / "out.h5")
    assert summary.shape["posts"] == {"min": 1, "median": 1, "mean": 2, "max": 4}
    assert summary.shape["depth"] == {"min": 0, "median": 0, "mean": 0.6, "max": 2}
    assert summary.shape["hours"]["max"] == 0.05
    assert summary.shape["median_hours"]["max"] == 0.017
    assert summary.equal_texts == summary.similar_texts == Repeated(1, 2)
    assert summary.posts_with_text == 9


def test_what_another_data_set_holds_as_well_is_counted_before_anything_is_stored(
    tmp_path: Path
) -> None:
    source = Release().write(tmp_path / "raw")
    build(source, tmp_path / "one.h5")
    summary = build_store(
        TwitterTreeReader("15"), reader_name="twitter15", source=source,
        output=tmp_path / "two.h5", against=[CascadeStore(tmp_path / "one.h5")],
    )
    threads, texts = summary.shared[0].findings
    assert threads.figure == "5 of 5"
    assert texts.figure == "3 of 5"  # the other two have no word
    assert summary.to_dict()["shared"][0]["findings"][0]["severity"] == "warning"


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (LosingReader(2, "aa", 0), "cascade a was read twice"),
        (LosingReader(0, "", 0), "no cascade could be read"),
    ],
)
def test_a_reader_that_repeats_or_has_nothing_is_an_error(
    tmp_path: Path, reader: LosingReader, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        build_store(reader, reader_name="x", source=None, output=tmp_path / "out.h5")


def test_an_impossible_output_is_named(tmp_path: Path) -> None:
    source = Release().write(tmp_path / "raw")
    with pytest.raises(RunFailedError, match="its folder does not exist"):
        build(source, tmp_path / "nowhere" / "out.h5")
    with pytest.raises(RunFailedError, match="it is a folder"):
        build(source, tmp_path / "raw")
