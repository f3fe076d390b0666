"""Small cascades, stores and batches, made in code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dgljoint.batch.assemble import assemble
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import CascadeOptions, FeatureOptions
from dgljoint.data.cascade import Block, Cascade, Kind, RowBlock, SparseBlock
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.nn import CascadeBatch
from dgljoint.tasks.targets import TargetPairs, training_pairs

LABELS = ("false", "true")
WORDS = tuple(f"word{number}" for number in range(12))


def toy_cascade(
    name: str, parent: Sequence[int], *, label: str | None = "true", event: str = "",
    text: str | None = None,
) -> Cascade:
    """Make a cascade with one post a minute and the given parents; ``text`` is its source's."""
    count = len(parent)
    return Cascade(
        id=name, event=event, label=label, posted_at=0,
        post_id=[f"{name}.{number}" for number in range(count)],
        parent=np.array(parent, np.int32),
        user=np.arange(1, count + 1),
        delay_seconds=np.arange(count, dtype=np.float64) * 60,
        kind=np.where(np.arange(count) == 0, Kind.SOURCE, Kind.REPLY).astype(np.uint8),
        text=[
            WORDS[number % len(WORDS)] if number or text is None else text
            for number in range(count)
        ],
    )


def random_cascade(
    name: str, rng: np.random.Generator, posts: int, *, label: str | None = "true",
    event: str = "", text: str | None = None,
) -> Cascade:
    """Make a cascade of which every post chose its parent at random."""
    parent = [-1, *(int(rng.integers(0, number)) for number in range(1, posts))]
    return toy_cascade(name, parent, label=label, event=event, text=text)


def word_block(cascade: Cascade, rng: np.random.Generator, words: int = len(WORDS)) -> SparseBlock:
    """Give every other post three random words."""
    rows = np.where(np.arange(len(cascade)) % 2 == 0, 3, 0)
    indptr = np.concatenate(([0], rows.cumsum()))
    size = int(indptr[-1])
    distinct = rng.random((size // 3, words)).argsort(axis=1)[:, :3]
    return SparseBlock(
        indptr=indptr,
        indices=distinct.ravel().astype(np.int32),
        values=rng.integers(1, 4, size).astype(np.float32),
    )


def some_rows(cascade: Cascade) -> RowBlock:
    """Give every third post two numbers."""
    index = np.arange(0, len(cascade), 3)
    numbers = np.stack((cascade.delay_seconds[index], np.cos(index)), axis=1)
    return RowBlock(index, numbers.astype(np.float32))


def write_store(
    path: Path, cascades: Sequence[Cascade], seed: int = 0, folds: int = 4, *, some: bool = False
) -> Path:
    """Write cascades with random words and with the splits ``event`` and ``random``.

    With ``some`` they have a dense feature, too, that some posts lack.
    """
    rng = np.random.default_rng(seed)
    events = {cascade.event or cascade.id: None for cascade in cascades}
    number = {event: place for place, event in enumerate(events)}
    event_fold = np.array([number[cascade.event or cascade.id] % folds for cascade in cascades])
    with create_store(
        path, name="toy", reader="toys", label_names=LABELS, raw_digest="none"
    ) as writer:
        for cascade in cascades:
            dense = np.stack((cascade.delay_seconds, np.ones(len(cascade))), axis=1)
            features: dict[str, Block] = {
                "bow": word_block(cascade, rng), "extra": dense.astype(np.float32)
            }
            if some:
                features["some"] = some_rows(cascade)
            writer.add(cascade, features)
        writer.set_vocabulary("bow", WORDS)
        writer.set_split("event", event_fold, grouped_by="event")
        writer.set_split("random", np.arange(len(cascades)) % folds, grouped_by="")
    return path


def toy_store(path: Path, cascades: int = 64, seed: int = 0) -> CascadeStore:
    """Write and open a store of random cascades of 1 to 14 posts, two in each event."""
    rng = np.random.default_rng(seed)
    made = [
        random_cascade(
            f"c{number}", rng, int(rng.integers(1, 15)), label=LABELS[(number // 2) % 2],
            event=f"e{number // 2}",
        )
        for number in range(cascades)
    ]
    return CascadeStore(write_store(path, made, seed))


def toy_features(store: CascadeStore) -> FeatureSpace:
    """Fit the features on everything."""
    return FeatureSpace.fit(store, np.arange(len(store)), FeatureOptions())


def toy_batch(
    store: CascadeStore, indices: Sequence[int], *, seed: int = 0, share: float = 0.5,
    targets: TargetPairs | None = None,
) -> CascadeBatch:
    """Make a training batch of the cascades at some positions of a store.

    Args:
        store: where they are.
        indices: their positions.
        seed: of which posts are targets and which candidates they have.
        share: of a cascade's posts, the last by time, that are not observed.
        targets: used instead.
    """
    columns = store.read(np.array(indices))
    if targets is None:
        options = CascadeOptions()
        rng = np.random.default_rng(seed)
        targets = training_pairs(
            columns, Observation.of_share(1 - share), rng,
            targets=options.targets, candidates=options.candidates,
        )
    return assemble(store, columns, targets, toy_features(store))
