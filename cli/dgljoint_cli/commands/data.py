"""``dgljoint data``: what a cascade file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from dgljoint.errors import UsageError
from dgljoint_cli.console import (
    SuggestingGroup,
    Talk,
    common_options,
    examples,
    format_option,
    print_json,
)
from dgljoint_cli.data_argument import CascadeFile

store_argument = click.argument("store", metavar="DATA", type=CascadeFile())


@click.group(
    cls=SuggestingGroup,
    epilog=examples("dgljoint data info twitter15.h5", "dgljoint data show twitter15.h5"),
)
@common_options
def data() -> None:
    """Sum up, check, show, export or split a cascade file."""


@data.command(
    epilog=examples(
        "dgljoint data info twitter15.h5", "dgljoint data info twitter15.h5 --format json"
    )
)
@store_argument
@format_option
@common_options
def info(store: Path, as_json: bool) -> None:
    """Sum up DATA: size, classes, features, splits."""
    from dgljoint.data.store import CascadeStore
    from dgljoint_data.describe import describe_store

    found = describe_store(CascadeStore(store))
    if as_json:
        print_json(found.to_dict())
        return
    from dgljoint_cli.views.holdings import info_tables
    from dgljoint_cli.views.rendering import render

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
    """Check all of DATA, to the last byte; a fault exits with 3.

    Every opening of a file makes the same checks: this command lists them.
    """
    from dgljoint.data.store import CHECKS, CascadeStore

    opened = CascadeStore(store)
    if as_json:
        print_json({
            "path": store, "valid": True, "cascades": len(opened), "posts": opened.posts,
            "digest": opened.digest, "checked": CHECKS,
        })
        return
    from dgljoint_cli.views.rendering import render

    counted = f"{len(opened):,} cascades, {opened.posts:,} posts, digest {opened.digest}"
    render(f"{store} is valid: {counted}", *(f"  {check}" for check in CHECKS))


@data.command(
    epilog=examples(
        "dgljoint data show twitter15.h5",
        "dgljoint data show twitter15.h5 731166399389962242 --posts 100",
        "dgljoint data show twitter15.h5 --format json > one.jsonl",
    )
)
@store_argument
@click.argument("cascade", required=False, metavar="[CASCADE]")
@click.option(
    "--posts", type=click.IntRange(min=1), default=30, show_default=True, metavar="N",
    help="Most posts to draw; the others are counted.",
)
@format_option
@common_options
def show(store: Path, cascade: str | None, posts: int, as_json: bool) -> None:
    """Draw one cascade of DATA as a tree: the one with the id CASCADE, or the first.

    Each post is under the one it answers, with its delay, kind, user and text. As JSON it is
    one line with all posts, in the form that the reader jsonl reads.
    """
    from dgljoint.data.store import CascadeStore
    from dgljoint_cli.views.holdings import cascade_tree, find_cascade

    opened = CascadeStore(store)
    place = find_cascade(opened, cascade)
    if as_json:
        from dgljoint_data.export import cascade_line

        click.echo(cascade_line(opened, place), nl=False)
        return
    from dgljoint_cli.views.rendering import render

    render(cascade_tree(opened, place, posts))


@data.command(
    epilog=examples(
        "dgljoint data export twitter15.h5 -o twitter15.jsonl",
        "dgljoint data export twitter15.h5 -o - --to jsonl | head -n 1",
        "dgljoint data export twitter15.h5 -o twitter15.bin --to dgl",
    )
)
@store_argument
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, allow_dash=True),
    metavar="OUT", help="File to write; - for stdout (jsonl).",
)
@click.option(
    "--to", "form", type=click.Choice(["jsonl", "dgl"]),
    help="Form; by default what OUT ends in: .jsonl, or .bin or .dgl.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@format_option
@common_options
@click.pass_obj
def export(
    talk: Talk, /, store: Path, out: Path, form: str | None, force: bool, as_json: bool
) -> None:
    """Write DATA as JSON Lines or as plain DGL graphs.

    jsonl has one cascade per line, all of it but features and splits; the reader jsonl reads it,
    and memory is bounded. dgl is for `graphs, tensors = dgl.load_graphs(OUT)`: edges from parent to
    child, node data delay, kind and dense features; label, event, fold/NAME of each split and
    sparse features (one CSR matrix over all nodes) are among the tensors. It has no ids, users,
    texts, dates or targets, and is made in memory as a whole.
    """
    from dgljoint_cli.commands import data_export as exporting

    form = exporting.check_output(store, out, form, force=force)
    done = exporting.export_store(store, out, form)
    if out == exporting.STDOUT:
        talk.info(exporting.sentence(done))
    elif as_json:
        print_json(done)
    else:
        from dgljoint_cli.views.rendering import render

        render(*exporting.lines(done))


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
    from dgljoint_cli.views.holdings import feature_table
    from dgljoint_cli.views.rendering import render

    render(feature_table(rows))


@data.command(
    epilog=examples(
        "dgljoint data split twitter15.h5",
        "dgljoint data split twitter15.h5 ten --kind event --folds 10 --seed 1",
        "dgljoint data split twitter15.h5 theirs --from folds.csv",
        "dgljoint data split twitter15.h5 theirs --remove",
    )
)
@store_argument
@click.argument("name", required=False, metavar="[NAME]")
@click.option(
    "--kind", type=click.Choice(["event", "random", "time", "leave-one-event-out"]),
    help="How to divide; event by default.",
)
@click.option(
    "--folds", type=click.IntRange(2, 127), metavar="K",
    help="Number of folds; 5 by default, fewer where there are fewer events.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="S", help="Seed; 0 by default.")
@click.option(
    "--from", "file", type=click.Path(path_type=Path), metavar="FILE",
    help="Take the folds from a table of cascade id and fold (CSV or TSV); -1 is no fold.",
)
@click.option(
    "--skip-unknown", is_flag=True, help="With --from: pass over ids that DATA does not hold."
)
@click.option("--remove", is_flag=True, help="Take the split NAME out of DATA.")
@click.option("--force", is_flag=True, help="Replace a split NAME that is there.")
@format_option
@common_options
def split(
    store: Path, name: str | None, remove: bool, as_json: bool, **wanted: Any
) -> None:
    """List the splits of DATA, or make one of your own and store it as NAME.

    Train on it with `dgljoint train DATA --split NAME`. DATA is written again and replaced as a
    whole; runs on its other splits can still be resumed.
    """
    _check_use(name, remove, wanted)
    from dgljoint.data.store import CascadeStore, remove_split
    from dgljoint_cli.commands.data_split import count_lines, split_tables, store_split
    from dgljoint_cli.views.rendering import render
    from dgljoint_data.describe import describe_split

    if name is None:
        opened = CascadeStore(store)
        found = {each: describe_split(opened, each) for each in opened.splits}
        if as_json:
            plain = {key: asdict(each) for key, each in found.items()}
            print_json({"path": store, "splits": plain})
        else:
            render(
                *(split_tables(key, each) for key, each in found.items()),
                *(f"no split '{key}': {why}" for key, why in opened.splits_refused.items()),
            )
    elif remove:
        left = remove_split(CascadeStore(store), name).splits
        if as_json:
            print_json({"path": store, "removed": name, "splits": left})
        else:
            render(f"{store} has no split '{name}' any more; left: {', '.join(left) or 'none'}")
    else:
        made, passed = store_split(store, name, **wanted)
        if as_json:
            print_json({"path": store, "name": name, **asdict(made), **passed})
        else:
            render(split_tables(name, made), *count_lines(passed))


def _check_use(name: str | None, remove: bool, wanted: Mapping[str, Any]) -> None:
    asked = [option for option, value in wanted.items() if value not in (None, False)]
    if asked and (name is None or remove):
        option = "--" + {"file": "from"}.get(asked[0], asked[0].replace("_", "-"))
        needs = "is about making a split, not --remove" if remove else "needs the NAME of a split"
        raise UsageError(f"{option} {needs}", hint="dgljoint data split -h shows examples")
    if remove and name is None:
        raise UsageError("--remove needs the NAME of a split", hint="without it they are listed")
