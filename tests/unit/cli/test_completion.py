"""What the shell is offered, through click's own interface for shells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from conftest import Site
from dgljoint.config.run_config import CascadeOptions
from dgljoint.evaluation.scores import TITLES
from dgljoint.plugins import about
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import EncoderSpec
from dgljoint_cli.main import cli, run
from stored_runs import write_run
from toys import shipped

ABOUT = """
[rated]
kinds = ["interaction"]
summary = "rates things"

[rated.options]
rate = "of it"
"""
EXPLODES = "raise RuntimeError('imported')"
IMPORTED = """
import json, sys
from dgljoint_cli.main import run
try:
    run([])
finally:
    print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Read the files of packages anew, before and after."""
    about._tables.cache_clear()
    yield
    about._tables.cache_clear()


@pytest.fixture
def rated(site: Site) -> Path:
    """Install a plugin in a package that cannot be imported; return the package's folder."""
    site.install("rated", {"rated": "rated_things.plugin"})
    package = site.path / "rated_things"
    package.mkdir()
    (package / "__init__.py").write_text(EXPLODES)
    (package / about.FILE).write_text(ABOUT)
    return package


def offered(*words: str) -> list[str]:
    """Return what is offered for the last word."""
    complete = ShellComplete(cli, {}, "dgljoint", "_DGLJOINT_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


def test_verbs_and_flags_are_offered() -> None:
    assert {"train", "schema", "runs"} <= set(offered(""))
    assert offered("plug") == ["plugins"]
    assert "compare" in offered("runs", "")
    assert offered("train", "--enc") == ["--encoder"]
    assert offered("evaluate", "RUN", "--part", "t") == ["test"]
    assert offered("benchmark", "run", "sch") == ["schemes"]
    assert "transfer" in offered("benchmark", "suites", "")


def test_plugins_are_offered_by_kind_as_far_as_it_is_known(site: Site) -> None:
    site.install("exploding", {"gcnlike": "exploding"}, exploding=EXPLODES)
    everything = {entry.name for entry in installed_registry().entries}
    assert offered("train", "--encoder", "gc") == ["gcn", "gcnlike"]
    assert set(offered("train", "--encoder", "")) == {*shipped(EncoderSpec), "gcnlike"}
    assert offered("train", "--plugin", "contr") == ["contrastive"]
    assert offered("train", "--plugin", "gcn") == ["gcnlike"]
    assert offered("preprocess", "tw") == ["twitter15", "twitter16"]
    assert set(offered("plugins", "show", "")) == everything


def test_options_are_offered_a_section_and_then_a_key_at_a_time() -> None:
    sections = {"model.", "train.", "cascade.", "features."}
    assert set(offered("train", "-s", "")) == sections
    assert set(offered("train", "--plugin", "contrastive", "--encoder", "gcn", "-s", "")) == (
        sections | {"contrastive.", "gcn."}
    )
    assert offered("train", "-s", "cascade.") == [
        f"cascade.{name}=" for name in CascadeOptions.model_fields
    ]
    assert offered("train", "-s", "contrastive.temp") == ["contrastive.temperature="]
    assert offered("train", "-s", "nothing.") == []


@pytest.mark.usefixtures("rated")
def test_what_a_package_says_of_its_plugin_is_read_without_importing_it() -> None:
    assert offered("train", "--plugin", "rat") == ["rated"]
    assert offered("train", "--encoder", "rat") == []
    assert offered("train", "-s", "rated.") == ["rated.rate="]


@pytest.mark.parametrize("text", ["", "[", "[rated]", "[rated]\nkinds = 3", "rated = 3"])
def test_a_file_of_another_form_says_nothing(rated: Path, text: str) -> None:
    (rated / about.FILE).write_text(text)
    assert offered("train", "--encoder", "rat") == ["rated"]
    assert offered("train", "-s", "rated.") == []
    assert run(["plugins", "list"]) == 0


def test_figures_presets_and_splits_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert offered("runs", "compare", "A", "--metric", "") == list(TITLES)
    assert offered("runs", "list", "--sort", "macro") == ["macro_f1"]
    assert offered("train", "--preset", "") == ["few_events", "hybrid"]
    assert offered("train", "--split", "e") == ["event"]


def test_runs_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "one")
    write_run(tmp_path / "study" / "two")
    assert offered("evaluate", "") == ["runs/one", "study/two"]
    assert offered("runs", "show", "runs/") == ["runs/one"]
    assert offered("runs", "compare", "runs/one", "stu") == ["study/two"]
    complete = ShellComplete(cli, {}, "dgljoint", "_DGLJOINT_COMPLETE")
    (item,) = complete.get_completions(["evaluate"], "other")
    assert (item.value, item.type) == ("other", "dir")


@pytest.mark.parametrize(
    "line",
    ["dgljoint ", "dgljoint train --plugin con", "dgljoint train -s contrastive.t",
     "dgljoint runs compare --metric m", "dgljoint train --preset h"],
)
def test_completing_imports_no_plugin_and_nothing_heavy(line: str) -> None:
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=False,
        env={**os.environ, "_DGLJOINT_COMPLETE": "bash_complete",
             "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
    )
    assert done.stdout.startswith("plain,"), done.stdout + done.stderr
    imported = set(json.loads(done.stderr.splitlines()[-1]))
    heavy = {"torch", "dgl", "numpy", "h5py", "sklearn", "pydantic", "pluggy", "rich"}
    assert not imported & {*heavy, "dgljoint_plugins"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=False,
        env={**os.environ, "_DGLJOINT_COMPLETE": f"{shell}_source"},
    )
    assert f"_DGLJOINT_COMPLETE={shell}_complete" in done.stdout
