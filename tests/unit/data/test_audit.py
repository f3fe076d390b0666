"""The audit finds what was planted, and nothing where nothing was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgljoint.batch import assemble
from dgljoint.data.cascade import Cascade, RowBlock, SparseBlock
from dgljoint.data.store import CascadeStore, create_store
from dgljoint_data import build_store
from dgljoint_data.audit import audit_store
from dgljoint_data.audit.columns import (
    class_balance,
    hidden_edges,
    stored_features,
    time_order,
)
from dgljoint_data.audit.outcome import Finding, Severity
from dgljoint_data.audit.overlap import Sources, across_folds, in_store
from dgljoint_data.audit.probes import cascade_shapes, out_of_fold_accuracy, probes
from dgljoint_data.features.user import Profile, profile_rows
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from toys import LABELS, random_cascade, toy_cascade, toy_store


def write(
    path: Path, cascades: Sequence[Cascade], fold: Sequence[int], feature: str = "extra",
    rows: Sequence[np.ndarray] | None = None,
) -> CascadeStore:
    """Write cascades with one split ``mine`` and one dense feature."""
    with create_store(
        path, name=path.stem, reader="x", label_names=LABELS, raw_digest="x"
    ) as writer:
        for number, cascade in enumerate(cascades):
            row = np.ones((len(cascade), 1), np.float32) if rows is None else rows[number]
            writer.add(cascade, {feature: row})
        writer.set_split("mine", np.array(fold), grouped_by="")
    return CascadeStore(path)


def told(name: str, text: str, **changes: object) -> Cascade:
    cascade = toy_cascade(name, [-1, 0, 0])
    return replace(cascade, text=[text, "", ""], **changes)  # type: ignore[arg-type]


def by_check(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def test_what_two_folds_share_is_counted(tmp_path: Path) -> None:
    cascades = [
        told("a", "one boy found alive", event="A"),
        told("b", "something else", event="A"),
        told("c", "One boy: found alive http://t.co/x", event="C"),
        told("d", "one boy found alive", event="D", post_id=["a.0", "d.1", "d.2"]),
        told("e", "one boy found alive", event="E"),
        told("f", "left out", event="A"),
    ]
    store = write(tmp_path / "a.h5", cascades, [0, 1, 1, 1, 0, -1])
    found = by_check(across_folds(store, store.split("mine")))
    assert found["events across folds"].values == {"groups": 1, "cascades": 2, "of": 5}
    assert found["source posts across folds"].values["cascades"] == 2
    assert found["near-duplicate texts across folds"].values["cascades"] == 4
    assert {finding.severity for finding in found.values()} == {Severity.warning}

    apart = [cascades[1], told("f", "left out", event="F"), told("g", "third", event="G")]
    store = write(tmp_path / "b.h5", apart, [0, 1, 2])
    found = by_check(across_folds(store, store.split("mine")))
    assert {finding.severity for finding in found.values()} == {Severity.ok}


def test_what_two_stores_share_is_counted(tmp_path: Path) -> None:
    one = write(tmp_path / "one.h5", [told("a", "first words"), told("b", "b"), told("c", "c")],
                [0, 1, 2])
    other = write(
        tmp_path / "other.h5",
        [told("c", "C!"), told("x", "words FIRST"), told("b", "b", label="false"),
         told("a", "a thread of another file that has the name of one here")], [0, 1, 2, 0],
    )
    threads, texts = in_store(Sources.of(one), other)
    assert threads.values == {"shared": 2, "cascades": 3, "labelled_differently": 1}
    assert texts.values["shared"] == 1
    assert threads.severity is texts.severity is Severity.warning


def dated(count: int, giving_away: bool) -> list[Cascade]:
    """Draw cascades of two classes, numbered and dated by class or not."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(count):
        side = int(rng.integers(2))
        date = int(rng.integers(1000)) + (5000 * side if giving_away else 0)
        # Words of the event alone, which is of one class.
        event = side + 2 * int(rng.integers(10))
        words = " ".join(rng.choice([f"e{event}w{n}" for n in range(6)], 4))
        cascade = random_cascade(str(10**6 + date * 1000 + number), rng, int(rng.integers(3, 9)))
        text = [f"{words} n{number}", *[""] * (len(cascade) - 1)]
        made.append(
            replace(cascade, label=LABELS[side], posted_at=1 + date, event=f"{event}", text=text)
        )
    return made


@pytest.mark.slow
@pytest.mark.parametrize("giving_away", [True, False])
def test_probes_see_a_date_and_an_id_that_give_the_class_away(
    tmp_path: Path, giving_away: bool
) -> None:
    store = write(tmp_path / "a.h5", dated(200, giving_away), [n % 4 for n in range(200)])
    found = by_check(probes(store, store.split("mine")))
    for check in ("date probe", "id probe"):
        assert found[check].severity is (Severity.warning if giving_away else Severity.ok)
        assert (found[check].values["accuracy"] > 0.95) == giving_away
    ordered = time_order(store)
    assert ordered.severity is (Severity.warning if giving_away else Severity.ok)
    assert ordered.values["classes_missing_late"] == giving_away


@pytest.mark.slow
@pytest.mark.parametrize("giving_away", [True, False])
def test_a_feature_that_one_class_has_is_found(tmp_path: Path, giving_away: bool) -> None:
    rng = np.random.default_rng(0)
    cascades = [told(f"{n}", f"w{n}", label=LABELS[n % 2]) for n in range(200)]
    known = [n % 2 if giving_away else int(rng.integers(2)) for n in range(200)]
    rows = [np.full((3, 2), there * (1 + rng.random()), np.float32) for there in known]
    store = write(tmp_path / "a.h5", cascades, [n // 2 % 4 for n in range(200)], rows=rows)
    found = by_check(probes(store, store.split("mine")))["presence probe"]
    assert found.severity is (Severity.warning if giving_away else Severity.ok)
    assert (found.values["accuracy"] == 1) == giving_away
    assert ("leave that feature out" in found.explanation) == giving_away


@pytest.mark.slow
def test_recognising_events_by_their_words_is_told_from_learning(tmp_path: Path) -> None:
    cascades = dated(200, False)
    store = write(tmp_path / "a.h5", cascades, [n % 4 for n in range(200)])
    text = by_check(probes(store, store.split("mine")))["source-text probe"]
    assert text.severity is Severity.warning
    assert text.values["accuracy"] > 0.9 > 0.7 > text.values["events_apart"]

    folds = [int(cascade.event) // 2 % 4 for cascade in cascades]
    apart = write(tmp_path / "b.h5", cascades, folds)
    text = by_check(probes(apart, apart.split("mine")))["source-text probe"]
    assert (text.severity, "events_apart" in text.values) == (Severity.info, False)


def test_probes_that_cannot_be_asked_say_why(tmp_path: Path) -> None:
    store = write(
        tmp_path / "a.h5", [told(f"n{n}", "", label=LABELS[n % 2]) for n in range(8)],
        [n // 2 for n in range(8)],
    )
    found = by_check(probes(store, store.split("mine")))
    assert found["presence probe"].severity is Severity.ok
    for check in ("date probe", "id probe", "source-text probe"):
        assert found[check].severity is Severity.skipped
        assert "not asked" in found[check].explanation
    assert time_order(store).severity is Severity.skipped


def named(count: int, **changes: object) -> list[Cascade]:
    """Draw cascades that call all their sources ``p0``."""
    return [
        replace(told(f"c{n}", f"words{n} of{n} its{n} own{n}"), post_id=["p0", "p1", "p2"],
                user=np.array([n % 2 + 1, 7, 8]), posted_at=10**9 + n // 2, **changes)  # type: ignore[arg-type]
        for n in range(count)
    ]


def test_posts_that_are_named_within_their_cascade_alone_are_not_shared(tmp_path: Path) -> None:
    cascades = named(6)
    check = "source posts across folds"

    def finding(name: str, cascades: list[Cascade]) -> Finding:
        store = write(tmp_path / name, cascades, [n % 3 for n in range(len(cascades))])
        return by_check(across_folds(store, store.split("mine")))[check]

    assert finding("a.h5", cascades).severity is Severity.ok
    again = replace(cascades[0], id="again")
    shared = finding("b.h5", [*cascades, replace(again, id="other"), again])
    assert (shared.severity, shared.values["cascades"]) == (Severity.warning, 3)
    unknown = [
        replace(c, text=["", "", ""], user=np.zeros(3, np.int64), posted_at=0) for c in cascades
    ]
    found = finding("c.h5", unknown)
    assert found.severity is Severity.skipped
    assert "not asked: several sources have one id" in found.explanation
    numbered = [replace(c, post_id=["5" * 18, "p1", "p2"]) for c in unknown]
    assert finding("d.h5", numbered).severity is Severity.warning
    lonely = [replace(c, post_id=[c.id, "p1", "p2"]) for c in unknown]
    assert finding("e.h5", lonely).severity is Severity.ok


def test_no_check_of_what_the_data_do_not_say_is_answered_ok(tmp_path: Path) -> None:
    bare = [
        replace(toy_cascade(f"c{n}", [-1]), text=[""], posted_at=0, user=np.zeros(1, np.int64))
        for n in range(4)
    ]
    path = tmp_path / "a.h5"
    with create_store(path, name="a", reader="x", label_names=LABELS) as writer:
        for cascade in bare:
            writer.add(cascade, {})
        writer.set_split("mine", np.arange(4) % 2, grouped_by="")
    store = CascadeStore(path)
    found = audit_store(store, "mine", store)
    severities = {finding.check: finding.severity for finding in found.findings}
    asked = {"source posts across folds", "threads in both stores"}
    skipped = {check for check, severity in severities.items() if severity is Severity.skipped}
    assert skipped == severities.keys() - asked
    assert all("not asked: " in f.explanation for f in found.findings if f.check in skipped)
    assert found.to_dict()["findings"][0]["severity"] == "skipped"


def test_a_store_without_a_second_fold_or_class_has_no_balance(tmp_path: Path) -> None:
    cascades = [told(f"n{n}", "text", label=LABELS[n % 2]) for n in range(4)]
    one = write(tmp_path / "a.h5", cascades, [0] * 4)
    assert class_balance(one, one.split("mine")).severity is Severity.skipped
    assert by_check(probes(one, one.split("mine")))["probes"].severity is Severity.skipped
    same = write(tmp_path / "b.h5", [told(f"n{n}", "text") for n in range(4)], [0, 0, 1, 1])
    assert class_balance(same, same.split("mine")).severity is Severity.skipped


def test_columns_that_few_posts_have_are_compared_there(tmp_path: Path) -> None:
    cascades = by_many_authors()

    def finding(name: str, rows: int) -> Finding:
        path = tmp_path / name
        with create_store(path, name="a", reader="x", label_names=LABELS) as writer:
            for number, cascade in enumerate(cascades):
                places = np.arange(int(number < rows))
                given = np.array([[cascade.posted_at, number % 3]], np.float32)[: len(places)]
                writer.add(cascade, {"some": RowBlock(places, given)})
            writer.set_split("mine", np.arange(60) % 3, grouped_by="")
        return stored_features(CascadeStore(path))[1]

    assert "some[0] orders posts like the time" in finding("a.h5", 40).explanation
    # Of few rows a column is in any order by chance.
    assert finding("b.h5", 3).severity is Severity.skipped


@pytest.mark.parametrize("giving_away", [True, False])
def test_rows_that_the_sources_of_one_class_have_are_found(
    tmp_path: Path, giving_away: bool
) -> None:
    path = tmp_path / "a.h5"
    with create_store(path, name="a", reader="x", label_names=LABELS) as writer:
        for number in range(40):
            has = number % 2 if giving_away else (number // 2) % 2
            # A row of zeros is a row.
            block = RowBlock(np.arange(has), np.zeros((has, 2), np.float32))
            writer.add(told(f"c{number}", "text", label=LABELS[number % 2]), {"some": block})
        writer.set_split("mine", np.arange(40) // 10, grouped_by="")
    store = CascadeStore(path)
    found = by_check(probes(store, store.split("mine")))["presence probe"]
    assert found.severity is (Severity.warning if giving_away else Severity.ok)


@pytest.mark.parametrize(("ordered", "trained_on"), [(False, [4, 4, 4]), (True, [4, 2])])
def test_in_order_of_time_a_probe_learns_from_earlier_folds_alone(
    ordered: bool, trained_on: list[int]
) -> None:
    sizes = []

    class Recording:
        def fit(self, features: np.ndarray, label: np.ndarray) -> Recording:
            sizes.append(len(features))
            return self

        def predict(self, features: np.ndarray) -> np.ndarray:
            return features[:, 0]

    label, fold = np.array([0, 1] * 3), np.array([0, 0, 1, 1, 2, 2])
    found = out_of_fold_accuracy(label[:, None], label, fold, Recording, ordered=ordered)
    assert (found, sizes) == ((1.0, 0.5), trained_on)


def test_the_shape_of_a_cascade(tmp_path: Path) -> None:
    cascades = [toy_cascade("a", [-1, 0, 1, 2]), toy_cascade("b", [-1]),
                toy_cascade("c", [-1, 0, 0, 0])]
    store = write(tmp_path / "a.h5", cascades, [0, 1, 2])
    shapes = cascade_shapes(store.read(np.arange(3)))
    np.testing.assert_allclose(np.expm1(shapes[:, 0]), [4, 1, 4])
    assert shapes[:, 1].tolist() == [3, 0, 1]  # deepest
    assert shapes[:, 2].tolist() == [1.5, 0, 0.75]  # mean depth
    np.testing.assert_allclose(np.expm1(shapes[:, 4]), [1, 0, 3])  # replies to the source


def test_folds_that_lack_a_class_are_told(tmp_path: Path) -> None:
    cascades = [told(f"n{n}", "", label=LABELS[n % 2]) for n in range(8)]
    even = write(tmp_path / "a.h5", cascades, [n // 2 for n in range(8)])
    assert class_balance(even, even.split("mine")).severity is Severity.ok
    uneven = write(tmp_path / "b.h5", cascades, [n % 2 for n in range(8)])
    found = class_balance(uneven, uneven.split("mine"))
    assert (found.severity, found.values["missing"]) == (Severity.warning, 2)
    assert found.values["largest_difference"] == 0.5


@pytest.mark.parametrize(
    ("feature", "disguise", "severities"),
    [
        ("extra", None, [Severity.ok, Severity.ok]),
        ("user_id", None, [Severity.warning, Severity.ok]),
        ("sentiment", lambda cascade: np.sqrt(cascade.posted_at + cascade.delay_seconds),
         [Severity.ok, Severity.error]),
        ("popularity", lambda cascade: -np.log(cascade.user), [Severity.ok, Severity.error]),
        ("delay", lambda cascade: cascade.delay_seconds, [Severity.ok, Severity.ok]),
    ],
)
def test_features_that_are_identity_or_time_are_found(
    tmp_path: Path, feature: str, disguise, severities: list[Severity]
) -> None:
    rng = np.random.default_rng(0)
    cascades = [
        replace(
            random_cascade(f"c{n}", rng, 5), posted_at=int(rng.integers(10**9)),
            user=rng.integers(1, 2**40, 5),
        )
        for n in range(30)
    ]
    rows = None
    if disguise is not None:
        rows = [
            np.broadcast_to(disguise(cascade), 5).astype(np.float32)[:, None]
            for cascade in cascades
        ]
    store = write(tmp_path / "a.h5", cascades, [n % 3 for n in range(30)], feature, rows)
    assert [finding.severity for finding in stored_features(store)] == severities


def by_many_authors(seed: int = 0) -> list[Cascade]:
    """Make cascades of 40 authors who write several posts each."""
    rng = np.random.default_rng(seed)
    return [
        replace(
            random_cascade(f"c{n}", rng, 5), posted_at=int(rng.integers(10**9)),
            user=rng.integers(1, 41, 5) * 1_000_003,
        )
        for n in range(60)
    ]


def test_a_column_that_is_another_name_of_the_user_is_found(tmp_path: Path) -> None:
    cascades = by_many_authors()
    scrambled = [(c.user * 48_271 % 65_537).astype(np.float32)[:, None] for c in cascades]
    store = write(tmp_path / "a.h5", cascades, [n % 3 for n in range(60)], "mood", scrambled)
    names, values = stored_features(store)
    assert (names.severity, values.severity) == (Severity.ok, Severity.error)
    assert "mood[0] is another name of the user" in values.explanation
    grouped = [(c.user % 5).astype(np.float32)[:, None] for c in cascades]
    store = write(tmp_path / "b.h5", cascades, [n % 3 for n in range(60)], "mood", grouped)
    assert stored_features(store)[1].severity is Severity.ok


@pytest.mark.parametrize(("by_user", "severity"), [(True, Severity.error), (False, Severity.ok)])
def test_sparse_rows_that_are_another_name_of_the_user_are_found(
    tmp_path: Path, by_user: bool, severity: Severity
) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.h5"
    with create_store(path, name="a", reader="x", label_names=LABELS, raw_digest="x") as writer:
        for cascade in by_many_authors():
            column = cascade.user * 48_271 % 997 if by_user else rng.integers(0, 40, 5)
            block = SparseBlock(np.arange(6), column.astype(np.int32), np.ones(5, np.float32))
            writer.add(cascade, {"topics": block})
        writer.set_columns("topics", 1000)
    assert stored_features(CascadeStore(path))[1].severity is severity


def test_what_a_reader_knows_of_authors_is_no_identity_but_its_age_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cascades = by_many_authors()
    rows = [
        profile_rows([
            Profile(*rng.integers(0, 10**4, 3).tolist(), age_seconds=int(10**9 - 10 * number))
            for number in cascade.user
        ])
        for cascade in cascades
    ]
    fold = [n % 3 for n in range(60)]
    names, values = stored_features(write(tmp_path / "a.h5", cascades, fold, "user", rows))
    assert (names.severity, values.severity) == (Severity.ok, Severity.warning)
    assert "user[4] orders posts like the user, whose ids rise" in values.explanation
    narrow = [row[:, :2] for row in rows]
    names, _ = stored_features(write(tmp_path / "b.h5", cascades, fold, "user", narrow))
    assert names.severity is Severity.warning


def test_hidden_edges_are_seen_when_a_graph_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = toy_store(tmp_path / "a.h5")
    clean = hidden_edges(store)
    assert clean.severity is Severity.ok
    assert clean.values["targets"] > 0
    honest = assemble.observed_edges

    def careless(columns, targets):
        return honest(columns, replace(targets, hidden=np.zeros_like(targets.hidden)))

    monkeypatch.setattr(assemble, "observed_edges", careless)
    leaking = hidden_edges(store)
    assert leaking.severity is Severity.error
    assert leaking.values["hidden_edges"] >= leaking.values["targets"]


@pytest.mark.slow
def test_a_clean_store_passes_and_random_folds_do_not(tmp_path: Path) -> None:
    reader = SyntheticReader(SyntheticOptions(world="mixed", cascades=200, events=50, mean_posts=8))
    path = tmp_path / "s.h5"
    build_store(reader, reader_name="synthetic", source=None, output=path)
    store = CascadeStore(path)
    audit = audit_store(store)
    assert audit.worst is Severity.info, [f for f in audit.findings if f.severity > Severity.info]
    random = audit_store(store, "random", against=store)
    plain = json.loads(json.dumps(random.to_dict()))
    assert (plain["worst"], plain["against"]) == ("warning", "synthetic")
    assert {"check", "severity", "figure", "explanation", "values"} == set(plain["findings"][0])
