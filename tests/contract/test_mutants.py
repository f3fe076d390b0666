"""Whatever its input: a reader refuses it in words, or reads it and loses nothing.

The same mutants by the ten thousand: ``python benchmarks/mutants.py``.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgljoint import Cascade, DataError, ReadReport
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import ReaderSpec
from dgljoint_bench.damage import Mutant, Odd, Release, make_mutant, write_release
from dgljoint_bench.ordeal import _TooLongError, at_most, undergo
from dgljoint_bench.releases import OWN, cut_release, own_releases

MUTANTS = 250


def spec_of(reader: str) -> ReaderSpec:
    return installed_registry().find(ReaderSpec, reader)


@pytest.mark.parametrize("reader", OWN)
def test_no_mutant_breaks_a_reader(reader: str, tmp_path: Path) -> None:
    spec, releases = spec_of(reader), own_releases(reader)
    outcomes = []
    for number in range(MUTANTS):
        mutant = make_mutant(reader, releases, seed=0, number=number)
        folder = tmp_path / str(number)
        outcome = undergo(spec, mutant, folder, build=number % 25 == 0, seconds=20)
        again = f"python benchmarks/mutants.py {reader} --only {number}"
        assert not outcome.failure, f"{again}\n{mutant.steps}\n{outcome.failure}"
        outcomes.append(outcome)
    # Damage that changes nothing, or nothing but damage, would test little.
    assert any(outcome.cascades for outcome in outcomes)
    assert any(outcome.built for outcome in outcomes)


@settings(max_examples=60)
@given(reader=st.sampled_from(list(OWN)), seed=st.integers(1, 2**32))
def test_no_mutant_of_any_seed_breaks_a_reader(
    tmp_path_factory: pytest.TempPathFactory, reader: str, seed: int
) -> None:
    mutant = make_mutant(reader, own_releases(reader), seed=seed, number=seed % 7)
    folder = tmp_path_factory.mktemp("mutant")
    outcome = undergo(spec_of(reader), mutant, folder, build=False, seconds=20)
    assert not outcome.failure, f"{mutant.steps}\n{outcome.failure}"


@pytest.mark.parametrize("reader", OWN)
def test_a_whole_release_is_read_without_a_refusal(reader: str, tmp_path: Path) -> None:
    for number, release in enumerate(own_releases(reader)):
        whole = Mutant(dict(release.files), release.options, [])
        outcome = undergo(spec_of(reader), whole, tmp_path / str(number), build=True)
        assert not outcome.failure
        whole_number = 5 if release.options.get("labels") != "veracity3" else outcome.cascades
        assert (outcome.cascades, outcome.built) == (whole_number, True)


def test_a_mutant_is_made_again_from_its_seed_and_number() -> None:
    releases = own_releases("pheme")

    def make(seed: int, number: int) -> Mutant:
        return make_mutant("pheme", releases, seed=seed, number=number)

    assert make(3, 17) == make(3, 17)
    made = [make(seed, number).steps for seed in (3, 4) for number in range(5)]
    assert len({tuple(steps) for steps in made}) == 10


# Readers that do not keep the promises


class Good:
    label_names = ("a",)

    def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
        report.count("distinct_posts")
        yield cascade()


def cascade(name: str = "c") -> Cascade:
    import numpy as np

    zero = np.zeros(1)
    return Cascade(
        id=name, event="", label="a", posted_at=0, post_id=["1"], parent=np.array([-1], np.int32),
        user=zero.astype(np.int64), delay_seconds=zero, kind=zero.astype(np.uint8), text=[""],
    )


def crash(report: ReadReport) -> Iterator[Cascade]:
    yield cascade()
    raise KeyError("text")


def hang(report: ReadReport) -> Iterator[Cascade]:
    yield cascade()
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: BLE001, S112  # what a careless reader does
            continue


def lose_a_post(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts", 2)
    yield cascade()


def lose_a_thread(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts")
    report.count("threads_met", 2)
    yield cascade()


def read_nothing(report: ReadReport) -> Iterator[Cascade]:
    yield from ()


def read_twice(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts", 2)
    yield from (cascade(), cascade())


def break_the_order(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts")
    made = cascade()
    made.delay_seconds[0] = 1
    yield made


def invent_a_label(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts")
    yield replace(cascade(), label="b")


def give_half_a_letter(report: ReadReport) -> Iterator[Cascade]:
    report.count("distinct_posts")
    yield replace(cascade(), text=["\ud800"])


def recurse(report: ReadReport) -> Iterator[Cascade]:
    yield from recurse(report)


def refuse(report: ReadReport) -> Iterator[Cascade]:
    yield cascade()
    raise DataError("too odd")


def outcome_of(
    read: Callable[[ReadReport], Iterator[Cascade]] | None, folder: Path, seconds: float = 20
) -> tuple[int, str]:
    class Reader(Good):
        def read(self, source: Path | None, report: ReadReport) -> Iterator[Cascade]:
            return read(report) if read else super().read(source, report)

    spec = ReaderSpec(name="x", summary="", build=lambda options: Reader())
    outcome = undergo(spec, Mutant({"a": b"1"}, {}, []), folder, build=False, seconds=seconds)
    return outcome.cascades, outcome.failure


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (crash, "KeyError: 'text'"),
        (lose_a_post, "2 posts met, 1 read, 0 dropped"),
        (lose_a_thread, "2 threads met, 1 read, 0 refused"),
        (read_nothing, "neither cascades nor an error"),
        (read_twice, "a cascade was read twice"), (break_the_order, "delays are not in time order"),
        (invent_a_label, "label 'b' is not declared"), (give_half_a_letter, "surrogates"),
        (recurse, "RecursionError"),
    ],
)
def test_a_broken_promise_is_found(
    tmp_path: Path, read: Callable[[ReadReport], Iterator[Cascade]], message: str
) -> None:
    assert message in outcome_of(read, tmp_path)[1]


def test_a_reader_without_end_is_stopped(tmp_path: Path) -> None:
    assert "not done after 0.3 s" in outcome_of(hang, tmp_path, seconds=0.3)[1]


def test_time_that_is_up_before_anything_began_leaves_no_timer() -> None:
    for _ in range(100):
        with pytest.raises(_TooLongError), at_most(1e-6):
            time.sleep(60)
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_reader_may_read_or_refuse(tmp_path: Path) -> None:
    assert outcome_of(None, tmp_path / "read") == (1, "")
    assert outcome_of(refuse, tmp_path / "refused") == (0, "")


# The command


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parents[2] / "benchmarks" / "mutants.py"
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_command_counts_what_came_of_the_mutants() -> None:
    ran = command("weibo", "jsonl", "--mutants", 20, "--seconds", 20)
    assert (ran.returncode, ran.stderr) == (0, "")
    for line, reader in zip(ran.stdout.splitlines()[1:], ("weibo", "jsonl"), strict=True):
        name, mutants, refused, read, _, failed, *_ = line.split()
        assert (name, mutants, failed) == (reader, "20", "0")
        assert int(refused) + int(read) == 20


def test_a_failure_ends_the_command_with_1_and_can_be_made_again(tmp_path: Path) -> None:
    # No reader is done in no time.
    ran = command("weibo", "--mutants", 3, "--seconds", 1e-6)
    assert ran.returncode == 1
    again = "weibo --seed 0 --only 2"
    assert f"python benchmarks/mutants.py {again}\n" in ran.stdout
    assert "_TooLongError: not done after 1e-06 s" in ran.stdout
    ran = command(*again.split(), "--seconds", 20, "--keep", tmp_path / "kept")
    assert ran.returncode == 0
    assert "cascades, built: " in ran.stdout
    assert any((tmp_path / "kept").iterdir())


def test_the_command_refuses_what_it_has_no_releases_of() -> None:
    for arguments in (("myspace",), ("--raw", "."), ("weibo", "--keep", "x")):
        ran = command(*arguments)
        assert ran.returncode == 2
        assert "Traceback" not in ran.stderr


# Releases


def test_everything_a_mutant_may_hold_is_written(tmp_path: Path) -> None:
    files: dict[str, bytes | Odd] = {
        "a/file": b"x", "a/folder": Odd.FOLDER, "a/loop": Odd.LOOP, "a/up": Odd.UP,
        "a/nothing": Odd.DANGLING, "a/file/below": b"never", "\udcff": b"y",
    }
    write_release(files, tmp_path)
    assert (tmp_path / "a/file").read_bytes() == b"x"
    assert (tmp_path / "a/folder").is_dir()
    assert (tmp_path / "a/up").resolve() == tmp_path
    assert (tmp_path / "a/nothing").is_symlink()
    assert not (tmp_path / "a/nothing").exists()
    with pytest.raises(OSError, match="symbolic links"):
        (tmp_path / "a/loop").read_bytes()


@pytest.mark.parametrize("reader", ["twitter15", "pheme", "jsonl", "weibo"])
def test_a_handful_of_threads_is_cut_out_of_a_release(reader: str, tmp_path: Path) -> None:
    [own, *_] = own_releases(reader)
    write_release(own.files, tmp_path)
    for release in cut_release(reader, tmp_path):
        if reader != "jsonl":
            assert set(release.files) <= set(own.files)
        whole = Mutant(dict(release.files), release.options, [])
        outcome = undergo(
            spec_of(reader), whole, tmp_path / f"cut{release.options}", build=False, seconds=20
        )
        assert not outcome.failure
        assert 2 <= outcome.cascades <= 5


def test_only_lines_of_the_threads_taken_are_cut_out(tmp_path: Path) -> None:
    many = {f"tree/{1000 + n}.txt": b"x" * n for n in range(40)}
    labels = b"".join(b"true:%d\n" % (1000 + n) for n in range(40))
    write_release(many | {"label.txt": labels}, tmp_path)
    [release] = cut_release("twitter15", tmp_path)
    assert len(release.files) == 7
    assert release.files["label.txt"].splitlines() == [
        f"true:{name[5:9]}".encode() for name in sorted(release.files) if name[:5] == "tree/"
    ]
    assert isinstance(release, Release)
