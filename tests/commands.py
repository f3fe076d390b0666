"""Commands that fail, run in this process, and what they leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgljoint_cli.main import run

# A model that trains in a moment.
SMALL = ("--encoder", "gcn", "-s", "model.width=8", "-s", "train.batch=8", "-q")


class Said(str):
    """What a command wrote to stderr."""

    __slots__ = ()

    @property
    def error(self) -> str:
        return self.splitlines()[0]


def ends(capsys: pytest.CaptureFixture[str], exit_code: int, *arguments: object) -> Said:
    """Run a command that fails; return what it said."""
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "unexpected" not in err
    return Said(err)


def everything(folder: Path) -> set[Path]:
    """Name all files under a folder, hidden ones too."""
    return {path for path in folder.rglob("*") if path.is_file()}
