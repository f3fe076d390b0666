"""``dgljoint data``: what a cascade file holds."""

from __future__ import annotations

from pathlib import Path

import click

from dgljoint_cli.console import (
    SuggestingGroup,
    common_options,
    examples,
    format_option,
    print_json,
)

store_argument = click.argument("store", type=click.Path(path_type=Path))


@click.group(
    cls=SuggestingGroup,
    epilog=examples("dgljoint data info twitter15.h5", "dgljoint data show twitter15.h5"),
)
@common_options
def data() -> None:
    """Sum up, check and show what a cascade file holds."""


@data.command(
    epilog=examples(
        "dgljoint data info twitter15.h5", "dgljoint data info twitter15.h5 --format json"
    )
)
@store_argument
@format_option
@common_options
def info(store: Path, as_json: bool) -> None:
    """Sum up STORE: size, classes, features, splits."""
    from dgljoint.store import CascadeStore
    from dgljoint_data.describe import describe_store

    found = describe_store(CascadeStore(store))
    if as_json:
        print_json(found.to_dict())
        return
    from dgljoint_cli.holdings import info_tables
    from dgljoint_cli.rendering import render

    render(*info_tables(found))


@data.command(
    epilog=examples(
        "dgljoint data validate twitter15.h5",
        "dgljoint data validate twitter15.h5 --format json",
    )
)
@store_argument
@format_option
@common_options
def validate(store: Path, as_json: bool) -> None:
    """Check all of STORE, to the last byte; a fault exits with 3.

    Every opening of a file makes the same checks: this command says which they are.
    """
    from dgljoint.store import CHECKS, CascadeStore

    opened = CascadeStore(store)
    if as_json:
        print_json({"path": store, "valid": True, "digest": opened.digest, "checked": CHECKS})
        return
    from dgljoint_cli.rendering import render

    counted = f"{len(opened):,} cascades, {opened.posts:,} posts, digest {opened.digest}"
    render(f"{store} is valid: {counted}", *(f"  {check}" for check in CHECKS))


@data.command(
    epilog=examples(
        "dgljoint data show twitter15.h5",
        "dgljoint data show twitter15.h5 731166399389962242 --posts 100",
    )
)
@store_argument
@click.argument("cascade", required=False, metavar="[CASCADE]")
@click.option(
    "--posts", type=click.IntRange(min=1), default=30, show_default=True, metavar="N",
    help="Most posts to draw; the others are counted.",
)
@common_options
def show(store: Path, cascade: str | None, posts: int) -> None:
    """Draw one cascade of STORE as a tree: the one with the id CASCADE, or the first.

    Each post stands under the one it answers, with its delay, kind, user and text.
    """
    from dgljoint.store import CascadeStore
    from dgljoint_cli.holdings import cascade_tree, find_cascade
    from dgljoint_cli.rendering import render

    opened = CascadeStore(store)
    render(cascade_tree(opened, find_cascade(opened, cascade), posts))


@data.command(
    epilog=examples("dgljoint data features", "dgljoint data features --format json")
)
@format_option
@common_options
def features(as_json: bool) -> None:
    """List the features of posts that preprocess can store, with their options.

    Chosen with --features NAME or --features NAME:KEY=VALUE,KEY=VALUE. A reader may carry others.
    """
    from dgljoint_data.features.catalogue import list_features

    rows = list_features()
    if as_json:
        print_json(rows)
        return
    from dgljoint_cli.holdings import feature_table
    from dgljoint_cli.rendering import render

    render(feature_table(rows))
