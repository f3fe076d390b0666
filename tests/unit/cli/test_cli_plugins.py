"""``plugins`` and ``env`` with good, broken and clashing plugins installed."""

from __future__ import annotations

import json
import re
import sys

import pytest

from dgljoint.plugins.registry import discover
from dgljoint_cli.main import run

GOOD = """
    import dgljoint
    from pydantic import Field

    class MyOptions(dgljoint.Options):
        rate: float = Field(0.5, gt=0, description="of [something]")

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [
            dgljoint.InteractionSpec(
                name="good", summary="a [bold] scheme", build=print, options=MyOptions,
                reference=dgljoint.Reference("Somebody", 2020, "A title", "https://a.example"),
            )
        ]
"""


@pytest.fixture
def installed(site):
    site.install("dgljoint-good", {"good": "good_module"}, good_module=GOOD)
    site.install("dgljoint-bad", {"bad": "bad_module"}, version="2.5", bad_module="1 / 0")


def by_name(capsys) -> dict[str, str]:
    lines = capsys.readouterr().out.splitlines()
    return {line.split()[0]: line for line in lines if line.strip()}


def rows(capsys) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.usefixtures("installed")
def test_listing_with_load_shows_kind_summary_and_who_is_broken(capsys):
    assert run(["plugins", "list", "--load"]) == 0
    lines = by_name(capsys)
    assert "broken" in lines["bad"]
    assert "ZeroDivisionError: division by zero" in lines["bad"]
    assert "a [bold] scheme" in lines["good"]

    assert run(["plugins", "list", "--load", "--format", "json"]) == 0
    found = rows(capsys)
    assert (found["good"]["status"], found["good"]["kinds"]) == ("ok", ["interaction"])
    assert found["bad"]["status"] == "broken"
    assert "dgljoint-bad 2.5" in found["bad"]["cause"]


@pytest.mark.usefixtures("installed")
def test_listing_shows_kind_and_summary_without_importing_anything(capsys):
    imported = {name for name in sys.modules if name.startswith("dgljoint_plugins")}
    assert run(["plugins", "list"]) == 0
    lines = {line.split()[0]: line.split(maxsplit=1)[-1]
             for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert lines["gat"].startswith("encoder  ")
    assert lines["fixed"].startswith("loss weighter  ")
    assert lines["jsonl"].startswith("reader  ")
    assert "unknown: its package has no description; --load imports it" in lines["good"]
    assert "good_module" not in sys.modules
    assert run(["plugins", "list", "--format", "json"]) == 0
    found = rows(capsys)
    assert found["gat"]["kinds"] == ["encoder"]
    assert (found["bad"]["kinds"], found["bad"]["summary"]) == ([], "")
    assert {name for name in sys.modules if name.startswith("dgljoint_plugins")} == imported


def test_what_our_packages_say_of_plugins_is_what_they_are(capsys):
    assert run(["plugins", "list", "--format", "json"]) == 0
    said = rows(capsys)
    assert run(["plugins", "list", "--load", "--format", "json"]) == 0
    for name, row in rows(capsys).items():
        assert (row["kinds"], row["summary"]) == (said[name]["kinds"], said[name]["summary"])
        assert row["summary"]


@pytest.mark.usefixtures("installed")
def test_listing_shows_a_clash(site, capsys):
    site.install("dgljoint-other", {"good": "good_module"})
    assert run(["plugins", "list"]) == 0
    assert "clashes with dgljoint-other" in capsys.readouterr().out
    assert run(["plugins", "list", "--format", "json"]) == 0
    assert rows(capsys)["good"]["clashes_with"] == ["dgljoint-good"]
    assert run(["plugins", "show", "good"]) == 4
    assert "dgljoint-good 1.0 and dgljoint-other 1.0" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_show_has_options_and_reference_in_both_forms(capsys):
    assert run(["plugins", "show", "good"]) == 0
    text = capsys.readouterr().out
    for part in ("good · interaction", "a [bold] scheme", "--plugin good", "dgljoint-good 1.0",
                 "Somebody (2020). A title. https://a.example", "of [something]"):
        assert part in text

    assert run(["plugins", "show", "good", "--format", "json"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert description["module"] == "good_module"
    (component,) = description["components"]
    assert component["reference"]["year"] == 2020
    assert component["options"] == [
        {"name": "rate", "type": "float", "default": "0.5", "description": "of [something]"}
    ]


@pytest.mark.usefixtures("installed")
def test_show_of_a_broken_plugin_exits_4_and_of_none_2(capsys):
    assert run(["plugins", "show", "bad"]) == 4
    assert "dgljoint-bad 2.5" in capsys.readouterr().err
    assert run(["plugins", "show", "goood"]) == 2
    assert "did you mean 'good'?" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_a_disabled_plugin_is_shown_as_such_and_not_imported(monkeypatch, capsys):
    monkeypatch.setenv("DGLJOINT_DISABLED_PLUGINS", " bad,nobodys")
    assert run(["plugins", "list"]) == 0
    lines = by_name(capsys)
    assert "disabled by DGLJOINT_DISABLED_PLUGINS" in lines["bad"]
    assert "disabled" not in lines["good"]

    assert run(["plugins", "list", "--load"]) == 0
    lines = by_name(capsys)
    assert "disabled by DGLJOINT_DISABLED_PLUGINS" in lines["bad"]
    assert "ZeroDivisionError" not in lines["bad"]

    assert run(["plugins", "list", "--load", "--format", "json"]) == 0
    found = rows(capsys)
    assert (found["bad"]["disabled"], found["bad"]["status"]) == (True, "disabled")
    assert (found["good"]["disabled"], found["good"]["status"]) == (False, "ok")

    for command in (["plugins", "show", "bad"], ["train", "--plugin", "bad"]):
        assert run(command) == 2
        assert capsys.readouterr().err == (
            "error: plugin 'bad' (dgljoint-bad 2.5) is disabled\n"
            "hint: take 'bad' out of DGLJOINT_DISABLED_PLUGINS\n"
        )


def test_a_slow_import_is_told_of(site, capsys):
    site.install(
        "dgljoint-good", {"good": "good_module"},
        good_module="import time; time.sleep(1)" + GOOD.replace("\n    ", "\n"),
    )
    assert run(["plugins", "list", "--load"]) == 0
    lines = by_name(capsys)
    said = re.search(r"\(took (\d+\.\d) s to import\)", lines["good"])
    assert said
    assert float(said[1]) >= 1


def test_ctrl_c_while_a_plugin_is_imported_ends_with_130(site, capsys):
    site.install("dgljoint-good", {"good": "good_module"}, good_module="raise KeyboardInterrupt")
    assert run(["plugins", "show", "good"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


@pytest.mark.parametrize(
    "name", [entry.name for entry in discover() if entry.distribution == "dgljoint"]
)
def test_own_plugins_can_be_shown(name, capsys):
    assert run(["plugins", "show", name]) == 0
    assert f"{name} · " in capsys.readouterr().out


@pytest.mark.usefixtures("installed")
def test_env_reports_a_broken_plugin_and_goes_on(capsys):
    assert run(["env", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["versions"]) >= {"python", "dgljoint", "torch", "dgl", "numpy", "h5py"}
    assert found["devices"][0] == "cpu"
    assert found["threads"] >= 1
    assert found["dgl"].pop("devices")[0] == "cpu"
    assert found["dgl"] == {"installed": True, "works": True, "problem": None, "hint": None}
    assert found["kernels"]["cpu"] == "dgl"
    causes = {status["name"]: status["cause"] for status in found["plugins"]}
    assert causes["good"] is None
    assert "ZeroDivisionError" in causes["bad"]

    assert run(["env"]) == 0
    text = capsys.readouterr().out
    assert "its kernels run on cpu" in text
    assert "ZeroDivisionError" in text


def test_env_reports_which_kernels_are_used_on_which_device(monkeypatch, capsys):
    import torch

    from dgljoint.ops import dgl_compat
    from dgljoint.ops import dgl_kernels as _dgl

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "a graphics card")
    monkeypatch.setattr(_dgl, "runs_on", lambda device_type: device_type == "cpu")
    assert run(["env"]) == 0
    assert "dgl on cpu, torch on cuda" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr(_dgl, "runs_on", lambda device_type: True)
    assert run(["env"]) == 0
    assert "its kernels run on cpu and cuda" in capsys.readouterr().out
    monkeypatch.setattr(dgl_compat, "installed", lambda: False)
    assert run(["env", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kernels"] == {"cpu": "torch", "cuda": "torch"}
    assert not found["dgl"]["installed"]
    assert run(["env"]) == 0
    assert "not installed: torch's kernels compute the same" in capsys.readouterr().out


def test_env_says_what_mends_a_dgl_that_does_not_import(monkeypatch, capsys):
    from dgljoint.errors import RunFailedError
    from dgljoint.ops import dgl_kernels as _dgl

    def broken() -> bool:
        raise RunFailedError("DGL cannot be imported", hint="install a tested pair")

    monkeypatch.setattr(_dgl, "kernels_run", broken)
    assert run(["env"]) == 0
    text = capsys.readouterr().out
    assert "broken: DGL cannot be imported" in text
    assert "install a tested pair" in text
