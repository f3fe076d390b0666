"""The whole suite: starts what measures, and puts together what it found. Imports no torch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dgljoint_bench.speed.process import measured
from dgljoint_bench.speed.request import SpeedRequest
from dgljoint_bench.timing import SETTINGS

FORMAT = 1
# A user's process has the allocator's own settings; memory is to be a user's.
_AS_A_USER = {"OMP_NUM_THREADS": "1"}


def measure(request: SpeedRequest, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure what is asked for.

    Args:
        request: what to measure.
        tell: is told what is being measured.

    Returns:
        Plain values, as :mod:`dgljoint_bench.speed` describes them.

    Raises:
        DgljointError: the data cannot be used, or a process that measures failed.
    """
    values = request.model_dump(mode="json")
    found = measured("sections", values, settings=SETTINGS, tell=tell)
    if request.asks_for("scaling"):
        found["scaling"]["posts"] = list(_over_posts(request, tell))
    return {"format": FORMAT, **found}


def _over_posts(
    request: SpeedRequest, tell: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    for posts in request.posts:
        tell(f"scaling, {posts:,} posts")
        # Each set takes 0.4 GB a million posts while it is made, and goes before the next.
        with tempfile.TemporaryDirectory() as folder:
            arguments = {"file": str(Path(folder) / "set.h5"), "seed": request.seed}
            built = measured(
                "build", {**arguments, "posts": posts}, settings=_AS_A_USER, tell=tell
            )
            trained = measured("train", arguments, settings=_AS_A_USER, tell=tell)
        yield {"posts": built["posts"], "build": built, "train": trained}
