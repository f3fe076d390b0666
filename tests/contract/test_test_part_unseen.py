"""The test part decides nothing: whatever its cascades are, the same model is selected.

What reads it by any way round, the file, a label, a feature, a statistic, would tell it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest

from dgljoint import EncoderSpec, InteractionSpec, WeighterSpec
from dgljoint.data.cascade import Cascade
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.training.checkpoint import load_tree
from runs import assert_same_tree, metrics, run
from toys import LABELS, WORDS, random_cascade, shipped, word_block

WEIGHTERS, INTERACTIONS = shipped(WeighterSpec), tuple(shipped(InteractionSpec))
# Every encoder and every weighter once, and all interactions with each.
PAIRS = list(zip(islice(cycle(shipped(EncoderSpec)), len(WEIGHTERS)), WEIGHTERS, strict=True))
FOLDS, CASCADES = 4, 32


def cascade_of(number: int, *, other: bool) -> Cascade:
    """Make a cascade of a pair that share an event; ``other`` changes all but its event."""
    rng = np.random.default_rng((number, other))
    made = random_cascade(
        f"c{number}", rng, int(rng.integers(3, 12)), event=f"e{number // 2}",
        label=LABELS[(number // 2 + other) % 2], text="other words" if other else None,
    )
    return replace(
        made, posted_at=10**9 * other, delay_seconds=made.delay_seconds * (1 + 99 * other),
        user=made.user + 1000 * other,
    )


def store_of(path: Path, fold: int, *, other: bool) -> CascadeStore:
    """Write cascades of which those of a fold are ``other`` ones."""
    with create_store(
        path, name="toy", reader="toys", label_names=LABELS, raw_digest="none"
    ) as writer:
        tested = [number // 2 % FOLDS == fold for number in range(CASCADES)]
        for number, in_fold in enumerate(tested):
            made = cascade_of(number, other=other and in_fold)
            words = word_block(made, np.random.default_rng((number, other and in_fold)))
            dense = np.stack((made.delay_seconds, np.ones(len(made))), axis=1)
            writer.add(made, {"bow": words, "extra": dense.astype(np.float32)})
        writer.set_vocabulary("bow", WORDS)
        writer.set_split("event", np.arange(CASCADES) // 2 % FOLDS, grouped_by="event")
    return CascadeStore(path)


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "weighter"), PAIRS)
def test_the_same_model_is_selected_whatever_the_test_part_is(
    tmp_path: Path, encoder: str, weighter: str
) -> None:
    fold = WEIGHTERS.index(weighter) % FOLDS
    found = []
    for other in (False, True):
        store = store_of(tmp_path / f"{other}.h5", fold, other=other)
        result = run(
            store, tmp_path / f"run{other}", "train.epochs=1", encoder=encoder, fold=fold,
            plugins=[*INTERACTIONS, weighter],
        )
        found.append(result)
    left, right = (result.folder for result in found)
    assert metrics(left) == metrics(right)
    for name in ("best", "last"):
        file = f"checkpoints/{name}.safetensors"
        assert_same_tree(load_tree(left / file), load_tree(right / file))
    assert_same_tree(*(result.validation.to_dict() for result in found))
    # They are other cascades, and a run that is scored on them notices.
    test = [replace(result.test, seconds=0.0) for result in found]
    assert test[0] != test[1]
