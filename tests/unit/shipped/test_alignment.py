from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch, Outputs, Representations
from dgljoint.tasks.targets import TargetPairs
from dgljoint_plugins.interactions.alignment import AlignmentOptions
from dgljoint_plugins.interactions.alignment.module import Alignment, Layers
from dgljoint_plugins.interactions.alignment.objectives import cosine, overlap
from golden import filled, filled_views
from toys import toy_batch, toy_cascade, toy_store, write_store

WIDTH = 6
SMALL = {"post_width": 8, "layer_width": 10, "cascade_width": 12, "heads": 2}
OBJECTIVES = ("vicreg", "cosine", "cka", "coral")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return toy_store(tmp_path_factory.mktemp("alignment") / "a.h5")


@pytest.fixture(scope="module")
def batch(store: CascadeStore) -> CascadeBatch:
    return toy_batch(store, range(12))


def module(width: int = WIDTH, **options: object) -> Alignment:
    """Make one that has learned to add something: a new one adds nothing."""
    torch.manual_seed(0)
    of = Alignment(AlignmentOptions(**{**SMALL, **options}), width)
    with torch.no_grad():
        for view in (of.cascade, of.rumor):
            nn.init.xavier_uniform_(view.out.weight)
    return of


def views(batch: CascadeBatch, seed: int = 0, width: int = WIDTH) -> Representations:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(3, len(batch.kind), width, generator=generator)
    return Representations(*(view.clone() for view in made))


def loss_of(of: Alignment, reps: Representations, batch: CascadeBatch) -> Tensor:
    return of.losses(reps, Outputs(torch.empty(0), torch.empty(0)), batch)["alignment"]


def ranks_of(of: Alignment, reps: Representations, batch: CascadeBatch) -> dict[str, float]:
    found = of.diagnostics(reps, Outputs(torch.empty(0), torch.empty(0)), batch)
    return {name: value.item() for name, value in found.items()}


def trained(of: Alignment, reps: Representations, batch: CascadeBatch) -> dict[str, float]:
    optimizer = torch.optim.Adam(of.parameters(), lr=2e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss_of(of, reps, batch).backward()
        optimizer.step()
    return ranks_of(of, reps, batch)


def test_without_the_variance_term_the_features_collapse_and_with_it_they_keep_their_rank(
    store: CascadeStore,
) -> None:
    batch = toy_batch(store, range(40))
    reps = views(batch)
    reps = replace(reps, rumor=reps.rumor + reps.cascade.flip(1))  # half of them is common
    wide = {"post_width": 32, "layer_width": 32, "cascade_width": 32}
    assert min(ranks_of(module(**wide), reps, batch).values()) > 9
    assert max(trained(module(objective="cosine", **wide), reps, batch).values()) < 1.8
    assert min(trained(module(**wide), reps, batch).values()) > 5


def test_one_tensor_does_not_fit_three_widths() -> None:
    """The fault: levels of different widths fed the shared representation as it is."""
    widths = AlignmentOptions(post_width=128, layer_width=256, cascade_width=512)
    of, x = Alignment(widths, 64), torch.randn(5, 64)
    assert [level.extract[0].in_features for level in of.rumor.levels] == [128, 256, 512]
    for level in of.rumor.levels:
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            level.extract(x)
        size = level.extract[0].in_features
        assert [half.shape for half in level(x)] == [(5, size // 2)] * 2


def cascade_of(tmp_path: Path, parents: Sequence[Sequence[int]], pending: Sequence[int]):
    """Make a batch of cascades of which some posts, counted through, are asked for."""
    cascades = [toy_cascade(f"c{n}", parent) for n, parent in enumerate(parents)]
    store = CascadeStore(write_store(tmp_path / "made.h5", cascades))
    hidden = np.zeros(sum(map(len, parents)), bool)
    hidden[list(pending)] = True
    targets = TargetPairs(hidden, np.empty((2, 0), np.int64), np.empty(0, bool))
    return toy_batch(store, range(len(parents)), targets=targets)


def test_layers_are_those_of_the_observed_tree(tmp_path: Path) -> None:
    """Post 3 is pending: neither it nor its child 5 has a known depth."""
    batch = cascade_of(tmp_path, [[-1, 0, 0, 1, 1, 3, 4], [-1], [-1, 0]], [3])
    layers = Layers.of(batch)
    assert layers.number.tolist() == [0, 1, 1, -1, 2, -1, 3, 4, 5, 6]
    assert layers.count == 7


def coupled(of: Alignment, reps: Representations, batch: CascadeBatch) -> Representations:
    with torch.no_grad():
        return of.couple(reps, batch)


def changed_posts(one: Tensor, other: Tensor) -> list[int]:
    return (~torch.isclose(one, other, rtol=1e-5, atol=1e-6).all(1)).nonzero().flatten().tolist()


def shifted(reps: Representations, post: int) -> Representations:
    bump = torch.zeros(len(reps.shared), 1)
    bump[post] = 2 * torch.randn(1, generator=torch.manual_seed(0)).abs() + 1
    # Not the same in every column: a norm would take that out again.
    bump = bump * torch.linspace(-1, 2, reps.shared.shape[1])
    return Representations(*(view + bump for view in vars(reps).values()))


def test_an_observed_post_reaches_all_views_of_its_cascade(tmp_path: Path) -> None:
    batch = cascade_of(tmp_path, [[-1, 0, 0, 1, 1], [-1, 0, 0]], [4])
    of, reps = module(), views(batch)
    before, after = coupled(of, reps, batch), coupled(of, shifted(reps, 2), batch)
    assert changed_posts(before.cascade, after.cascade) == [0, 1, 2, 3, 4]
    assert changed_posts(before.rumor, after.rumor) == [0, 1, 2, 3, 4]
    assert before.shared is reps.shared


def test_a_new_one_adds_nothing_and_learns_at_once(batch: CascadeBatch) -> None:
    of, reps = Alignment(AlignmentOptions(**SMALL), WIDTH), views(batch)
    found = of.couple(reps, batch)
    assert torch.equal(found.cascade, reps.cascade)
    assert torch.equal(found.rumor, reps.rumor)
    (found.cascade.square().sum() + found.rumor.square().sum()).backward()
    assert of.cascade.out.weight.grad.any()
    assert of.rumor.out.weight.grad.any()


def test_a_pending_post_reaches_itself_alone(tmp_path: Path) -> None:
    batch = cascade_of(tmp_path, [[-1, 0, 0, 1, 1], [-1, 0, 0]], [3])
    of, reps = module(), views(batch)
    before, after = coupled(of, reps, batch), coupled(of, shifted(reps, 3), batch)
    for name in ("cascade", "rumor"):
        assert changed_posts(getattr(before, name), getattr(after, name)) == [3]


def test_the_depth_of_a_pending_post_and_of_those_below_it_is_not_used(tmp_path: Path) -> None:
    """Posts 3 and 5 attend to two levels: the tokens of no layer reach them."""
    batch = cascade_of(tmp_path, [[-1, 0, 0, 1, 1, 3]], [3])
    of, reps = module(), views(batch)
    before = coupled(of, reps, batch)
    with torch.no_grad():
        for view in (of.cascade, of.rumor):
            view.norm[1].bias += torch.linspace(-3, 3, 10)
    after = coupled(of, reps, batch)
    for name in ("cascade", "rumor"):
        assert changed_posts(getattr(before, name), getattr(after, name)) == [0, 1, 2, 4]


def test_a_view_takes_the_shared_halves_of_the_other_and_its_own_private_ones(
    batch: CascadeBatch,
) -> None:
    of = module().cascade
    own, other = ([torch.randn(4, 2 * half).chunk(2, 1) for half in (4, 5, 6)] for _ in range(2))
    found = of.tokens(own, other)
    for level, token in enumerate(found):
        expected = functional.layer_norm(
            torch.cat((other[level][0], own[level][1]), 1), (token.shape[1],)
        )
        torch.testing.assert_close(token, expected)


def test_what_a_view_takes_is_a_constant_to_its_loss(batch: CascadeBatch) -> None:
    of, reps = module(), Representations(*(x.requires_grad_() for x in vars(views(batch)).values()))
    of.couple(reps, batch).cascade.square().sum().backward()
    assert reps.cascade.grad.any()
    assert reps.rumor.grad is None
    assert not any(p.grad is not None for name, p in of.named_parameters() if "rumor" in name)


def test_the_loss_reads_the_views_as_constants(batch: CascadeBatch) -> None:
    """A view that it reached would follow it where a task has little to say yet."""
    of, reps = module(), Representations(*(x.requires_grad_() for x in vars(views(batch)).values()))
    loss_of(of, reps, batch).backward()
    assert all(view.grad is None for view in vars(reps).values())
    assert all(level.align.weight.grad.any() for level in of.rumor.levels)


def test_cascades_do_not_influence_one_another(store: CascadeStore) -> None:
    together = toy_batch(store, range(12))
    of, reps = module(), views(together)
    before = coupled(of, reps, together)
    other = Representations(
        *(torch.where((together.cascade_of == 3)[:, None], x, x * 3 + 1)
          for x in vars(reps).values())
    )
    after = coupled(of, other, together)
    own = together.cascade_of == 3
    for name in ("cascade", "rumor"):
        torch.testing.assert_close(getattr(before, name)[own], getattr(after, name)[own])


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("indices", [[0], [1], range(3)])
def test_few_posts_give_finite_losses_and_gradients(
    tmp_path: Path, objective: str, indices: Sequence[int]
) -> None:
    """A cascade of a single post, of two, and both with one more."""
    cascades = [toy_cascade("a", [-1]), toy_cascade("b", [-1, 0]), toy_cascade("c", [-1])]
    store = CascadeStore(write_store(tmp_path / "few.h5", cascades))
    batch, of = toy_batch(store, indices), module(objective=objective)
    reps = Representations(*(view.requires_grad_() for view in vars(views(batch)).values()))
    refined = of.couple(reps, batch)
    loss = loss_of(of, refined, batch)
    gradients = torch.autograd.grad(
        loss + refined.cascade.square().sum() + refined.rumor.square().sum(),
        [reps.cascade, reps.rumor, *of.parameters()], allow_unused=True,
    )
    assert loss.isfinite()
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)
    assert all(rank >= 1 - 1e-4 for rank in ranks_of(of, reps, batch).values())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_reach_every_parameter(batch: CascadeBatch, objective: str) -> None:
    of, reps = module(objective=objective), views(batch)
    refined = of.couple(reps, batch)
    weight = torch.linspace(-1, 1, WIDTH)
    terms = (refined.cascade * weight).square().sum() + (refined.rumor * weight).square().sum()
    (terms + loss_of(of, reps, batch)).backward()
    still = [
        name for name, p in of.named_parameters()
        if p.grad is None or not p.grad.any()
    ]
    # A key's bias shifts all scores of a softmax alike.
    assert [name for name in still if not name.endswith("key.bias")] == []


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_collapsed_features_give_finite_gradients(batch: CascadeBatch, objective: str) -> None:
    of = module(objective=objective)
    same = torch.ones(len(batch.kind), WIDTH) * torch.linspace(-1, 1, WIDTH)
    loss_of(of, Representations(same, same, same), batch).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in of.parameters())


def test_shared_halves_are_drawn_together_and_private_ones_pushed_apart(
    batch: CascadeBatch,
) -> None:
    of, reps = module(), views(batch)
    before = of.pyramid(reps, batch)
    trained(of, reps, batch)
    for level, new in of.pyramid(reps, batch).items():
        old = before[level]
        assert cosine(new[0][0], new[1][0]) < cosine(old[0][0], old[1][0]) - 0.1
        for view in (0, 1):
            assert overlap(*new[view]) < overlap(*old[view])


def test_half_precision(batch: CascadeBatch) -> None:
    of, reps = module(), views(batch)
    expected, refined = loss_of(of, reps, batch), coupled(of, reps, batch)
    half = Representations(*(view.half() for view in vars(reps).values()))
    of.half()
    loss, found = loss_of(of, half, batch), coupled(of, half, batch)
    assert loss.dtype == torch.float32
    assert found.cascade.dtype == found.rumor.dtype == torch.float16
    torch.testing.assert_close(loss, expected, rtol=0.05, atol=0.01)
    torch.testing.assert_close(found.cascade.float(), refined.cascade, rtol=0.05, atol=0.02)


def test_heads_that_do_not_divide_the_width(batch: CascadeBatch) -> None:
    for heads in (1, 4, 9):
        refined = coupled(module(heads=heads), views(batch), batch)
        assert refined.cascade.shape == refined.rumor.shape == (len(batch.kind), WIDTH)


def test_attention_to_the_levels_is_that_of_each_post_to_three_tokens(tmp_path: Path) -> None:
    """Post 3 has no known depth."""
    batch = cascade_of(tmp_path, [[-1, 0, 0, 1, 1], [-1, 0, 0]], [3])
    layers, of = Layers.of(batch), module(heads=2).rumor
    x = torch.randn(8, WIDTH)
    sizes = ((8, 8), (layers.count, 10), (2, 12))
    tokens = [torch.randn(size) for size in sizes]
    expected = []
    for post in range(8):
        depth = int(layers.number[post])
        places = [post, depth, int(batch.cascade_of[post])]
        kept = [level for level in range(3) if level != 1 or depth >= 0]
        key = torch.stack([of.key[level](tokens[level][places[level]]) for level in kept])
        value = torch.stack([of.value[level](tokens[level][places[level]]) for level in kept])
        query = of.query(x[post])
        heads = [slice(0, 3), slice(3, 6)]
        shares = [(key[:, h] @ query[h] / 3**0.5).softmax(0) for h in heads]
        parts = [share @ value[:, h] for share, h in zip(shares, heads, strict=True)]
        expected.append(x[post] + of.out(torch.cat(parts)))
    torch.testing.assert_close(of(x, tokens, batch, layers), torch.stack(expected))
    torch.testing.assert_close(of.weights(x, tokens, batch, layers).sum(1), torch.ones(8, 2))


@pytest.mark.parametrize(
    ("objective", "expected"),
    [("vicreg", 1.719228), ("cosine", 1.246141), ("cka", 1.535855), ("coral", 0.508383)],
)
def test_golden_loss(batch: CascadeBatch, objective: str, expected: float) -> None:
    of = filled(module(objective=objective))
    loss = loss_of(of, filled_views(batch, WIDTH), batch)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_golden_views(batch: CascadeBatch) -> None:
    refined = coupled(filled(module()), filled_views(batch, WIDTH), batch)
    cascade = [0.91074, -0.177654, 1.22154, 0.074298, -1.183113, 0.993975]
    rumor = [1.133163, -0.7354, 0.47913, -0.919228, 1.373943, -1.127255]
    assert refined.cascade[7].tolist() == pytest.approx(cascade, rel=1e-4, abs=1e-5)
    assert refined.rumor[7].tolist() == pytest.approx(rumor, rel=1e-4, abs=1e-5)
