"""The kit as a package: what it costs to import, its fixtures, and how checks are run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgljoint import testing
from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch
from dgljoint.testing import Check, ConformanceError, ToyProblem, verify

HEAVY = {"torch", "dgl", "numpy", "h5py", "pydantic", "sklearn"}


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_importing_the_kit_imports_nothing_heavy() -> None:
    done = python("-c", "import dgljoint.testing, sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stdout.split())


def test_every_name_is_there_and_sorted() -> None:
    assert all(getattr(testing, name) for name in testing.__all__)
    assert testing.__all__ == sorted(testing.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'check_nothing'"):
        testing.check_nothing  # noqa: B018  # looked up, not used


USES = """
import sys

def test_before(request):
    assert not {heavy} & set(sys.modules)

def test_with(toy_batch, toy_store, toy_problem):
    assert len(toy_batch.ids) == 8
"""


@pytest.mark.slow
def test_the_pytest_plugin_imports_nothing_heavy_before_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "test_plugin.py"
    file.write_text(USES.format(heavy=HEAVY))
    done = python("-m", "pytest", "-q", "-W", "ignore", str(file), cwd=tmp_path)
    assert "2 passed" in done.stdout, done.stdout
    done = python("-m", "pytest", "-q", "-p", "no:dgljoint", str(file), cwd=tmp_path)
    assert "fixture 'toy_batch' not found" in done.stdout


def test_fixtures(toy_store: CascadeStore, toy_batch: CascadeBatch, toy_problem: ToyProblem):
    assert len(toy_store) == 64
    assert toy_batch.targets > 0
    losses, step = toy_problem.step()
    assert losses.names == ("cascade", "rumor", "auxiliary")
    assert step.probe is not None


def checks(ran: list[str], closed: list[bool], essential: bool) -> Iterator[Check]:
    def fail() -> None:
        ran.append("fail")
        raise KeyError("x")

    try:
        yield Check("thing 'x'", "holds", "nothing", lambda: ran.append("hold"))
        yield Check("thing 'x'", "fails", "do this", fail, essential)
        yield Check("thing 'x'", "fails too", "do that", fail)
    finally:
        closed.append(True)


@pytest.mark.parametrize(("essential", "count"), [(True, 1), (False, 2)])
def test_all_failures_are_reported_up_to_that_of_an_essential_check(
    essential: bool, count: int
) -> None:
    ran: list[str] = []
    closed: list[bool] = []
    with pytest.raises(ConformanceError) as raised:
        verify(checks(ran, closed, essential))
    error = raised.value
    assert ran == ["hold", *["fail"] * count]
    assert closed == [True]
    assert [failure.check for failure in error.failures] == ["fails", "fails too"][:count]
    assert isinstance(error, AssertionError)
    assert isinstance(error.__cause__, KeyError)
    assert str(error).splitlines()[:3] == [
        "thing 'x' does not conform:",
        f"  fails: {error.failures[0].found}",
        "    to mend it: do this",
    ]
    assert error.failures[0].found.startswith("raised KeyError: 'x' (test_kit.py, line ")
