"""What the shell is offered, through click's own interface for shells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from conftest import Site
from dgljoint.config import CascadeOptions
from dgljoint.evaluation.figures import TITLES
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import EncoderSpec
from dgljoint_cli import option_index
from dgljoint_cli.main import cli, run
from stored_runs import write_run
from toys import shipped

OPTIONS = """
    import dgljoint
    from pydantic import Field

    class Rates(dgljoint.Options):
        rate: float = Field(0.5, description="of it")

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="rated", summary="", build=print, options=Rates)]
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
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def known(own_cache: Path) -> Path:
    """Have all plugins' options noted down."""
    assert run(["plugins", "list", "--load", "--format", "json"]) == 0
    return own_cache


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


def test_plugins_are_offered_by_kind_once_it_is_known(site: Site) -> None:
    site.install("exploding", {"gcnlike": "exploding"}, exploding=EXPLODES)
    everything = {entry.name for entry in installed_registry().entries}
    assert set(offered("train", "--encoder", "")) == everything
    assert set(offered("plugins", "show", "")) == everything
    run(["plugins", "list", "--load", "--format", "json"])
    # of the broken one no kind is known
    assert offered("train", "--encoder", "gc") == ["gcn", "gcnlike"]
    assert set(offered("train", "--encoder", "")) == {*shipped(EncoderSpec), "gcnlike"}
    assert offered("train", "--plugin", "contr") == ["contrastive"]
    assert offered("train", "--plugin", "gcn") == ["gcnlike"]
    assert offered("preprocess", "tw") == ["twitter15", "twitter16"]
    assert set(offered("plugins", "show", "")) == everything


@pytest.mark.usefixtures("known")
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


def test_a_command_that_uses_a_plugin_makes_its_options_known(site: Site) -> None:
    site.install("rated", {"rated": "rated"}, rated=OPTIONS)
    assert offered("train", "-s", "rated.") == []
    assert run(["plugins", "show", "rated"]) == 0
    assert offered("train", "-s", "rated.") == ["rated.rate="]
    # another version is another plugin
    (site.path / "rated-1.0.dist-info").rename(site.path / "rated-2.0.dist-info")
    metadata = site.path / "rated-2.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "2.0"))
    installed_registry.cache_clear()
    assert offered("train", "-s", "rated.") == []


def test_options_that_changed_without_a_version_are_noted_anew(site: Site) -> None:
    site.install("rated", {"rated": "rated"}, rated=OPTIONS)
    run(["plugins", "show", "rated"])
    (site.path / "rated.py").write_text(
        (site.path / "rated.py").read_text().replace("rate:", "speed:")
    )
    del sys.modules["rated"]
    installed_registry.cache_clear()
    run(["plugins", "show", "rated"])
    assert offered("train", "-s", "rated.") == ["rated.speed="]


@pytest.mark.parametrize("text", ["", "[]", '{"dgljoint": 3', '{"x": {"kinds": 1}}'])
def test_a_damaged_index_is_no_index(text: str) -> None:
    file = option_index.index_file()
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert "gcn" in offered("train", "--encoder", "gc")
    assert offered("train", "-s", "train.") == []
    assert run(["plugins", "show", "gcn"]) == 0
    assert "train.epochs=" in offered("train", "-s", "train.")


def test_an_index_that_cannot_be_written_stops_nobody(own_cache: Path) -> None:
    own_cache.write_text("a file")
    assert run(["plugins", "show", "gcn"]) == 0


def test_figures_presets_and_splits_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert offered("runs", "compare", "A", "--metric", "") == list(TITLES)
    assert offered("runs", "list", "--sort", "macro") == ["macro_f1"]
    assert offered("train", "--preset", "") == ["hybrid"]
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


@pytest.mark.usefixtures("known")
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
