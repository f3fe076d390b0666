"""The key files of RumourEval: stance of posts and veracity of threads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgljoint.data.reading import ReadReport
from dgljoint_data.readers.common.raw import readable
from dgljoint_data.readers.common.thread_folders import files_outside
from dgljoint_data.readers.common.values import BadJsonError, read_json

STANCES = ("comment", "deny", "query", "support")
VERACITIES = ("false", "true", "unverified")

_MOST = 100  # files that are opened to find a key
_BIGGEST = 1 << 25  # bytes; a key has some hundred kilobytes


@dataclass(slots=True)
class Keys:
    """Stance by post, veracity by thread, the key files, and the JSON files that are none."""

    stance: dict[str, str] = field(default_factory=dict)
    veracity: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def read_keys(paths: Iterable[Path], root: Path, report: ReadReport) -> Keys:
    """Read those of some JSON files that are keys, recognised by their content.

    The keys of 2019 have ``subtaskaenglish`` (stance) and ``subtaskbenglish`` (veracity), or those
    of another language; a key of 2017 has the labels of one task and nothing else. Places in the
    report start from ``root``.
    """
    keys = Keys()
    for path in paths:
        place = readable(str(path.relative_to(root)))
        try:
            value = read_json(path)[0] if path.stat().st_size < _BIGGEST else None
        except (BadJsonError, OSError) as error:
            report.repair("JSON file that cannot be read", f"{place}: {error}")
            keys.others.append(path)
            continue
        parts = _parts(value)
        (keys.files if parts else keys.others).append(path)
        _take(parts.get("a", {}), STANCES, keys.stance, place, report)
        _take(parts.get("b", {}), VERACITIES, keys.veracity, place, report)
    return keys


def holds_keys(source: Path) -> bool:
    """Return whether a folder contains a key."""
    return any(map(_is_key, files_outside(source)[:_MOST]))


def _is_key(path: Path) -> bool:
    try:
        return path.stat().st_size < _BIGGEST and bool(_parts(read_json(path)[0]))
    except (BadJsonError, OSError):
        return False


def _parts(value: object) -> dict[str, Mapping[str, Any]]:
    """Return the labels of the two tasks, as far as a file has them, in whatever case."""
    if not isinstance(value, dict) or not value:
        return {}
    parts: dict[str, dict[str, Any]] = {}
    for name, labels in value.items():
        task = name.lower().removeprefix("subtask")[:1] if "subtask" in name.lower() else ""
        if task in ("a", "b") and isinstance(labels, dict):
            parts.setdefault(task, {}).update(labels)
    if parts:
        return dict(parts)
    for task, known in (("a", STANCES), ("b", VERACITIES)):
        if all(_plain(label) in known for label in value.values()):
            return {task: value}
    return {}


def _take(
    labels: Mapping[str, Any], known: tuple[str, ...], into: dict[str, str], place: str,
    report: ReadReport,
) -> None:
    for post, given in labels.items():
        label = _plain(given)
        if label not in known:
            report.repair("label of a key that is unknown", f"{place}: {post}: {str(given)[:40]!r}")
        elif into.setdefault(post, label) != label:
            report.repair("several labels in the keys (the first is kept)", f"{place}: {post}")


def _plain(label: object) -> str:
    return label.strip().lower() if isinstance(label, str) else ""
