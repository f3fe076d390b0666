"""What a cascade file holds, the account of its build, its audit, and one cascade as a tree."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from dgljoint.data.cascade import Kind
from dgljoint.data.reading import Tally
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint_cli.views.rendering import Table, facts, titled
from dgljoint_data import BuildSummary
from dgljoint_data.audit import Audit
from dgljoint_data.audit.outcome import Severity
from dgljoint_data.describe import Holdings, SplitInfo, StoreInfo

_TEXT_WIDTH = 100
# A terminal folds deeper trees into its right margin.
_DEEPEST = 20
_STYLES = {
    Severity.skipped: "dim", Severity.ok: "green", Severity.info: "cyan",
    Severity.warning: "yellow", Severity.error: "red",
}


def info_tables(info: StoreInfo) -> list[RenderableType]:
    """Return the tables of a summary: size, classes, features, splits."""
    kinds = ", ".join(f"{number:,} {name}" for name, number in info.kinds.items())
    values = {
        "cascades": f"{info.cascades:,}",
        "posts": f"{info.posts:,} ({kinds}; {info.posts_with_text:,} with text)",
        "posts a cascade": _spread(info.posts_a_cascade),
        "hours a cascade": _spread(info.hours),
        "events": f"{info.events:,}",
        "posted": " to ".join(info.posted) or "unknown",
        **_features(info),
        "reader": info.reader,
        "created with": info.created_with,
        "size": f"{info.size_bytes / 1e6:.1f} MB",
        "digest": info.digest,
    }
    splits = Table(
        "split", "folds", "cascades a fold", "kept together", "order", "digest",
        prose=["kept together", "order"],
    )
    for name, split in info.splits.items():
        smallest, largest = min(split.folds, default=0), max(split.folds, default=0)
        held = f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"
        splits.add_row(
            name, f"{len(split.folds)}", held, split.grouped_by or "–", split.ordered_by or "–",
            split.digest,
        )
    return [
        titled(f"{info.name} · {info.path}", facts(values)),
        titled("labels", _labels(info)),
        titled("splits", splits),
        *_refused(info),
    ]


def summary_tables(summary: BuildSummary, report_file: Path | None = None) -> list[RenderableType]:
    """Return the tables of a build; ``report_file`` lists every thread that was left out."""
    values = {
        "cascades": f"{summary.cascades:,}",
        "posts": f"{summary.posts:,} ({summary.posts_with_text:,} with text)",
        "edges": f"{summary.edges:,}",
        "events": f"{summary.events:,}",
        **_features(summary),
        "splits": ", ".join(f"{split} ({n} folds)" for split, n in summary.splits.items())
        or "none",
        "size": f"{summary.size_bytes / 1e6:.1f} MB" if summary.digest else "not written",
        "digest": summary.digest or "–",
        "seconds": f"{summary.seconds:.1f}",
    }
    shape = Table("", "min", "median", "mean", "max", numbers=True, rows=(
        (name.replace("_", " "), *(f"{value:,.4g}" for value in spread.values()))
        for name, spread in summary.shape.items()
    ))
    texts = Table("", "texts", "cascades with one", numbers=True, rows=(
        (f"several times, in {words}", *(
            ("not asked: no texts", "") if found is None
            else (f"{found.groups:,}", f"{found.cascades:,}")
        ))
        for words, found in (
            ("the same words", summary.equal_texts),
            ("nearly the same words", summary.similar_texts),
        )
    ))
    parts = [
        titled(f"{summary.name} · {summary.path}", facts(values)),
        titled("labels", _labels(summary)),
        titled("a cascade", shape),
        titled("source texts", texts),
    ]
    for other in summary.shared:
        shared = Table(
            "", "shared", "what it means", prose=["", "what it means"],
            rows=((one.check, one.figure, one.explanation) for one in other.findings),
        )
        parts.append(titled(f"shared with {other.name} · {other.path}", shared))
    report = summary.report
    if report.counts:
        parts.append(titled("counted while reading", Table("", "number", numbers=True, rows=(
            (name.replace("_", " "), f"{number:,}") for name, number in report.counts.items()
        ))))
    if report.repairs:
        title = "repaired: parts dropped or changed, the rest kept"
        parts.append(titled(title, _tallies(report.repairs)))
    if report.refusals:
        parts.append(titled("refused: left out whole", _tallies(report.refusals)))
        listed = report_file or "--report FILE writes them"
        parts.append(f"all {len(report.quarantine):,} that were left out, by line: {listed}")
    return [*parts, *(f"note: {note}" for note in (*report.notes, *_refused(summary)))]


def audit_table(audit: Audit) -> RenderableType:
    """Return the table of an audit: one row per finding, and the verdict."""
    made = Table("severity", "check", "figure", "what it means", prose=["check", "what it means"])
    for finding in audit.findings:
        severity = Text(finding.severity.name, style=_STYLES[finding.severity])
        made.add_row(severity, finding.check, finding.figure, finding.explanation)
    against = f" · against {audit.against}" if audit.against else ""
    counted = Counter(finding.severity.name for finding in audit.findings)
    verdict = ", ".join(f"{counted[level.name]} {level.name}" for level in reversed(Severity))
    split = "no split" if audit.split is None else f"split {audit.split}"
    return titled(f"{audit.data}, {split}{against}: {verdict}", made)


def _tallies(tallies: Mapping[str, Tally]) -> RenderableType:
    made = Table("reason", "number", "for example", prose=["reason", "for example"])
    for reason, tally in tallies.items():
        first, *others = tally.examples or ("",)
        made.add_row(reason, f"{tally.count:,}", first)
        for example in others:
            made.add_row("", "", example)
    return made


def _labels(holdings: Holdings) -> Table:
    balance = {**holdings.labels, **({"none": holdings.unlabelled} if holdings.unlabelled else {})}
    return Table("label", "cascades", "share", numbers=True, rows=(
        (label, f"{number:,}", f"{number / max(holdings.cascades, 1):.1%}")
        for label, number in balance.items()
    ))


def _features(holdings: Holdings) -> dict[str, str]:
    targets = {f"target {name}": str(target) for name, target in holdings.targets.items()}
    features = "; ".join(f"{name} ({what})" for name, what in holdings.features.items())
    return {"features": features, **targets}


def _refused(holdings: Holdings) -> list[str]:
    return [f"no split '{name}': {why}" for name, why in holdings.splits_refused.items()]


def split_tables(name: str, split: SplitInfo) -> RenderableType:
    """Return the table of a split: how it divides, and the classes of each fold."""
    classes = list(split.labels[0]) if split.labels else []
    made = Table("fold", "cascades", *classes, numbers=True, rows=(
        (f"{number}", f"{size:,}", *(f"{labels[label]:,}" for label in classes))
        for number, (size, labels) in enumerate(zip(split.folds, split.labels, strict=True))
    ))
    kept = f"{split.grouped_by or 'nothing'} kept together"
    divided = f"{split.divided_events:,} events in several folds"
    order = f"in order of {split.ordered_by}, the latest first" if split.ordered_by else "no order"
    title = f"{name} · {kept}, {divided} · {order} · {split.left_out:,} left out · {split.digest}"
    return titled(title, made)


def count_lines(passed: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for what a file of folds passed over, if anything."""
    words = {
        "missing": "cascades that the file does not name are left out",
        "unknown": "ids that the store does not hold were passed over",
    }
    return (f"{number:,} {words[key]}" for key, number in passed.items() if number)


def feature_table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return the table of the features that can be stored, one option per line below each."""
    made = Table("feature", "default", "made", "what it is", prose=["made", "what it is"])
    for row in rows:
        made.add_row(row["name"], "yes" if row["default"] else "no", row["made"], row["summary"])
        for option in row["options"]:
            what = f"{option['description']} (default {option['default']})"
            made.add_row(f"  :{option['name']}=", "", "", what)
    return made


def _spread(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,.4g}" for name, value in values.items())


def find_cascade(store: CascadeStore, name: str | None) -> int:
    """Return the position of a cascade; of the first when no name is given."""
    ids = store.ids.all()
    if not ids:
        raise DataError(f"{store.path} holds no cascade", hint="build it again from more data")
    if name is not None and name not in ids:
        hint = f"the first is '{ids[0]}', the last '{ids[-1]}'"
        raise UsageError(f"{store.path} has no cascade '{name}'", hint=hint)
    return 0 if name is None else ids.index(name)


def cascade_tree(store: CascadeStore, place: int, most: int) -> Tree:
    """Draw a cascade, its first ``most`` posts by time; the others are counted under theirs."""
    columns = store.read(np.array([place]))
    posts = len(columns.parent)
    label = int(store.label[place])
    head = Text(f"{store.ids[place]} · ", style="bold")
    head.append(store.label_names[label] if label >= 0 else "no label")
    head.append(f" · {posts:,} posts\n")
    head.append_text(_post(store, columns, 0))
    tree = Tree(head)
    branches, depth = {0: tree}, {0: 0}
    hidden: dict[int, int] = {}
    for post, parent in enumerate(columns.parent.tolist()[1:], start=1):
        if parent in branches and len(branches) < most and depth[parent] < _DEEPEST:
            branches[post] = branches[parent].add(_post(store, columns, post))
            depth[post] = depth[parent] + 1
        else:
            # Posts are after their parents, so where the parent went is known.
            hidden[post] = parent if parent in branches else hidden[parent]
    for parent, count in Counter(hidden.values()).items():
        branches[parent].add(Text(f"… {count:,} more", style="dim"))
    return tree


def _post(store: CascadeStore, columns: CascadeColumns, post: int) -> Text:
    place = int(columns.posts[post])
    line = Text(f"+{_duration(float(columns.delay_seconds[post]))} ", style="cyan")
    line.append(f"{Kind(int(columns.kind[post])).name.lower()} ", style="green")
    line.append(f"user {int(store.user[place])}", style="dim")
    # A post could carry sequences that a terminal obeys.
    shown = "".join(sign if sign.isprintable() else " " for sign in store.text[place])
    text = " ".join(shown.split())
    if len(text) > _TEXT_WIDTH:
        text = text[: _TEXT_WIDTH - 1] + "…"
    return line.append(f"  {text}") if text else line


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
