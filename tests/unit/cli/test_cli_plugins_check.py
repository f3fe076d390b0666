"""``plugins check``: what is found of good and bad plugins, in both forms, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from checked_plugins import WEIGHTER, check, edited, install
from commands import ends
from dgljoint.plugins.registry import discover, installed_registry
from dgljoint.testing import LABELS, InstalledPlugin, check_plugin, importing, timing
from dgljoint.testing.findings import run_checks
from dgljoint.testing.installed import (
    STAGES,
    hook_checks,
    import_checks,
    metadata_checks,
    spec_checks,
    timing_checks,
)
from dgljoint_cli.main import run

OWN = [entry.name for entry in discover() if entry.distribution == "dgljoint"]

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"

SLOW = """
    import time
    import dgljoint

    def build(options, context):
        from dgljoint.nn import Interaction

        class Mine(Interaction):
            def couple(self, reps, batch):
                time.sleep(0.1 * self.training)
                return reps

        return Mine()

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="mine", summary="waits", build=build)]
"""
READER = """
    import dgljoint

    @dgljoint.hookimpl
    def dgljoint_readers():
        return [dgljoint.ReaderSpec(name="mine", summary="reads", build=print)]
"""


def test_a_good_plugin_passes_every_stage(site, capsys):
    install(site, WEIGHTER)
    findings, err = check(capsys)
    outcomes = {name: finding["outcome"] for name, finding in findings.items()}
    del outcomes["is imported quickly"]
    assert set(outcomes.values()) == {"ok", "skipped"}
    assert tuple(dict.fromkeys(f["stage"] for f in findings.values())) == STAGES
    assert findings["fills the gradients"]["stage"] == "conformance"
    assert findings["can be imported"]["figures"]["seconds"] > 0
    assert err.splitlines() == [f"mine: {stage}" for stage in STAGES]


def test_stages_after_one_that_failed_are_left_out(site):
    install(site, "1 / 0")
    findings = list(check_plugin(InstalledPlugin(site.registry(), "mine")))
    assert [(f.stage, f.found) for f in findings if f.outcome == "skipped"] == [
        (stage, "import failed") for stage in STAGES[2:]
    ]


def test_an_import_without_end_is_given_up(site, capsys, monkeypatch):
    monkeypatch.setattr(importing, "LIMIT_SECONDS", 1.5)
    install(site, "import time\nwhile True: time.sleep(1)")
    findings, _ = check(capsys, code=4)
    assert findings["can be imported"]["found"] == "it is not done after 1.5 s"


def test_habits_at_import_are_told_and_fail_nobody(site, capsys):
    habits = """
        import sys, threading, time
        import scipy
        print("hello\\nagain")
        thread = threading.Thread(target=time.sleep, args=(600,), name="idle", daemon=True)
        thread.start()
    """
    install(site, dedent(habits) + dedent(WEIGHTER), requires=())
    findings, err = check(capsys)
    notes = {name: f["found"] for name, f in findings.items() if f["outcome"] == "note"}
    assert notes.pop("is imported quickly").startswith("it imports scipy")
    assert notes == {
        "prints nothing": "it prints 'hello'",
        "starts no thread": "threads run after the import: idle",
        "declares which dgljoint it needs": "dgljoint is not required",
    }
    assert 'dependencies = ["dgljoint>=' in findings["declares which dgljoint it needs"]["mend"]
    assert "hello" in err


def test_a_slow_import_is_told(site, capsys):
    install(site, "import time; time.sleep(0.6)\n" + dedent(WEIGHTER))
    findings, _ = check(capsys)
    said = re.fullmatch(r"it takes (\d+\.\d) s", findings["is imported quickly"]["found"])
    assert said
    assert float(said[1]) >= 0.6


def test_what_a_plugin_prints_while_it_is_checked_goes_to_stderr(site, capsys):
    loud = edited("import torch\n", "import torch\n        print('building')\n")
    install(site, loud)
    _, err = check(capsys)
    assert "building" in err


@pytest.mark.parametrize(
    ("requires", "found", "mend"),
    [
        (
            "dgljoint>=99", "dgljoint 0.1.0 is installed, >=99 is required",
            "bring your clone to dgljoint>=99",
        ),
        (
            "nothing-of-this-name>=1", "nothing-of-this-name is not installed",
            "pip install 'nothing-of-this-name>=1'",
        ),
        ('nothing-of-this-name; extra == "test"', "", ""),
        ('nothing-of-this-name; python_version < "3"', "", ""),
    ],
)
def test_requirements_are_those_that_are_installed(site, requires, found, mend):
    install(site, "", requires=["dgljoint", requires])
    *_, finding = run_checks(metadata_checks(InstalledPlugin(site.registry(), "mine")))
    assert (finding.check, finding.found) == ("has what it requires", found)
    assert finding.outcome == ("failed" if found else "ok")
    assert finding.mend.startswith(mend)


def test_an_entry_point_is_a_module(site, capsys):
    install(site, WEIGHTER, value="my_module:plugin")
    findings, _ = check(capsys, code=4)
    assert "'my_module:plugin'" in findings["names a module"]["found"]
    assert "without a colon" in findings["names a module"]["mend"]


def test_a_clash_names_the_other(site, capsys):
    install(site, WEIGHTER)
    site.install("dgljoint-other", {"mine": "my_module"})
    findings, _ = check(capsys, code=4)
    finding = findings["has a name of its own"]
    assert finding["found"] == "dgljoint-other 1.0 offers 'mine' as well"
    assert "pip uninstall dgljoint-other" in finding["mend"]


def test_debug_shows_the_traceback(site, capsys):
    install(site, "def divide():\n    return 1 / 0\ndivide()")
    _, err = check(capsys, "--debug", code=4)
    assert "in divide" in err
    assert "ZeroDivisionError" in err


def test_debug_shows_every_traceback(site, capsys):
    two = """
            def get_extra_state(self):
                raise KeyError("lost")

            def weigh(self, losses, step):
                if (losses.values() == 0).any():
                    missing
    """.strip("\n ")
    install(site, edited("def weigh(self, losses, step):", two.strip()))
    findings, err = check(capsys, "--debug", code=4)
    assert "raised by plugins (2 sub-exceptions)" in err
    assert "KeyError: 'lost'" in err
    assert "NameError: name 'missing' is not defined" in err
    assert "NameError" in findings["is finite for odd losses"]["found"]


def test_the_table_shows_what_to_change(site, capsys):
    install(site, edited(', description="of every weight"', ""))
    assert run(["plugins", "check", "mine", "--no-timing", "-q"]) == 4
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "mine (dgljoint-mine 2.5) fails"
    (row,) = [n for n, line in enumerate(lines) if "describes its options" in line]
    assert "failed" in lines[row]
    assert "no description of size" in lines[row]
    assert lines[row + 1].strip() == "to mend it: Field(DEFAULT, description=...)"
    assert err.startswith("error: plugin 'mine' (dgljoint-mine 2.5) fails 1 of ")


def test_verbose_says_each_check(site, capsys):
    install(site, WEIGHTER)
    _, err = check(capsys, "-v")
    assert "  moves as a whole: ok\n" in err


def test_options_reach_the_component(site, capsys):
    install(site, edited("options.size)", "options.size if options.size < 2 else float('nan'))"))
    assert run(["plugins", "check", "mine", "-s", "sise=2"]) == 2
    assert "mine has no option 'sise': did you mean 'size'?" in capsys.readouterr().err
    check(capsys, "-s", "size=1.5")
    findings, _ = check(capsys, "-s", "size=2", code=4)
    assert findings["returns a weight for each loss"]["outcome"] == "failed"


@pytest.mark.slow
def test_a_step_is_timed_beside_those_of_its_kind(site, capsys, monkeypatch):
    monkeypatch.setattr(timing, "ROUNDS", 1)
    install(site, SLOW)
    assert run(["plugins", "check", "mine", "--format", "json", "-q"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    finding = found["findings"][-1]
    assert (finding["stage"], finding["outcome"]) == ("timing", "ok")
    seconds, usual, ratio = (finding["figures"][k] for k in ("seconds", "median_seconds", "ratio"))
    assert seconds > 0.1
    assert ratio == seconds / usual
    shipped = len([name for name in OWN if _is_interaction(name)])
    assert f"{ratio:.2f} times the median of the {shipped} interactions that ship" in (
        finding["found"]
    )


def test_a_component_that_cannot_be_timed_fails_nobody(site):
    install(site, SLOW.replace("time.sleep(0.1 * self.training)", "reps = None"))
    (finding,) = run_checks(timing_checks(InstalledPlugin(site.registry(), "mine")))
    assert finding.outcome == "skipped"
    assert "returned None from couple" in finding.found


def _is_interaction(name):
    return any(spec.kind == "interaction" for spec in installed_registry().load(name).specs)


def test_a_reader_wants_raw_data_to_be_checked(site, capsys):
    install(site, READER)
    findings, _ = check(capsys)
    assert findings["reads raw data"]["outcome"] == "skipped"
    assert findings["reads raw data"]["mend"] == "dgljoint plugins check mine --raw PATH"
    findings, _ = check(capsys, "--raw", str(site.path), code=4)
    assert findings["reads its source"]["outcome"] == "failed"
    ends(capsys, 3, "plugins", "check", "mine", "--raw", "nowhere")


def test_own_readers_pass_on_raw_data(tmp_path, capsys):
    posts = [{"id": "p", "parent": None, "delay_seconds": 0, "text": "word"}]
    line = {"id": "c", "label": LABELS[0], "posts": posts}
    (tmp_path / "raw.jsonl").write_text(json.dumps(line) + "\n")
    assert run(["plugins", "check", "jsonl", "--raw", str(tmp_path / "raw.jsonl"), "-q"]) == 0
    assert "recognises its own source" in capsys.readouterr().out


@pytest.mark.parametrize("names", [["gcn", "fixed"], []])
def test_what_is_for_one_plugin_wants_one(names, capsys):
    assert run(["plugins", "check", *names, "-s", "a=1"]) == 2
    assert "are for one plugin" in capsys.readouterr().err


def test_a_name_that_is_none_is_told_before_anything_is_checked(capsys):
    assert run(["plugins", "check", "gcn", "fixd"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["error: no plugin is named 'fixd'", "hint: did you mean 'fixed'?"]


def test_without_a_name_all_but_our_own_are_checked(site, capsys):
    assert run(["plugins", "check", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == []
    assert "no plugins but dgljoint's own are installed" in err

    install(site, WEIGHTER)
    site.install("dgljoint-bad", {"bad": "bad_module"}, bad_module="1 / 0")
    installed_registry.cache_clear()
    assert run(["plugins", "check", "--format", "json", "--no-timing", "-q"]) == 4
    out, err = capsys.readouterr()
    assert {found["name"]: found["passed"] for found in json.loads(out)} == {
        "bad": False, "mine": True
    }
    assert err.startswith("error: plugin 'bad' (dgljoint-bad 1.0) fails 1 of ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gcn", "contrastive", "fixed"])
def test_own_components_pass(name, capsys):
    assert run(["plugins", "check", name, "--no-timing", "-q"]) == 0
    assert capsys.readouterr().out.startswith(f"{name} (dgljoint ")


@pytest.mark.parametrize("name", OWN)
def test_own_plugins_are_sound_and_say_what_they_must(name):
    subject = InstalledPlugin(installed_registry(), name)
    stages = (metadata_checks, hook_checks, spec_checks)
    findings = [finding for checks in stages for finding in run_checks(checks(subject))]
    assert {finding.outcome for finding in findings} <= {"ok", "note"}
    assert {f.check for f in findings if f.outcome == "note"} <= {"names its source"}


@pytest.mark.slow
@pytest.mark.parametrize("module", sorted({entry.module: entry.name for entry in discover()}))
def test_own_plugins_are_imported_as_they_should(module):
    (name, *_) = [entry.name for entry in discover() if entry.module == module]
    found = list(run_checks(import_checks(InstalledPlugin(installed_registry(), name))))
    assert {f.outcome for f in found if f.check != "is imported quickly"} == {"ok"}
    assert not [f for f in found if "it imports" in f.found]


def test_every_check_is_on_the_page(capsys):
    assert run(["plugins", "check", "fixed", "--no-timing", "--format", "json", "-q"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    page = " ".join(PAGE.read_text(encoding="utf-8").split()).replace("*", "")
    # a list of options' properties shares its first words
    names = [finding["check"].replace("has options ", "") for finding in found["findings"]]
    assert [name for name in names if name not in page] == []
