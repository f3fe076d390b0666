"""The RumourEval reader on a small release of our own, whole and damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dgljoint import Cascade, DataError, Kind, ReadReport
from dgljoint.config.options import NoOptions
from dgljoint.data.store import CascadeStore
from dgljoint.testing import check_reader
from dgljoint_data import build_store
from dgljoint_data.readers.pheme import dgljoint_readers as pheme_readers
from dgljoint_data.readers.rumoureval import RumourEvalReader, dgljoint_readers
from pheme_release import Files, balance, tweet, write
from rumoureval_release import DEV, REDDIT, ROOT, TRAIN, TWITTER, comment, key, submission, whole


def read(files: Files, target: Path) -> tuple[dict[str, Cascade], ReadReport]:
    """Read the release and check what holds for every one: sound cascades, nothing lost."""
    report = ReadReport()
    cascades = list(RumourEvalReader().read(write(files, target), report))
    for cascade in cascades:
        cascade.check()
    balance(cascades, report)
    return {cascade.id: cascade for cascade in cascades}, report


def repairs(report: ReadReport) -> dict[str, int]:
    return {reason: tally.count for reason, tally in report.repairs.items()}


UNDATED = "post without a date (given its parent's time)"
WITHOUT = {"post without a text": 1, "post without a user (0 is stored)": 2, UNDATED: 1}


def test_threads_of_both_sites_have_veracity_and_stance(tmp_path: Path) -> None:
    found, report = read(whole(), tmp_path)
    assert list(found) == ["8d6h5t", "600", "700"]
    assert [cascade.label for cascade in found.values()] == ["unverified", "true", "false"]
    assert [cascade.event for cascade in found.values()] == ["", "storm", "storm"]
    reddit = found["8d6h5t"]
    assert reddit.posted_at == 1_524_065_197
    assert list(reddit.post_id) == ["8d6h5t", "aa1", "aa2", "aa3"]
    assert reddit.parent.tolist() == [-1, 0, 1, 1]
    # The folded comment has its parent's time.
    assert reddit.delay_seconds.tolist() == [0, 60, 60, 90]
    assert list(reddit.text) == ["Is it true?", "words of aa1", "", "words of aa3"]
    assert reddit.kind.tolist() == [Kind.SOURCE, *[Kind.REPLY] * 3]
    assert reddit.user[0] == reddit.user[1] > 0
    assert reddit.user[2] == reddit.user[3] == 0
    assert reddit.targets == {"stance": ["query", "comment", "comment", "support"]}
    assert found["600"].targets == {"stance": ["support", "deny", "comment"]}
    assert repairs(report) == WITHOUT
    assert (report.refusals, report.notes) == ({}, [])
    assert report.counts["threads_of_reddit"] == 1
    assert report.counts["posts_with_stance"] == 10
    assert report.counts["threads_with_veracity"] == 3


def test_the_keys_of_2017_are_read(tmp_path: Path) -> None:
    files = whole()
    stance = json.loads(files.pop(TRAIN))["subtaskaenglish"]
    del files[DEV]
    files[f"{ROOT}/traindev/rumoureval-subtaskA-train.json"] = json.dumps(stance).encode()
    files[f"{ROOT}/traindev/rumoureval-subtaskB-train.json"] = b'{"600": "unverified"}'
    found, report = read(files, tmp_path)
    assert [cascade.label for cascade in found.values()] == [None, "unverified", None]
    assert found["600"].targets == {"stance": ["support", "deny", "comment"]}
    assert found["700"].targets == {}
    assert report.notes == []


def test_labels_of_keys_are_read_in_any_case(tmp_path: Path) -> None:
    given, _ = read(whole(), tmp_path / "given")
    upper = {
        name: data.replace(b'"true"', b'"True"').replace(b'"deny"', b'"DENY"')
        if "-key" in name else data for name, data in whole().items()
    }
    assert upper != whole()
    found, report = read(upper, tmp_path / "upper")
    assert "label of a key that is unknown" not in report.repairs
    for name, cascade in given.items():
        assert (found[name].label, found[name].targets) == (cascade.label, cascade.targets)


def test_without_keys_threads_are_read_and_a_note_says_so(tmp_path: Path) -> None:
    files = {name: data for name, data in whole().items() if "-key" not in name}
    found, report = read(files, tmp_path)
    assert {cascade.label for cascade in found.values()} == {None}
    [note] = report.notes
    assert "no key file was found" in note


@pytest.mark.parametrize(
    ("change", "reason", "number"),
    [
        (
            {DEV: key({"700": "support", "701": "maybe", "702": "comment"}, {"700": "false"})},
            "label of a key that is unknown", 1,
        ),
        (
            {DEV: key({"600": "deny", "700": "support"}, {"600": "false"})},
            "several labels in the keys (the first is kept)", 2,
        ),
        (
            {f"{TWITTER}/replies/603.json": tweet(603, 50, 5)},
            "post whose parent is not in the thread (attached to the nearest above that is)", 1,
        ),
        ({f"{ROOT}/other.json": b"{"}, "JSON file that cannot be read", 1),
        ({f"{REDDIT}/replies/x.json": b'{"kind": "t5", "data": {}}'},
         "tweet that cannot be read", 1),
        ({f"{REDDIT}/replies/x.json": comment("A B", "t3_8d6h5t", 3)},
         "tweet that cannot be read", 1),
        ({f"{REDDIT}/replies/x.json": comment("aa9", "t1_aa1", 3, created_utc="soon")},
         "tweet that cannot be read", 1),
    ],
)
def test_an_oddity_is_repaired_and_counted(
    tmp_path: Path, change: Files, reason: str, number: int
) -> None:
    found, report = read(whole() | change, tmp_path)
    assert list(found) == ["8d6h5t", "600", "700"]
    assert repairs(report)[reason] == number


def test_a_post_below_one_that_is_missing_goes_to_the_nearest_above(tmp_path: Path) -> None:
    files = whole() | {
        f"{TWITTER}/replies/604.json": tweet(604, 60, 603),
        f"{TWITTER}/structure.json": b'{"600": {"601": {"602": [], "603": {"604": []}}}}',
    }
    found, _ = read(files, tmp_path)
    posts = list(found["600"].post_id)
    assert posts[found["600"].parent[posts.index("604")]] == "601"


def test_labels_that_no_thread_holds_and_files_that_are_no_key_are_noted(tmp_path: Path) -> None:
    change = {DEV: key({"5": "deny"}, {"4": "true"}), f"{ROOT}/x.json": b'{"a": 1}'}
    _, report = read(whole() | change, tmp_path)
    assert report.notes == [
        f"not read, being no key: 1 JSON file ({ROOT}/x.json)",
        "posts with a label in the keys, but in no thread read: 1",
        "threads with a label in the keys, but in no thread read: 1",
    ]


def test_a_source_without_a_date_is_refused_and_the_texts_of_submissions_joined(
    tmp_path: Path,
) -> None:
    source = f"{REDDIT}/source-tweet/8d6h5t.json"
    found, _ = read(whole() | {source: submission(selftext="More.")}, tmp_path / "a")
    assert found["8d6h5t"].text[0] == "Is it true?\n\nMore."
    found, report = read(whole() | {source: submission(created_utc=None)}, tmp_path / "b")
    assert list(found) == ["600", "700"]
    assert list(report.refusals) == ["thread whose source has no date"]


def test_a_build_stores_the_stance_and_follows_the_keys(tmp_path: Path) -> None:
    source = write(whole(), tmp_path / "raw")

    def build() -> str:
        summary = build_store(
            RumourEvalReader(), reader_name="rumoureval", source=source,
            output=tmp_path / "out.h5",
        )
        assert str(summary.targets["stance"]).startswith("per post: 4 comment, ")
        return summary.raw_digest

    digest = build()
    stance = CascadeStore(tmp_path / "out.h5").targets["stance"]
    assert (stance.per, stance.names) == ("post", ("comment", "deny", "query", "support"))
    assert (stance.values >= 0).all()
    write({DEV: key({"700": "deny", "702": "comment"}, {"700": "true"})}, source)
    assert build() != digest


def test_the_reader_keeps_the_contract_and_each_release_has_one_reader(tmp_path: Path) -> None:
    [spec] = dgljoint_readers()
    assert (spec.name, spec.options) == ("rumoureval", NoOptions)
    check_reader(spec, write(whole(), tmp_path / "a"))
    keyless = {name: data for name, data in whole().items() if "-key" not in name}
    write(keyless, tmp_path / "b")
    for folder, expected in (("a", [False, True]), ("b", [True, False])):
        specs = (*pheme_readers(), spec)
        assert [one.recognises(tmp_path / folder) for one in specs if one.recognises] == expected


def test_a_folder_without_threads_is_answered_with_the_layouts(tmp_path: Path) -> None:
    write({"train-key.json": whole()[TRAIN]}, tmp_path)
    with pytest.raises(DataError, match="holds no thread") as caught:
        list(RumourEvalReader().read(tmp_path, ReadReport()))
    assert "EVENT/ID" in (caught.value.hint or "")


def test_an_author_that_is_no_text_is_nobody(tmp_path: Path) -> None:
    files = whole() | {f"{REDDIT}/source-tweet/8d6h5t.json": submission(author=[])}
    found, _ = read(files, tmp_path)
    assert found["8d6h5t"].user[0] == 0
