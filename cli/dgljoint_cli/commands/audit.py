"""``dgljoint audit``: what of a split a model could exploit without learning about rumors."""

from __future__ import annotations

from pathlib import Path

import click

from dgljoint_cli import console, views
from dgljoint_cli.data_argument import CascadeFile

_STRICT_EXIT = 3


@click.command(
    epilog=console.examples(
        "dgljoint audit twitter15.h5",
        "dgljoint audit twitter15.h5 --split random --against twitter16.h5 --strict",
    )
)
@click.argument("store", metavar="DATA", type=CascadeFile())
@click.option(
    "--split", metavar="NAME",
    help="Split to audit; event by default, or the first where the file has no split of that name.",
)
@click.option(
    "--against", type=CascadeFile(), metavar="OTHER",
    help="Another cascade file, to count what both contain.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 at a warning or worse.")
@console.format_option
@console.common_options
@click.pass_obj
def audit(
    talk: console.Talk, /, store: Path, split: str | None, against: Path | None, strict: bool,
    as_json: bool,
) -> int:
    """Look for leaks across a split of DATA, each with a number.

    Shared events, source posts and texts; the accuracy of a date, an id, the source's words or the
    tree's shape alone; class balance, time order, features that identify, target edges.
    """
    from dgljoint.data.store import CascadeStore
    from dgljoint_data.audit import audit_store
    from dgljoint_data.audit.outcome import Severity

    opened = CascadeStore(store)
    other = None if against is None else CascadeStore(against)
    if split is not None:
        opened.split(split)  # a typo should not wait for scikit-learn
    talk.detail("training the probes, one fold at a time")
    found = audit_store(opened, split, other)
    if as_json:
        console.print_json(found.to_dict())
    else:
        views.rendering.render(views.holdings.audit_table(found))
    return _STRICT_EXIT if strict and found.worst >= Severity.warning else 0
