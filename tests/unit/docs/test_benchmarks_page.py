"""The guide to suites: its suite is one, and it names all that ship."""

from __future__ import annotations

import re
from pathlib import Path

from dgljoint_bench.suites.names import shipped_suites
from dgljoint_bench.suites.suite import find_suite
from dgljoint_cli.main import run as dgljoint
from toys import toy_store

PAGE = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_every_suite_that_ships_is_named_and_no_other() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(named) == shipped_suites()


def test_the_suite_of_the_guide_is_planned(tmp_path: Path) -> None:
    text = re.search(r"<!-- own suite -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    assert text is not None
    file = tmp_path / "own.toml"
    file.write_text(text[1])
    data = tmp_path / "mine.h5"
    toy_store(data)
    suite = find_suite(str(file))
    assert suite.name == "own"
    assert [len(suite.trials_of(name)) for name in suite.configurations] == [3, 3, 3, 3]
    assert dgljoint(["benchmark", "run", str(file), "--data", str(data), "--dry-run"]) == 0
