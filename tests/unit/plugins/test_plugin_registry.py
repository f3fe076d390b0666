"""Discovery, isolation and look-up, with real entry points."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from dgljoint.errors import PluginError, UsageError
from dgljoint.plugins import hookspecs, loading, registry
from dgljoint.plugins.registry import PluginEntry, Registry, discover, installed_registry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, WeighterSpec

GOOD = """
    import dgljoint

    def build(options, context):
        return None

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [dgljoint.InteractionSpec(name="good", summary="a scheme", build=build)]

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [dgljoint.WeighterSpec(name="twin", summary="a weighter", build=build)]
"""

BROKEN = {
    "raises at import": (
        "raise RuntimeError('no licence found\\nsecond line')",
        ["import of bad_module", "RuntimeError: no licence found"],
    ),
    "exits at import": ("import sys; sys.exit(3)", ["import of bad_module", "SystemExit: 3"]),
    "does not exist": (None, ["import of bad_module", "ModuleNotFoundError"]),
    "hook raises": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_interactions():
            raise KeyError("width")
        """,
        ["dgljoint_interactions", "KeyError: 'width'"],
    ),
    "hook exits": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_readers():
            raise SystemExit("bye")
        """,
        ["dgljoint_readers", "SystemExit: bye"],
    ),
    "misspelt hook": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_interaction():
            return []
        """,
        ["unknown hook 'dgljoint_interaction'", "did you mean 'dgljoint_interactions'"],
    ),
    "hook with an argument nobody passes": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_interactions(colour):
            return []
        """,
        ["implements a hook wrongly", "dgljoint_interactions", "colour"],
    ),
    "returns None": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_encoders():
            pass
        """,
        ["dgljoint_encoders returned None", "EncoderSpec"],
    ),
    "returns one spec instead of a list": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_encoders():
            return dgljoint.EncoderSpec(name="bad", summary="", build=print)
        """,
        ["dgljoint_encoders returned EncoderSpec", "expected a list of EncoderSpec"],
    ),
    "returns specs of another kind": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_encoders():
            return [dgljoint.WeighterSpec(name="bad", summary="", build=print)]
        """,
        ["dgljoint_encoders", "WeighterSpec", "expected EncoderSpec"],
    ),
    "options are no options class": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_encoders():
            return [dgljoint.EncoderSpec(name="bad", summary="", build=print, options=dict)]
        """,
        ["dgljoint_encoders", "subclass of dgljoint.Options"],
    ),
    "build is no function": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_encoders():
            return [dgljoint.EncoderSpec(name="bad", summary="", build=None)]
        """,
        ["dgljoint_encoders", "'bad', whose build cannot be called"],
    ),
    "two of a kind": (
        """
        import dgljoint
        @dgljoint.hookimpl
        def dgljoint_encoders():
            return [dgljoint.EncoderSpec(name="bad", summary="", build=print)] * 2
        """,
        ["two components of the same kind"],
    ),
    "no component of its name": (GOOD, ["no component of its name", "good, twin"]),
    "no hook at all": ("", ["no component of its name", "none", "@dgljoint.hookimpl"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_plugin_is_named_with_hook_and_cause(site, case):
    source, expected = BROKEN[case]
    modules = {} if source is None else {"bad_module": source}
    site.install("dgljoint-bad", {"bad": "bad_module"}, version="2.5", **modules)
    site.install("dgljoint-good", {"good": "good_module"}, good_module=GOOD)
    plugins = site.registry()

    with pytest.raises(PluginError) as caught:
        plugins.load("bad")

    text = f"{caught.value.message}\n{caught.value.hint}"
    assert caught.value.exit_code == 4
    assert "plugin 'bad' (dgljoint-bad 2.5)" in text
    for part in expected:
        assert part in text
    assert "second line" not in text
    status = plugins.status("bad")
    assert status.cause == caught.value.message
    assert plugins.find(InteractionSpec, "good").summary == "a scheme"


def test_original_exception_is_chained(site):
    site.install("dgljoint-bad", {"bad": "bad_module"}, bad_module="1 / 0")
    with pytest.raises(PluginError) as caught:
        site.registry().load("bad")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_keyboard_interrupt_in_a_plugin_is_not_swallowed(site):
    site.install("dgljoint-slow", {"slow": "slow_module"}, slow_module="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.registry().load("slow")


def test_discovery_reads_metadata_and_imports_nothing(site):
    site.install("dgljoint-bad", {"bad": "bad_module"}, bad_module="raise RuntimeError")
    assert PluginEntry("bad", "dgljoint-bad", "1.0", "bad_module") in discover()
    assert "bad_module" not in sys.modules


def test_own_plugins_are_found_like_anybodys():
    found = {entry.name: entry for entry in discover()}
    assert found["contrastive"].distribution == "dgljoint"
    assert list(found) == sorted(found)


def test_output_of_a_plugin_at_import_goes_to_stderr(site, capsys):
    site.install("dgljoint-loud", {"good": "loud"}, loud="print('hello')\n" + _dedented(GOOD))
    site.registry().load("good")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hello" in captured.err


def test_clash_is_listed_and_refused_only_when_used(site):
    site.install("dgljoint-one", {"good": "good_module"}, good_module=GOOD)
    site.install("dgljoint-two", {"good": "good_module", "twin": "good_module"}, version="0.3")
    plugins = site.registry()

    assert [entry.distribution for entry in plugins.offering("good")] == [
        "dgljoint-one", "dgljoint-two",
    ]
    assert plugins.find(WeighterSpec, "twin").name == "twin"
    with pytest.raises(PluginError, match=r"dgljoint-one 1.0 and dgljoint-two 0.3"):
        plugins.load("good")
    assert "dgljoint-two 0.3" in plugins.status("good").cause


def test_module_behind_two_entry_points_offers_each_its_own_component(site):
    site.install(
        "dgljoint-good", {"good": "good_module", "twin": "good_module"}, good_module=GOOD
    )
    plugins = site.registry()
    assert [spec.name for spec in plugins.load("good").specs] == ["good"]
    assert [spec.kind for spec in plugins.load("twin").specs] == ["loss weighter"]


def test_plugin_is_loaded_once(site):
    site.install("dgljoint-good", {"good": "good_module"}, good_module=GOOD)
    plugins = site.registry()
    assert plugins.load("good") is plugins.load("good")


@pytest.mark.parametrize("name", loading.RESERVED)
def test_name_of_a_configuration_section_is_refused(site, name):
    site.install("dgljoint-greedy", {name: "good_module"}, good_module=GOOD)
    with pytest.raises(PluginError, match=f"'{name}'.*configuration section"):
        site.registry().load(name)


def test_unknown_name_gets_the_closest_match(site):
    site.install("dgljoint-good", {"good": "good_module"}, good_module=GOOD)
    with pytest.raises(UsageError) as caught:
        site.registry().load("goood")
    assert caught.value.hint == "did you mean 'good'?"


@pytest.mark.parametrize(
    ("kind", "wanted"), [(EncoderSpec, "an encoder"), (ReaderSpec, "a reader")]
)
def test_wrong_kind_says_what_it_is_and_how_it_is_used(site, kind, wanted):
    site.install("dgljoint-good", {"good": "good_module"}, good_module=GOOD)
    with pytest.raises(UsageError) as caught:
        site.registry().find(kind, "good")
    assert caught.value.message == f"'good' is an interaction, not {wanted}"
    assert "--plugin good" in caught.value.hint


def test_status_of_a_working_plugin(site):
    site.install("dgljoint-good", {"good": "good_module"}, good_module=GOOD)
    status = site.registry().status("good")
    assert (status.cause, status.kinds, status.summary) == (None, ("interaction",), "a scheme")


def test_disabled_plugins_are_hidden(site, monkeypatch):
    site.install("dgljoint-good", {"good": "good_module", "twin": "good_module"})
    monkeypatch.setenv(registry.DISABLED_VARIABLE, "good, contrastive")
    names = installed_registry().names
    assert "good" not in names
    assert "contrastive" not in names
    assert "twin" in names


def test_every_hook_specification_has_its_spec_type():
    specified = {
        name for name, value in vars(hookspecs).items()
        if name.startswith("dgljoint_") and not isinstance(value, ModuleType)
    }
    assert set(loading.HOOKS) == specified


def test_empty_registry_lists_nothing_to_choose_from():
    with pytest.raises(UsageError) as caught:
        Registry([]).load("anything")
    assert caught.value.hint == "known: none"


def _dedented(source: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in source.splitlines())
