"""What an error shows, and the commands that hints name."""

from __future__ import annotations

import configparser
import pickle
import re
from pathlib import Path

import pytest

from dgljoint.errors import DgljointError, StudyFailedError, UsageError, install_hint, one_line

ROOT = Path(__file__).parents[2]
ROOMS = ("dgljoint", "plugins", "cli", "data_prep", "benchmarks", "docs", "README.md")


def test_an_error_shows_its_hint_wherever_it_is_shown() -> None:
    error = UsageError("no plugin 'contrastiv'", hint="did you mean 'contrastive'?")
    assert str(error) == "no plugin 'contrastiv'\nhint: did you mean 'contrastive'?"
    assert str(DgljointError("it failed")) == "it failed"
    assert str(StudyFailedError("two", exit_code=3, hint="look")) == "two\nhint: look"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # our own
    assert one_line(error) == "UsageError: no plugin 'contrastiv'"


def texts() -> list[Path]:
    found = [ROOT / "README.md"]
    for room in ROOMS[:-1]:
        found += [
            path for path in (ROOT / room).rglob("*")
            if path.suffix in {".py", ".md", ".tmpl", ".toml"}
        ]
    return found


def test_no_text_installs_dgljoint_from_an_index() -> None:
    wrong = re.compile(
        r"pip install (?:-\S+ )*['\"]?dgljoint(?:\[|['\"\s]|$)|pypi.org/project/dgljoint"
    )
    allowed = ROOT / "dgljoint" / "errors.py"  # says why it would not work
    for path in texts():
        if path != allowed:
            assert not wrong.search(path.read_text(encoding="utf-8")), path


def test_every_extra_that_is_named_is_declared() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = set(setup["options.extras_require"])
    named = re.compile(r"install_(?:hint|command)\(['\"](\w+)['\"]\)|-e '\.\[([\w,]+)\]'")
    found: set[str] = set()
    for path in texts():
        if "scaffold" not in path.parts and path.name != "plugins-new.md":
            for one, several in named.findall(path.read_text(encoding="utf-8")):
                found.update((one or several).split(","))
    assert {"minilm", "grad", "cluster", "plots", "tensorboard", "bench"} <= found <= declared


@pytest.mark.parametrize(("extra", "what"), [("grad", "'.[grad]'"), ("", ".")])
def test_an_install_hint_works_in_a_clone(extra: str, what: str) -> None:
    command = f"pip install -c constraints.txt -e {what}"
    assert install_hint(extra) == f"in your clone of dgljoint: {command}"
    assert (ROOT / "constraints.txt").is_file()
