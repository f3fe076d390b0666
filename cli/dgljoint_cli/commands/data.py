"""``dgljoint data`` and ``dgljoint audit``: what a cascade file holds, and what of it leaks."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgljoint.errors import UsageError
from dgljoint_cli import arguments, console, views

if TYPE_CHECKING:
    from dgljoint.data.store import CascadeStore

_STRICT_EXIT = 3
_STDOUT = Path("-")
_FORMS = {".jsonl": "jsonl", ".bin": "dgl", ".dgl": "dgl"}
store_argument = click.argument("store", metavar="DATA", type=arguments.CascadeFile())


@click.group(
    cls=console.SuggestingGroup,
    epilog=console.examples("dgljoint data info twitter15.h5", "dgljoint data show twitter15.h5"),
)
def data() -> None:
    """Sum up, check, show, export or split a cascade file."""


def _opened(path: Path) -> CascadeStore:
    from dgljoint.data.store import CascadeStore

    return CascadeStore(path)


@console.verb(
    "dgljoint audit twitter15.h5",
    "dgljoint audit twitter15.h5 --split random --against twitter16.h5 --strict",
)
@store_argument
@click.option(
    "--split", metavar="NAME",
    help="Split to audit; event by default, or the first where the file has no split of that name.",
)
@click.option(
    "--against", type=arguments.CascadeFile(), metavar="OTHER",
    help="Another cascade file, to count what both contain.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 at a warning or worse.")
@click.pass_obj
def audit(
    talk: console.Talk, /, store: Path, split: str | None, against: Path | None, strict: bool,
    as_json: bool,
) -> int:
    """Look for leaks across a split of DATA, each with a number.

    Shared events, source posts and texts; the accuracy of a date, an id, the source's words or the
    tree's shape alone; class balance, time order, features that identify, target edges.
    """
    from dgljoint_data.audit import audit_store, outcome

    opened, other = _opened(store), None if against is None else _opened(against)
    if split is not None:
        opened.split(split)  # a typo should not wait for scikit-learn
    talk.detail("training the probes, one fold at a time")
    found = audit_store(opened, split, other)
    console.show(found.to_dict(), lambda: [views.holdings.audit_table(found)], as_json=as_json)
    return _STRICT_EXIT if strict and found.worst >= outcome.Severity.warning else 0


@console.verb(
    "dgljoint data info twitter15.h5", "dgljoint data info twitter15.h5 --format json", of=data
)
@store_argument
def info(store: Path, as_json: bool) -> None:
    """Sum up DATA: size, classes, features, splits."""
    from dgljoint_data.describe import describe_store

    found = describe_store(_opened(store))
    console.show(found.to_dict(), lambda: views.holdings.info_tables(found), as_json=as_json)


@console.verb(
    "dgljoint data validate twitter15.h5", "dgljoint data validate twitter15.h5 --format json",
    of=data,
)
@store_argument
def validate(store: Path, as_json: bool) -> None:
    """Check all of DATA, to the last byte; a fault exits with 3.

    Every opening of a file makes the same checks: this command lists them.
    """
    from dgljoint.data.store import CHECKS

    opened = _opened(store)
    plain = {
        "path": store, "valid": True, "cascades": len(opened), "posts": opened.posts,
        "digest": opened.digest, "checked": CHECKS,
    }
    counted = f"{len(opened):,} cascades, {opened.posts:,} posts, digest {opened.digest}"
    lines = [f"{store} is valid: {counted}", *(f"  {check}" for check in CHECKS)]
    console.show(plain, lambda: lines, as_json=as_json)


@console.verb(
    "dgljoint data show twitter15.h5",
    "dgljoint data show twitter15.h5 731166399389962242 --posts 100",
    "dgljoint data show twitter15.h5 --format json > one.jsonl",
    of=data,
)
@store_argument
@click.argument("cascade", required=False, metavar="[CASCADE]")
@click.option(
    "--posts", type=click.IntRange(min=1), default=30, show_default=True, metavar="N",
    help="Most posts to draw; the others are counted.",
)
def show(store: Path, cascade: str | None, posts: int, as_json: bool) -> None:
    """Draw one cascade of DATA as a tree: the one with the id CASCADE, or the first.

    Each post is under the one it answers, with its delay, kind, user and text. As JSON it is
    one line with all posts, in the form that the reader jsonl reads.
    """
    opened = _opened(store)
    place = views.holdings.find_cascade(opened, cascade)
    if as_json:
        from dgljoint_data.export import cascade_line

        click.echo(cascade_line(opened, place), nl=False)
        return
    views.rendering.render(views.holdings.cascade_tree(opened, place, posts))


@console.verb(
    "dgljoint data export twitter15.h5 -o twitter15.jsonl",
    "dgljoint data export twitter15.h5 -o - --to jsonl | head -n 1",
    "dgljoint data export twitter15.h5 -o twitter15.bin --to dgl",
    of=data,
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
@click.pass_obj
def export(
    talk: console.Talk, /, store: Path, out: Path, form: str | None, force: bool, as_json: bool
) -> None:
    """Write DATA as JSON Lines or as plain DGL graphs.

    jsonl has one cascade per line, all of it but features and splits; the reader jsonl reads it,
    and memory is bounded. dgl is for `graphs, tensors = dgl.load_graphs(OUT)`: edges from parent to
    child, node data delay, kind and dense features; label, event, fold/NAME of each split and
    sparse features (one CSR matrix over all nodes) are among the tensors. It has no ids, users,
    texts, dates or targets, and is made in memory as a whole.
    """
    form = _check_output(store, out, form, force=force)
    done = _export_store(store, out, form)
    if out == _STDOUT:
        talk.info(_sentence(done))
    else:
        console.show(done, lambda: _lines(done), as_json=as_json)


@console.verb("dgljoint data features", "dgljoint data features --format json", of=data)
def features(as_json: bool) -> None:
    """List the features of posts that preprocess can store, with their options.

    Chosen with --features NAME or --features NAME:KEY=VALUE,KEY=VALUE. A reader may carry others.
    """
    from dgljoint_data.features.catalogue import list_features

    rows = list_features()
    console.show(rows, lambda: [views.holdings.feature_table(rows)], as_json=as_json)


@console.verb(
    "dgljoint data split twitter15.h5",
    "dgljoint data split twitter15.h5 ten --kind event --folds 10 --seed 1",
    "dgljoint data split twitter15.h5 theirs --from folds.csv",
    "dgljoint data split twitter15.h5 theirs --remove",
    of=data,
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
def split(store: Path, name: str | None, remove: bool, as_json: bool, **wanted: Any) -> None:
    """List the splits of DATA, or make one of your own and store it as NAME.

    Train on it with `dgljoint train DATA --split NAME`. DATA is written again and replaced as a
    whole; runs on its other splits can still be resumed.
    """
    _check_use(name, remove, **wanted)
    from dgljoint.data.store import remove_split
    from dgljoint_data.describe import describe_split

    shown: list[Any]
    if name is None:
        opened = _opened(store)
        found = {each: describe_split(opened, each) for each in opened.splits}
        plain = {"path": store, "splits": {key: asdict(each) for key, each in found.items()}}
        shown = [views.holdings.split_tables(key, each) for key, each in found.items()]
        shown += [f"no split '{key}': {why}" for key, why in opened.splits_refused.items()]
    elif remove:
        left = remove_split(_opened(store), name).splits
        plain = {"path": store, "removed": name, "splits": left}
        shown = [f"{store} has no split '{name}' any more; left: {', '.join(left) or 'none'}"]
    else:
        plain, shown = _store_split(store, name, **wanted)
    console.show(plain, lambda: shown, as_json=as_json)


def _check_use(
    name: str | None, remove: bool, *, kind: str | None, folds: int | None, seed: int | None,
    file: Path | None, skip_unknown: bool, force: bool,
) -> None:
    """Refuse options that have no effect next to one another."""
    made = {"--kind": kind, "--folds": folds, "--seed": seed}
    others = {"--from": file, "--skip-unknown": skip_unknown or None, "--force": force or None}
    given = [option for option, value in {**made, **others}.items() if value is not None]
    if given and (name is None or remove):
        needs = "is about making a split, not --remove" if remove else "needs the NAME of a split"
        raise UsageError(f"{given[0]} {needs}", hint="dgljoint data split -h shows examples")
    if remove and name is None:
        raise UsageError("--remove needs the NAME of a split", hint="without it they are listed")
    if file is not None and given[0] in made:
        raise UsageError(f"--from and {given[0]} exclude one another", hint="leave one out")
    if file is None and skip_unknown:
        raise UsageError("--skip-unknown is about --from FILE", hint="leave it out")
    if kind == "leave-one-event-out" and folds is not None:
        raise UsageError("--kind leave-one-event-out has one fold per event, --folds is not free")
    if kind in ("time", "leave-one-event-out") and seed is not None:
        raise UsageError(f"--kind {kind} draws nothing, so that --seed has no effect")


def _store_split(
    path: Path, name: str, *, kind: str | None, folds: int | None, seed: int | None,
    file: Path | None, skip_unknown: bool, force: bool,
) -> tuple[dict[str, Any], list[Any]]:
    """Make or read a split and store it; return plain values and tables of it."""
    from dgljoint.data.store import put_split
    from dgljoint_data import describe, splits
    from dgljoint_data.audit.overlap import Sources

    splits.check_name(name, None if file else kind or "event")
    store = _opened(path)
    if name in store.splits and not force:
        raise UsageError(f"{path} has a split '{name}' already", hint="--force replaces it")
    passed = {}
    if file is None:
        split = splits.make_split(
            kind or "event", Sources.of(store), name=name, folds=folds, seed=seed or 0
        )
    else:
        read = splits.read_split(store, name, file, skip_unknown=skip_unknown)
        split, passed = read.split, {"missing": read.missing, "unknown": len(read.unknown)}
    stored = put_split(
        store, name, split.fold, grouped_by=split.grouped_by, group=split.group,
        ordered_by=split.ordered_by,
    )
    made = describe.describe_split(stored, name)
    tables = [views.holdings.split_tables(name, made), *views.holdings.count_lines(passed)]
    return {"path": path, "name": name, **asdict(made), **passed}, tables


def _check_output(store: Path, output: Path, form: str | None, *, force: bool) -> str:
    """Return the form to write; refuse what nothing names, or ``output`` cannot take."""
    found = form or _FORMS.get(output.suffix)
    if found is None:
        raise UsageError(
            f"the name {output} does not show the form to write", hint="add --to jsonl or --to dgl"
        )
    if output == _STDOUT:
        if found == "dgl":
            raise UsageError("DGL writes to files alone", hint="name a file: -o graphs.bin")
        return found
    if output.is_dir():
        raise UsageError(f"{output} is a folder", hint="name a file in it")
    if output.exists() and store.exists() and output.samefile(store):
        raise UsageError(f"{output} is what is to be exported", hint="name another file")
    if output.is_file() and not force:
        raise UsageError(f"{output} exists", hint="--force replaces it, or name another file")
    return found


def _export_store(path: Path, output: Path, form: str) -> dict[str, Any]:
    """Write a store in a form; return what was written."""
    store = _opened(path)
    if form == "dgl":
        from dgljoint.data.dataset import write_graphs

        write_graphs(store, output)
        left = ["ids", "users", "texts", "dates", "names of events and words"]
    else:
        from dgljoint_data.export import cascade_lines, write_jsonl

        if output == _STDOUT:
            sys.stdout.buffer.writelines(cascade_lines(store))
            sys.stdout.buffer.flush()
        else:
            write_jsonl(store, output)
        features = [name for name, kind in store.features.items() if kind != "derived"]
        left = [f"feature {name}" for name in features] + [f"split {n}" for n in store.splits]
    return {
        "path": str(output), "form": form, "cascades": len(store), "posts": store.posts,
        "label_names": store.label_names, "left_behind": left,
        "size_bytes": None if output == _STDOUT else output.stat().st_size,
    }


def _sentence(done: Mapping[str, Any]) -> str:
    """Return in one line what was written."""
    where = "stdout" if done["path"] == str(_STDOUT) else done["path"]
    size = "" if done["size_bytes"] is None else f", {done['size_bytes'] / 1e6:.1f} MB"
    held = f"{done['cascades']:,} cascades, {done['posts']:,} posts"
    return f"{where}: {held} as {done['form']}{size}"


def _lines(done: Mapping[str, Any]) -> list[str]:
    """Return lines on what was written, what was not, and how it is read."""
    path, names = done["path"], done["label_names"]
    if done["form"] == "jsonl":
        labels = shlex.quote(",".join(names))
        read = f"dgljoint preprocess jsonl {shlex.quote(path)} -o OUT.h5 -s labels={labels}"
    else:
        classes = ", ".join(f"{number} {name}" for number, name in enumerate(names))
        read = f"graphs, tensors = dgl.load_graphs('{path}'); classes: {classes}"
    left = f"left behind: {', '.join(done['left_behind']) or 'nothing'}"
    return [_sentence(done), left, f"read it with: {read}"]
