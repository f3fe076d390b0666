"""Whether two runs were tested on the same questions, and by which settings they differ."""

from __future__ import annotations

from typing import Any

from dgljoint.config.run_config import RunConfig, flat
from dgljoint.errors import DataError
from dgljoint.runs.stored import StoredRun, section


def check_comparable(one: StoredRun, other: StoredRun, *, hint: str) -> None:
    """Raise :class:`DataError` unless both runs answered the same questions.

    That is: the same cascades, divided the same way, the same fold of them tested, and the same
    posts of each observed.

    Args:
        one: a run.
        other: the run beside it.
        hint: what mends it.
    """
    mine, theirs = _tested(one), _tested(other)
    differ = [name for name in mine if mine[name] != theirs[name]]
    if differ:
        what = "; ".join(f"{name} {mine[name]} and {theirs[name]}" for name in differ)
        raise DataError(f"{one.path} and {other.path} cannot be compared: {what}", hint=hint)


def differing_settings(one: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, by their path; ``None`` stands for one that is absent."""
    mine, theirs = (flat(config.model_dump(mode="json")) for config in (one, other))
    return {
        name: (mine.get(name), theirs.get(name))
        for name in sorted(mine | theirs)
        if mine.get(name) != theirs.get(name)
    }


def _tested(run: StoredRun) -> dict[str, Any]:
    manifest, config = run.manifest(), run.config()
    data, split = section(manifest, "data"), section(manifest, "split")
    return {
        "data digest": data.get("content_digest", data.get("digest")),
        "split digest": split.get("digest", split.get("name")),
        "fold": config.fold,
        "cascade.observed_share": config.cascade.observed_share,
    }
