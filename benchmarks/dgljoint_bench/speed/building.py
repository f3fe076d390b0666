"""How time and memory of preprocessing grow with the posts: a synthetic set is built. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dgljoint_bench.speed.memory import watched_memory
from dgljoint_data.build import build_store
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader

_MEAN_POSTS = 30
# Events grow with the cascades, so that the vocabulary does.
_CASCADES_AN_EVENT = 5


def build(file: Path, posts: int, seed: int, jobs: int = 1) -> dict[str, Any]:
    """Build a synthetic set of about so many posts, and say what it took.

    Args:
        file: to write.
        posts: wanted; cascades are of 30 on average.
        seed: of the set.
        jobs: processes that generate.
    """
    cascades = max(1, posts // _MEAN_POSTS)
    options = SyntheticOptions(
        cascades=cascades, events=max(1, cascades // _CASCADES_AN_EVENT), seed=seed
    )
    with watched_memory() as memory:
        summary = build_store(
            SyntheticReader(options), reader_name="synthetic", source=None, output=file, jobs=jobs
        )
    return {
        "posts": summary.posts, "seconds": summary.seconds,
        "posts_a_second": summary.posts / summary.seconds,
        "peak_megabytes": memory.peak_megabytes, "feature": summary.features["bow"],
    }
