"""The frame around every verb: help, typos, exit codes, tracebacks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from dgljoint import errors
from dgljoint.plugins import registry
from dgljoint_cli import main
from dgljoint_cli.commands import plugins as plugins_verb
from dgljoint_cli.main import cli, run

LEAVES = [
    ("preprocess",), ("data",), ("data", "info"), ("data", "validate"),
    ("data", "show"), ("data", "export"), ("data", "split"), ("audit",), ("train",),
    ("evaluate",), ("synergy",), ("plugins",), ("plugins", "list"),
    ("plugins", "show"), ("env",),
]


@pytest.mark.parametrize("verb", LEAVES)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_verb_has_help_with_an_example_and_the_common_flags(verb, flag, capsys):
    assert run([*verb, flag]) == 0
    text = capsys.readouterr().out
    assert f"Examples:\n    dgljoint {' '.join(verb)}" in text
    for common in ("--quiet", "--verbose", "--debug"):
        assert common in text


def test_help_lists_every_verb_with_a_whole_sentence(capsys):
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in cli.list_commands(click.Context(cli)):
        assert verb in text
    assert "..." not in text.split("Commands:")[1]


def every_command(command=cli, path=("dgljoint",)):
    """Yield each verb that can be run, with the words that name it."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from every_command(command.get_command(context, name), (*path, name))


EVERY_COMMAND = dict(every_command())


@pytest.mark.parametrize("verb", EVERY_COMMAND)
def test_o_is_an_output_and_s_a_setting_in_every_verb(verb):
    flags = [set(p.opts) for p in EVERY_COMMAND[verb].params if isinstance(p, click.Option)]
    for one, other in (("-o", "--out"), ("-s", "--set")):
        assert all({one, other} == names for names in flags if names & {one, other})
    assert not {"--option", "--output"} & set().union(*flags)


def test_a_cascade_file_has_one_name_among_the_arguments():
    names = {
        verb: parameter.make_metavar(click.Context(command)).strip("[]")
        for verb, command in EVERY_COMMAND.items()
        for parameter in command.params
        if isinstance(parameter, click.Argument) and parameter.name in ("data", "store")
    }
    assert set(names.values()) == {"DATA"}
    assert len(names) > 7


@pytest.mark.parametrize("bare", [[], ["plugins"], ["data"]])
def test_a_bare_group_shows_its_help(bare, capsys):
    assert run(bare) == 0
    assert "Commands:" in capsys.readouterr().out


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dgljoint 0.")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian"], "did you mean 'train'?"),
        (["plugins", "shwo", "gcn"], "did you mean 'show'?"),
        (["train", "--plugn", "x"], "dgljoint train -h"),
        (["preprocess"], "dgljoint preprocess -h"),
        (["train", "--epochs", "many"], "dgljoint train -h"),
        (["plugins", "list", "--format", "xml"], "dgljoint plugins list -h"),
    ],
)
def test_wrong_command_lines_exit_2_with_a_hint_on_stderr(arguments, hint, capsys):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert hint in captured.err


@pytest.fixture
def failing(monkeypatch):
    """Make `plugins list` raise what the test wants."""

    def arrange(error: BaseException) -> None:
        def fail():
            raise error

        monkeypatch.setattr(plugins_verb.core, "installed_registry", fail)

    return arrange


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.RunFailedError("it broke", hint="mend it"), 1),
        (errors.UsageError("it broke", hint="mend it"), 2),
        (errors.DataError("it broke", hint="mend it"), 3),
        (errors.PluginError("it broke", hint="mend it"), 4),
        (errors.DivergedError("it broke", hint="mend it"), 5),
        (errors.RegressionError("it broke", hint="mend it"), 6),
        (errors.InterruptedRunError("it broke", hint="mend it"), 130),
    ],
)
def test_errors_are_rendered_without_traceback_and_with_their_exit_code(
    failing, capsys, error, exit_code
):
    failing(error)
    assert run(["plugins", "list"]) == exit_code
    assert capsys.readouterr().err == "error: it broke\nhint: mend it\n"


def test_a_bug_asks_for_a_report_and_exits_1(failing, capsys):
    failing(ZeroDivisionError("division by zero"))
    assert run(["plugins", "list"]) == 1
    text = capsys.readouterr().err
    assert "unexpected ZeroDivisionError: division by zero" in text
    assert "--debug" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("arguments", [["--debug", "plugins", "list"],
                                       ["plugins", "--debug", "list"],
                                       ["plugins", "list", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(failing, capsys, arguments):
    failing(ZeroDivisionError("division by zero"))
    assert run(arguments) == 1
    assert "Traceback" in capsys.readouterr().err


def test_debug_shows_what_a_plugin_raised(site, capsys):
    site.install("dgljoint-bad", {"bad": "bad_module"}, bad_module="1 / 0")
    assert run(["plugins", "show", "bad", "--debug"]) == 4
    text = capsys.readouterr().err
    assert "ZeroDivisionError" in text
    assert "bad_module.py" in text


def test_lack_of_memory_is_not_called_a_bug(failing, capsys):
    failing(MemoryError())
    assert run(["plugins", "list"]) == 1
    text = capsys.readouterr().err
    assert "out of memory" in text
    assert "bug" not in text


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("train", "-s train.batch=16"), ("evaluate", "--device cpu"), ("predict", "--device cpu"),
        ("audit", "less data"), ("preprocess", "less data"), ("synergy", "less data"),
    ],
)
def test_what_needs_less_memory_is_said_by_options_that_the_verb_has(
    monkeypatch, capsys, verb, hint
):
    command = cli.get_command(click.Context(cli), verb)
    options = {name for option in command.params for name in option.opts}
    needed = re.findall(r"(?<!\w)--?[a-z]+", hint)
    assert set(needed) <= options

    def lacking(*given, **settings):
        raise MemoryError

    monkeypatch.setattr(command, "callback", lacking)
    monkeypatch.setattr(command, "params", [])
    assert run(["-q", verb]) == 1
    text = capsys.readouterr().err
    assert hint in text
    assert ("train.batch" in text) == (verb == "train")


def test_interrupt_exits_130_quietly(failing, capsys):
    failing(KeyboardInterrupt())
    assert run(["plugins", "list"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_list_shows_own_plugins_in_both_forms(capsys):
    registry.installed_registry.cache_clear()
    assert run(["plugins", "list"]) == 0
    assert "contrastive" in capsys.readouterr().out
    assert run(["plugins", "list", "--format", "json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["contrastive"] == {
        "name": "contrastive",
        "distribution": "dgljoint",
        "version": rows["contrastive"]["version"],
        "module": "dgljoint_plugins.interactions.contrastive",
        "kinds": ["interaction"],
        "summary": rows["contrastive"]["summary"],
        "clashes_with": [],
        "disabled": False,
    }
    assert "InfoNCE" in rows["contrastive"]["summary"]


def test_what_stdout_held_back_to_the_end_and_could_not_take_is_told_of(monkeypatch, capsys):
    with main._Results(Path("/dev/full").open("wb"), encoding="utf-8") as full:
        full.write("a line")
        monkeypatch.setattr("sys.stdout", full)
        assert main._flushed(0) == 1
        assert capsys.readouterr().err.startswith("error: cannot write stdout: the disk is full\n")
        # Nothing is tried again, nor said twice.
        assert main._flushed(3) == 3
        full.write("another")
    assert capsys.readouterr().err == ""
