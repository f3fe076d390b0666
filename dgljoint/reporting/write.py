"""Write the report and the model card of a run folder."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dgljoint._internal.files import write_text
from dgljoint.reporting import charts
from dgljoint.reporting.content import Content, read_content
from dgljoint.reporting.scores import ScoreTable
from dgljoint.runs.listing import read_facts
from dgljoint.runs.stored import CARD, REPORT


def write_reports(folder: Path) -> tuple[Path, ...]:
    """Write ``report.html`` and ``model_card.md``, whole or not at all, and return their paths.

    A run that has not ended gets both of what there is so far.
    """
    content = read_content(read_facts(folder))
    made = {REPORT: report_html(content), CARD: model_card(content)}
    for name, text in made.items():
        write_text(folder / name, text)
    return tuple(folder / name for name in made)


def report_html(content: Content) -> str:
    """Return the report: one page that needs nothing else, with everything in it escaped."""
    environment = Environment(
        loader=PackageLoader("dgljoint.reporting"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(content=content, size=charts)


def model_card(content: Content) -> str:
    """Return the model card, in Markdown."""
    environment = Environment(
        loader=PackageLoader("dgljoint.reporting"), undefined=StrictUndefined,
        # Markdown has an escaping of its own, which also keeps HTML out.
        autoescape=False, finalize=_markdown,  # noqa: S701
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )
    environment.filters |= {"address": _address, "table": _table}
    return environment.get_template("model_card.md.j2").render(content=content)


def _markdown(value: object) -> str:
    """Return what a template inserts as text: one line, no markup."""
    if isinstance(value, Markup):
        return value
    line = " ".join(str(value).split())
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))


def _address(url: str) -> Markup:
    """Return a web address as Markdown makes a link of, with nothing in it that could end it."""
    return Markup("<" + quote(url, safe=":/?&=%#~+,;@!()") + ">")  # noqa: S704  # quoted


def _table(table: ScoreTable) -> Markup:
    """Return a table in Markdown, its cells as text."""
    lines = [table.columns, ("---", *["---:"] * (len(table.columns) - 1)), *table.rows]
    rows = ["| " + " | ".join(map(_markdown, cells)) + " |" for cells in lines]
    return Markup("\n".join(rows))  # noqa: S704  # escaped for Markdown
