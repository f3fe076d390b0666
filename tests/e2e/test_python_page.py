"""The page on Python: its blocks are run in their order, its commands too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import dgljoint
from dgljoint_cli.main import run

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def test_the_page_can_be_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names: dict[str, Any] = {}
    said = ""
    for language, block in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL):
        capsys.readouterr()
        if language == "python":
            exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102  # our own page
            said = capsys.readouterr().out
            continue
        for line in block.splitlines():
            assert run([*shlex.split(line)[1:], "-q"]) == 0, line
    assert said == (
        "no plugin is named 'contrastiv'\nhint: did you mean 'contrastive'?\n"
    )
    assert names["stopped"].best_epoch == 1
    assert len(names["losses"]) == 3
    assert set(names["whole"].targets) == {0}
    assert (tmp_path / "predictions.csv").read_text().count("\n") == 41
    found = names["found"]
    assert (found.cascades, sum(found.shared.values())) == (40, 400)
    assert min(found.shared.values()) > 0


def test_every_event_and_argument_is_on_the_page() -> None:
    events = {name for name in vars(dgljoint.Callback) if not name.startswith("_")}
    assert set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)) == events
    table = PAGE.split("| argument |")[1].split("\n\n")[0]
    arguments = set(re.findall(r"`(\w+)[`=]", "".join(
        line.split("|")[1] for line in table.splitlines() if line.startswith("| `")
    )))
    from inspect import signature

    assert arguments == set(signature(dgljoint.train).parameters)
