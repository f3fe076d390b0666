"""SIGKILL at any moment, then the resume command: bit for bit the run that was never killed."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from forked import Ended, Forge
from runs import assert_same_run
from toys import toy_store

# Parameters of an opponent, an optimizer and running figures inside the weighter, losses of an
# interaction; and a save after each step, so that there is much to kill.
BEGIN = (
    "train", "toy.h5", "--encoder", "gcn", "--plugin", "adversarial", "--plugin", "contrastive",
    "--plugin", "meta_weight", "-s", "model.width=8", "-s", "train.batch=16", "--epochs", "3",
    "-s", "train.save_minutes=0", "-q",
)
KILLS = 20


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    made = Forge(tmp_path)
    yield made
    made.close()


def go_on(forge: Forge, folder: Path, **death: float) -> Ended:
    """Give the command that a user would give, and perhaps kill its process."""
    begun = any((folder / name).exists() for name in ("config.toml", ".starting.toml"))
    # The folder alone says how to go on; in the first moment the run's own command must.
    command = ("train", "-q") if begun else BEGIN
    name = folder.name
    return forge.run(*command, "--resume", "--out", name, folder=name, **death)


def test_a_run_killed_twenty_times_equals_one_that_was_not(tmp_path: Path, forge: Forge) -> None:
    toy_store(tmp_path / "toy.h5", cascades=96)
    forge.warm(*BEGIN, "-s", "train.epochs=1", "-s", "train.batch=96", "--out", "warm")
    whole = forge.run(*BEGIN, "--out", "whole")
    assert whole.code == 0, whole.said
    moments, length = np.random.default_rng(5), whole.seconds
    kills, number, kinds = 0, 0, Counter()
    while kills < KILLS:
        number, before = number + 1, kills
        folder = tmp_path / f"cut{number}"
        while kills < KILLS:
            if kills % 2:
                death = {"seconds": moments.uniform(0, length)}
            else:
                death = {"event": int(moments.integers(1, 41))}
            ended = go_on(forge, folder, **death)
            assert ended.code in (0, -signal.SIGKILL), ended.said
            if ended.code == 0:
                if kills == before:
                    # The machine has become faster: many a moment would come after the end.
                    length = min(length, ended.seconds)
                break
            kills += 1
            kinds[next(iter(death))] += 1
        ended = go_on(forge, folder)
        assert ended.code == 0, ended.said
        assert_same_run(tmp_path / "whole", folder)
        names = [{path.name for path in out.rglob("*")} for out in (tmp_path / "whole", folder)]
        assert names[0] == names[1]
    assert min(kinds.values()) >= KILLS // 3


