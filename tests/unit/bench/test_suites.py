"""Suites: what is refused, and that those that ship can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint.errors import UsageError
from dgljoint.plugins.registry import installed_registry
from dgljoint_bench.suites.plan import plan_suite
from dgljoint_bench.suites.suite import Suite, find_suite, shipped_suites
from suites import TINY, suite_of
from toys import toy_store

TWO = 'trials = [{}, { train = { learning_rate = 0.1 } }]\n'
PUBLISHED = '[[published]]\nmethod = "m"\nprotocol = "p"\nsource = "s"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TINY + "trials = [{}, {}]", "'rumor alone' has 2 trials and the suite 1: budgets"),
        ('figures = ["accurcy"]\n' + TINY, "there is no figure 'accurcy'"),
        ('reference = "alone"\n' + TINY, "there is no configuration 'alone'"),
        (TINY.replace("folds", 'without = ["alone"]\nfolds'), "no configuration 'alone'"),
        (TINY + '[[tables]]\ndata = "toy"', "two tables are called 'toy'"),
        (TINY + PUBLISHED + 'table = "toys"\nfigures = { accuracy = 0.5 }', "no table 'toys'"),
        (TINY + PUBLISHED + 'table = "toy"\nfigures = { f1 = 0.5 }', "there is no figure 'f1'"),
        (TINY + '[configurations." "]', "a configuration has no name"),
        ('name = ".."\n' + TINY, "a suite cannot be called '..'"),
        ('name = "a\\u001b[31m"\n' + TINY, "a name is printable"),
        (TINY + f'[configurations."{"x" * 101}"]', "at most 100 characters"),
        (TINY + '[configurations."a/b"]\n[configurations."a b"]', "'a/b' and 'a b' would have one"),
        (TINY + '[configurations."without a model"]', "would have one folder"),
        (TINY + '[[tables]]\ndata = "toy"\nname = "..x"', "a table cannot be called '..x'"),
        (TINY.replace("settings = {", "settings = { split = 'x',", 1), "'split' is no setting"),
        (TINY.replace('train = { tasks = "rumor" }', "seed = 7"), "'seed' is no setting"),
        (TINY.replace("folds", "settings = { fold = 1 }\nfolds"), "'fold' is no setting"),
        ('trials = [{ data = "b.h5" }]\n' + TINY, "'data' is no setting"),
        ('deadlines = "soon"\n' + TINY, "soon"),
        (TINY.replace("[0, 1]", "[]"), "folds"),
        ("seeds = [9223372036854775808]\n" + TINY, "seeds"),
        ("seeds = [-1]\n" + TINY, "seeds"),
        (TINY.replace("summary", "sumary"), "sumary"),
        (TINY.replace("[0, 1]", '"some"'), "folds"),
        ("seeds = []\n" + TINY, "seeds"),
        (TINY.replace("folds", 'test_on = "toy"\nfolds'), "'toy', which is trained on"),
        ("summary = ", "is not TOML"),
    ],
)
def test_a_wrong_suite_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        suite_of(tmp_path, text)
    assert "tiny.toml" in caught.value.message


def test_a_suite_is_called_as_its_file_unless_it_says_so(tmp_path: Path) -> None:
    assert suite_of(tmp_path).name == "tiny"
    assert suite_of(tmp_path, 'name = "mine"\n' + TINY).name == "mine"


def test_a_byte_order_mark_is_no_part_of_a_suite(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_text(TINY, encoding="utf-8-sig")
    assert find_suite(str(file)).summary == "tiny"


def test_tables_are_called_by_what_they_test(tmp_path: Path) -> None:
    more = '[[tables]]\ndata = "toy"\n'
    text = f'{TINY}{more}split = "random"\n{more}test_on = "b"\n{more}name = "mine"\n'
    titles = [table.title for table in suite_of(tmp_path, text).tables]
    assert titles == ["toy", "toy, random", "toy to b", "mine"]


def test_a_configuration_may_try_other_things_as_often(tmp_path: Path) -> None:
    own = TWO + TINY + "trials = [{ model = { width = 4 } }, {}]"
    suite = suite_of(tmp_path, own)
    assert suite.trials_of("joint") == ({}, {"train": {"learning_rate": 0.1}})
    assert suite.trials_of("rumor alone") == ({"model": {"width": 4}}, {})


@pytest.mark.parametrize("name", ["scheems", "mine.tml"])
def test_a_name_that_is_none_gets_a_hint(name: str) -> None:
    with pytest.raises(UsageError, match="there is no suite") as caught:
        find_suite(name)
    assert "a file that ends with .toml" in str(caught.value.hint)
    assert name != "scheems" or "schemes" in str(caught.value.hint)


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        find_suite(str(tmp_path / "none.toml"))


@pytest.mark.parametrize("name", shipped_suites())
def test_a_shipped_suite_can_be_planned(name: str, tmp_path: Path) -> None:
    suite = find_suite(name)
    assert isinstance(suite, Suite)
    data = toy_store(tmp_path / "toy.h5").path
    tables = [
        # The toys have no events that are known by name.
        table.model_copy(update={"split": "event" if table.split != "random" else "random",
                                 "name": table.title, "folds": (0,)})
        for table in suite.tables
    ]
    # Nor have they the words that a release has.
    settings = {name: value for name, value in suite.settings.items() if name != "features"}
    suite = suite.model_copy(update={"tables": tuple(tables), "settings": settings})
    files = {name: data for table in tables for name in table.files}
    plan = plan_suite(suite, files, tmp_path / "out", installed_registry(), seeds=[0])
    rows = {(job.key.data, job.key.configuration) for job in plan.jobs}
    for table in tables:
        named = {row for title, row in rows if title == table.title}
        assert named == {*suite.configurations, ""} - set(table.without)
