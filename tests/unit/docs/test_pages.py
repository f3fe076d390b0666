"""What the pages say of components is what the components say; every component has a page."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.main import cli

DOCS = Path(__file__).parents[3] / "docs"


def load_generator() -> ModuleType:
    sys.path.insert(0, str(DOCS))  # as it is for a script
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


generate = load_generator()
SHIPPED = [
    pytest.param(folder, spec, id=f"{folder}-{spec.name}")
    for folder, kind in generate.KINDS.items()
    for spec in generate.shipped(installed_registry(), kind)
]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Copy the pages, so that they can be spoilt."""
    return Path(shutil.copytree(DOCS, tmp_path / "docs"))


def test_generated_parts_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_differs_is_shown_and_mended(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = docs / "readers" / "jsonl.md"
    before = page.read_text()
    page.write_text(before.replace("separated by commas", "separated by dots"))
    assert page.read_text() != before
    assert generate.main(["--check"], docs) == 1
    said = capsys.readouterr().err
    assert "-| `labels` | `str` | `''` | the classes in their order, separated by dots" in said
    assert "+| `labels` | `str` | `''` | the classes in their order, separated by commas" in said
    assert page.read_text() != before
    assert generate.main([], docs) == 0
    assert page.read_text() == before
    assert generate.main(["--check"], docs) == 0


def test_an_empty_block_is_filled_in(docs: Path) -> None:
    page = docs / "readers" / "weibo.md"
    page.write_text("# x\n\n<!-- options: weibo -->\n<!-- end options -->\n\nafter\n")
    other = docs / "readers" / "pheme.md"
    other.write_text("<!-- options: pheme -->\n<!-- end options -->\n")
    assert generate.main([], docs) == 0
    assert page.read_text() == (
        "# x\n\n<!-- options: weibo -->\n\nNone.\n\n<!-- end options -->\n\nafter\n"
    )
    row = "| `labels` | `Literal['veracity', 'rumor', 'veracity3']` | `'veracity'` |"
    assert row in other.read_text()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("jsno", "no plugin is named 'jsno'"),
        ("jsonl pheme", "jsonl, pheme do not share one class"),
        ("fixed", "'fixed' is a loss weighter, not a reader"),
    ],
)
def test_a_block_of_what_there_is_not_is_named(
    docs: Path, capsys: pytest.CaptureFixture[str], names: str, message: str
) -> None:
    page = docs / "readers" / "jsonl.md"
    page.write_text(f"<!-- options: {names} -->\n<!-- end options -->\n")
    assert generate.main(["--check"], docs) == 1
    said = capsys.readouterr().err
    assert str(page) in said
    assert message in said


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_commands_of_the_pages_are_commands(page: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)
    for line in "".join(blocks).replace("\\\n", " ").splitlines():
        if not line.startswith("dgljoint "):
            continue
        arguments = shlex.split(line)[1:]
        command: click.Command | None = cli
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), arguments.pop(0))
        assert command is not None, line
        # raises for what it does not take; what click remembers of help hangs on the parent
        command.make_context(line, arguments, parent=click.Context(cli, **cli.context_settings))


@pytest.mark.parametrize(("folder", "spec"), SHIPPED)
def test_every_component_has_a_page_that_the_index_links(folder, spec) -> None:
    page = generate.page_of(spec.name, DOCS / folder)
    assert page is not None, f"no page of docs/{folder} has <!-- options: {spec.name} -->"
    link = f"[`{spec.name}`]({folder}/{page.name})"
    assert link in (DOCS / "README.md").read_text()


@pytest.mark.parametrize(
    ("folder", "spec"), [param for param in SHIPPED if param.values[0] != "readers"]
)
def test_every_page_says_when_it_helps_what_it_costs_and_whose_it_is(folder, spec) -> None:
    page = generate.page_of(spec.name, DOCS / folder)
    assert page is not None
    text = page.read_text()
    for heading in ("## Options", "## When it helps", "## Cost"):
        assert f"\n{heading}\n" in text
    if spec.reference is None:
        assert "## Reference" in text or "plumbing" in text
    else:
        assert spec.reference.url in text.split("\n## Reference\n")[1]
