"""Checks of a whole model: what must reach nothing, and what order must not matter."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dgljoint.data.observation import parse_observation
from dgljoint.data.store import CascadeColumns
from dgljoint.nn import CascadeBatch, Encoder, Interaction, SomeRows
from dgljoint.nn.hosted import Hosted
from dgljoint.nn.model import InputProjection, JointModel
from dgljoint.plugins.registry import PluginEntry
from dgljoint.tasks.targets import TargetPairs, evaluation_pairs, training_pairs
from dgljoint.testing import material as kit
from dgljoint.testing.findings import Check, Checks, expect, verify

_VIEWS = ("the encoder's output", "the shared rows", "the cascade view", "the rumor view")
_ROUNDING = 1e-7
_DRAWN = parse_observation("30%-90%")
_MOMENTS = 3  # past the cut, of each cascade
_RUMOR, _LINK = "the rumor logits", "the link logits"


class _Plain(Encoder):
    """Reads no edge: what is found is then the interaction's."""

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return x


def model_around(
    material: kit.Material, *, encoder: Hosted[Encoder] | None = None,
    interactions: Sequence[Hosted[Interaction]] = (),
) -> JointModel:
    """Build a whole model of components, in evaluation mode, its parameters moved a little."""
    features = material.features
    with kit.under_seed(0):
        model = JointModel(
            InputProjection(kit.WIDTH, features.dense, features.sparse, dropout=0.2),
            encoder or Hosted(PluginEntry("plain", "under test", "0", ""), _Plain()),
            interactions, width=kit.WIDTH, classes=kit.CLASSES, dropout=0.2,
        )
        kit.move(model)
    return model.eval()


def check_model(
    model_of: Callable[[kit.Material], JointModel], *, seeds: Sequence[int] = (0,)
) -> None:
    """Check what must hold of a model whatever it is made of.

    Args:
        model_of: builds the model for the features of the store the checks are run on.
        seeds: of the targets and orders that are tried.
    """
    with kit.toy_material() as material:
        model = model_of(material)
        verify(model_checks(lambda: model, material, seeds=seeds))


def model_checks(
    model_of: Callable[[], JointModel], material: kit.Material, *, seeds: Sequence[int] = (0,),
    component: str = "the model",
) -> Checks:
    """Give the checks of :func:`check_model` one by one; the model is left in evaluation mode."""

    def run(of: Callable[[JointModel, kit.Material, int], None]) -> None:
        model = model_of().eval()
        for seed in seeds:
            of(model, material, seed)

    for name, mend, of in (
        ("knows no hidden edge", "take edges from batch.edges alone, and read pair_target in "
         "losses only", _hidden_edges),
        ("knows no label, event or id", "read batch.label, batch.event and batch.ids in losses "
         "only", _answers_of_others),
        ("keeps cascades apart", "pool, attend and normalise inside a cascade: batch.cascade_of "
         "is a post's cascade", _cascades_apart),
        ("knows no later post", "posts that batch.observed leaves out may only read, "
         "and be read by nobody", _later_posts),
        ("follows the order of the posts", "number nothing by place: edges and times give a post's "
         "position", _order_of_posts),
    ):
        yield Check(component, name, mend, partial(run, of))


def _forward(model: JointModel, batch: CascadeBatch) -> kit.Values:
    """Run a batch through, by name: four views (N, D), logits (B, C) and (P,)."""
    encoded: list[Tensor] = []
    # Before it is normalised, which would hide what is added to a whole row.
    handle = model.encoder.register_forward_hook(lambda module, given, made: encoded.append(made))
    try:
        reps, out = model(batch)
    finally:
        handle.remove()
    views = dict(zip(_VIEWS, (encoded[0], reps.shared, reps.cascade, reps.rumor), strict=True))
    return {**views, _RUMOR: out.rumor_logits, _LINK: out.link_logits}


_outputs = torch.no_grad()(_forward)


def _hidden_edges(model: JointModel, material: kit.Material, seed: int) -> None:
    """Give every target another parent: no feature, message or output changes."""
    rng = np.random.default_rng(seed)
    columns = material.columns()
    targets = training_pairs(columns, _DRAWN, rng, targets=16, candidates=8)
    parent = columns.parent.copy()
    for post in np.flatnonzero(targets.hidden):
        parent[post] = rng.integers(columns.post_ptr[columns.cascade_of[post]], post)
    other = TargetPairs(targets.hidden, targets.pairs, parent[targets.pairs[0]] == targets.pairs[1])
    before = _outputs(model, material.batch(columns, targets))
    after = _outputs(model, material.batch(replace(columns, parent=parent), other))
    kit.expect_same(before, after, "when targets have other parents")


def _answers_of_others(model: JointModel, material: kit.Material, seed: int) -> None:
    batch = material.training(seed=seed)
    other = replace(
        batch, label=(batch.label + 1) % kit.CLASSES, event=batch.event.flip(0),
        ids=tuple(f"other{place}" for place in range(len(batch.ids))),
    )
    when = "when cascades have other labels, events and ids"
    kit.expect_same(_outputs(model, batch), _outputs(model, other), when)


def _cascades_apart(model: JointModel, material: kit.Material, seed: int) -> None:
    """A cascade's outputs are the same alone, among others, and in any place among them."""
    order = np.random.default_rng(seed).permutation(len(material.store))
    batch = material.evaluation(order)
    together = _outputs(model, batch)
    for place, index in enumerate(order):
        alone = material.evaluation([int(index)])
        kit.expect_same(
            _of_cascade(together, batch, place),
            _of_cascade(_outputs(model, alone), alone, 0),
            f"when cascade {alone.ids[0]} is alone",
        )
    _apart_in_training(model, material.training(seed=seed))


def _of_cascade(values: kit.Values, batch: CascadeBatch, place: int) -> kit.Values:
    posts = batch.cascade_of == place
    return {
        **{name: values[name][posts] for name in _VIEWS},
        _RUMOR: values[_RUMOR][place],
        _LINK: values[_LINK][posts[batch.pairs[0]]],
    }


def _apart_in_training(model: JointModel, batch: CascadeBatch) -> None:
    """In training dropout hides equality, but not what an output is a function of."""
    leaves: dict[str, Tensor | SomeRows] = {}
    rows: list[tuple[Tensor, Tensor]] = []  # each leaf with the posts of its rows
    for name, feature in batch.features.items():
        if isinstance(feature, SomeRows):
            leaves[name] = some = replace(feature, rows=feature.rows.clone().requires_grad_())
            rows.append((some.rows, some.index))
        elif isinstance(feature, Tensor):
            leaves[name] = whole = feature.clone().requires_grad_()
            rows.append((whole, torch.arange(len(whole))))
    place = int(batch.observed_posts.argmax())
    with kit.under_seed(0):
        values = _forward(model.train(), replace(batch, features={**batch.features, **leaves}))
    model.eval()
    others = batch.cascade_of != place
    for name, value in _of_cascade(values, batch, place).items():
        if not value.requires_grad:
            continue
        found = torch.autograd.grad(
            value.square().sum(), [leaf for leaf, _ in rows], retain_graph=True, allow_unused=True
        )
        made = [
            (gradient, others[posts])
            for gradient, (_, posts) in zip(found, rows, strict=True) if gradient is not None
        ]
        # A sum through all cascades, in float64 and cut into them, leaves rounding behind.
        own = max((_largest(gradient[~far]) for gradient, far in made), default=0.0)
        reach = max((_largest(gradient[far]) for gradient, far in made), default=0.0)
        expect(
            reach <= own * _ROUNDING,
            f"in training {name} of a cascade depends on others: by {reach:.3g}, on itself by "
            f"{own:.3g}",
        )


def _largest(values: Tensor) -> float:
    return values.abs().max().item() if len(values) else 0.0


def _later_posts(model: JointModel, material: kit.Material, seed: int) -> None:
    """Change posts after the cut, then after a moment past it: what was before it stays."""
    columns, rng = material.columns(), np.random.default_rng(seed)
    _later_than(model, material, evaluation_pairs(columns, 0.5), rng)
    in_training = training_pairs(columns, _DRAWN, rng, targets=16, candidates=8)
    _later_than(model, material, in_training, rng)


def _later_than(
    model: JointModel, material: kit.Material, targets: TargetPairs, rng: np.random.Generator
) -> None:
    columns, late = material.columns(), targets.hidden
    before = _outputs(model, material.batch(columns, targets))
    after = _outputs(model, material.batch(_changed(columns, late), targets))
    seen = torch.from_numpy(~late)
    when = "when later posts have other times, words and kinds"
    kit.expect_same(
        {**{name: before[name][seen] for name in _VIEWS}, _RUMOR: before[_RUMOR]},
        {**{name: after[name][seen] for name in _VIEWS}, _RUMOR: after[_RUMOR]},
        when,
    )
    wrong = kit.difference(before[_LINK], after[_LINK])
    expect(bool(wrong), f"{_LINK} are the same {when}: they read nothing of the targets")
    for _ in range(_MOMENTS):
        moment = rng.integers(columns.post_ptr[:-1], columns.post_ptr[1:])[columns.cascade_of]
        later = late & (np.arange(len(late)) > moment)
        after = _outputs(model, material.batch(_changed(columns, later), targets))
        rest = torch.from_numpy(~later)
        kept = rest[torch.from_numpy(targets.pairs[0])]
        names = _VIEWS[:-1]
        kit.expect_same(
            {**{name: before[name][rest] for name in names}, _LINK: before[_LINK][kept]},
            {**{name: after[name][rest] for name in names}, _LINK: after[_LINK][kept]},
            "when posts that came after them are others",
        )


def _changed(columns: CascadeColumns, which: np.ndarray) -> CascadeColumns:
    """Give posts other times, kinds and words, in the same order."""
    return replace(
        columns,
        posts=np.where(which, (columns.posts + 3) % columns.posts.max(), columns.posts),
        delay_seconds=np.where(which, columns.delay_seconds * 3 + 7, columns.delay_seconds),
        kind=np.where(which, 2, columns.kind).astype(np.uint8),
    )


def _order_of_posts(model: JointModel, material: kit.Material, seed: int) -> None:
    """Renumber the posts of one cascade, edges and pairs with them: outputs are renumbered."""
    columns = material.columns([int(np.diff(material.store.post_ptr).argmax())])
    targets = evaluation_pairs(columns, 0.5)
    count = len(columns.parent)
    new = np.concatenate(([0], 1 + np.random.default_rng(seed).permutation(count - 1)))
    old = np.argsort(new)
    parent = columns.parent[old]
    batch = material.batch(columns, targets)
    renumbered = replace(
        columns, posts=columns.posts[old], kind=columns.kind[old],
        parent=np.where(parent < 0, -1, new[parent]),
    )
    asked = TargetPairs(targets.hidden[old], new[targets.pairs], targets.is_parent)
    other = material.batch(renumbered, asked)
    # Times are put back: a batch is made of posts in time order, a model must not rely on it.
    order = torch.from_numpy(old)
    time = {
        name: x[order]
        for name, x in batch.features.items()
        if name == "time" and isinstance(x, Tensor)
    }
    other = replace(
        other, delay_seconds=batch.delay_seconds[order], features={**other.features, **time},
        cascade_features=batch.cascade_features,
    )
    before, after = _outputs(model, batch), _outputs(model, other)
    kit.expect_same(
        {name: value[order] if name in _VIEWS else value for name, value in before.items()},
        after, "when the posts of a cascade are numbered otherwise",
    )
