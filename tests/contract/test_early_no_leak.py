"""Nothing later than a deadline reaches what any model says by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import CascadeOptions, FeatureOptions
from dgljoint.data.cascade import Cascade, Kind
from dgljoint.data.observation import Observation, parse_deadlines
from dgljoint.data.store import CascadeStore, create_store
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.nn.model import JointModel
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.selection import select
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.testing import random_cascade
from dgljoint.training.setup import build_model
from toys import shipped, toy_config

TRAIN, JUDGED = np.arange(24), np.arange(24, 40)
MINUTE = 5
ENCODERS, INTERACTIONS = shipped(EncoderSpec), shipped(InteractionSpec)
MODELS = [
    *((encoder, ()) for encoder in ENCODERS),
    *(("gcn", (interaction,)) for interaction in INTERACTIONS),
    ("bigcn", tuple(INTERACTIONS)),
]


def cascades(seed: int = 0) -> list[Cascade]:
    """Make cascades of 1 to 14 posts, a post a minute, in some the first ones with the source."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(40):
        one = random_cascade(
            f"c{number}", rng, 1 + int(rng.integers(14)), event=f"e{number}",
            label=("false", "true")[number % 2],
        )
        delay = np.maximum(one.delay_seconds - 60 * (number % 3), 0)
        made.append(replace(one, delay_seconds=delay))
    return made


def write(path: Path, made: list[Cascade]) -> CascadeStore:
    """Write cascades; a post's features are its own, whatever stands after it."""
    with create_store(
        path, name="toy", reader="toys", label_names=("false", "true"), raw_digest=""
    ) as writer:
        for number, one in enumerate(made):
            rows = np.stack([
                np.random.default_rng((number, post, int(one.user[post]))).normal(size=3)
                for post in range(len(one))
            ])
            writer.add(one, {"own": rows.astype(np.float32)})
        writer.set_split("random", np.arange(len(made)) % 4, grouped_by="")
    return CascadeStore(path)


def tail(one: Cascade, count: int, rng: np.random.Generator) -> Cascade:
    """Put ``count`` other posts in the place of all that are later than the deadline."""
    seen = int((one.delay_seconds <= 60 * MINUTE).sum())
    posts = seen + count
    later = 60 * MINUTE + 1 + np.sort(rng.integers(0, 9000, count)).astype(np.float64)
    return replace(
        one,
        post_id=[f"{one.id}.{post}" for post in range(posts)],
        parent=np.concatenate((
            one.parent[:seen], [rng.integers(0, post) for post in range(seen, posts)]
        )).astype(np.int32),
        user=np.concatenate((one.user[:seen], rng.integers(100, 999, count))),
        delay_seconds=np.concatenate((one.delay_seconds[:seen], later)),
        kind=np.concatenate((one.kind[:seen], np.full(count, Kind.RETWEET))).astype(np.uint8),
        text=[*one.text[:seen], *["later"] * count],
    )


def later_posts_gone(one: Cascade, rng: np.random.Generator) -> Cascade:
    return tail(one, 0, rng)


def later_posts_others(one: Cascade, rng: np.random.Generator) -> Cascade:
    return tail(one, int((one.delay_seconds > 60 * MINUTE).sum()), rng)


def later_posts_more(one: Cascade, rng: np.random.Generator) -> Cascade:
    return tail(one, len(one) + 5, rng)


def evaluator_of(store: CascadeStore) -> Evaluator:
    features = FeatureSpace.fit(store, TRAIN, FeatureOptions())
    return Evaluator(store, features, CascadeOptions(), majority=0)


def model_of(evaluator: Evaluator, encoder: str, plugins: tuple[str, ...]) -> JointModel:
    config = toy_config(evaluator.store, encoder=encoder, plugins=plugins)
    selection = select(installed_registry(), config)
    model = build_model(config, selection, evaluator.features, 2)
    # Gates and scales start at 0: with them there, a leak behind one would not show.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())
            )
    return model


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evaluator]:
    """Give the same cascades with the judged ones' ends changed in every way."""
    folder = tmp_path_factory.mktemp("early")
    found = {"as they are": evaluator_of(write(folder / "whole.h5", cascades()))}
    changes: list[Callable[[Cascade, np.random.Generator], Cascade]] = [
        later_posts_gone, later_posts_others, later_posts_more,
    ]
    for change in changes:
        rng = np.random.default_rng(1)
        made = cascades()
        made[JUDGED[0] :] = [change(one, rng) for one in made[JUDGED[0] :]]
        found[change.__name__] = evaluator_of(write(folder / f"{change.__name__}.h5", made))
    return found


@pytest.mark.parametrize(("encoder", "plugins"), MODELS)
def test_what_comes_later_changes_no_probability(
    written: dict[str, Evaluator], encoder: str, plugins: tuple[str, ...]
) -> None:
    whole = written["as they are"]
    model = model_of(whole, encoder, plugins)
    deadlines = parse_deadlines(f"0,90s,{MINUTE}m,1p,2p")
    by_then = {one.text: whole.predict(model, JUDGED, one).logits for one in deadlines}
    end = whole.predict(model, JUDGED, Observation("all")).logits
    assert np.isfinite(end).all()
    assert not np.allclose(by_then[f"{MINUTE}m"], end, atol=1e-3)
    assert not np.allclose(by_then["0"], by_then["90s"], atol=1e-3)
    for name, changed in written.items():
        for one in deadlines[:3]:
            found = changed.predict(model, JUDGED, one).logits
            np.testing.assert_array_equal(found, by_then[one.text], err_msg=f"{name} {one}")
        assert len(changed.store) == 40
    # Were the changes such that a leak shows? And does a number of posts hide them too?
    others = written["later_posts_others"]
    assert not np.allclose(others.predict(model, JUDGED, Observation("all")).logits, end, atol=1e-3)
    long = JUDGED[np.diff(whole.store.post_ptr)[JUDGED] > MINUTE + 1]
    for one in deadlines[3:]:
        np.testing.assert_array_equal(
            others.predict(model, long, one).logits, whole.predict(model, long, one).logits
        )


def test_a_cascade_that_ended_by_the_deadline_is_judged_whole(
    written: dict[str, Evaluator],
) -> None:
    gone = written["later_posts_gone"]
    model = model_of(gone, "bigcn", ())
    timed = JUDGED[gone.store.read(JUDGED).timed]
    assert len(timed) > 8
    by_then = gone.predict(model, timed, Observation("5m", seconds=60 * MINUTE))
    whole = gone.predict(model, timed, Observation("all"))
    np.testing.assert_array_equal(by_then.logits, whole.logits)
    np.testing.assert_array_equal(by_then.observed, np.diff(gone.store.post_ptr)[timed])
