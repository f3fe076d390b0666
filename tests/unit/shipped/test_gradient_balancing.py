"""The seven methods that TorchJD computes, at the shared representation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgljoint import BuildContext, UsageError
from dgljoint.errors import install_hint
from dgljoint.nn import LossTable, LossWeighter
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import WeighterSpec
from dgljoint_cli.main import run
from toys import toy_store
from weighing import NAMES, Toy, check_resumes, linear, step_of

METHODS = ("aligned_mtl", "cagrad", "imtl_g", "mgda", "nash_mtl", "pcgrad", "upgrad")
every_method = pytest.mark.parametrize("method", METHODS)
CONFLICT = torch.tensor([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])


def weighter(method: str, count: int = 3, **options: object) -> LossWeighter:
    spec = installed_registry().find(WeighterSpec, method)
    names = (*NAMES, "more3", "more4")[:count]
    context = BuildContext(width=4, classes=2, loss_names=names, tasks=names)
    return spec.build(spec.options(**options), context)


def weights_of(method: str, rows: Tensor, **options: object) -> Tensor:
    losses, shared = linear(rows)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return weighter(method, len(rows), **options).weigh(losses, step_of(shared))


def gradients(seed: int, count: int, width: int = 3) -> Tensor:
    """Draw gradients that often conflict: few dimensions, one strong direction against others."""
    source = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=source, dtype=torch.float64)


# What the weights are


GOLDEN = {
    "aligned_mtl": [1.11814, 0.81652],
    "cagrad": [1.40825, 1.0],
    "imtl_g": [1.18466, 0.81534],
    "mgda": [1.2, 0.8],
    "nash_mtl": [3.12971, 2.15401],
    "pcgrad": [2.22222, 1.57895],
    "upgrad": [2.22222, 1.57895],
}


@every_method
def test_weights_of_two_gradients_in_conflict_are_these(method: str) -> None:
    torch.testing.assert_close(
        weights_of(method, CONFLICT), torch.tensor(GOLDEN[method]), rtol=1e-3, atol=0
    )


def by_projection(gramian: Tensor) -> Tensor:
    """PCGrad for two losses: g1 - <g1, g2> / |g2|^2 g2, and the same the other way round."""
    against = (-gramian[0, 1]).clamp(min=0)
    return 1 + against / gramian.diagonal()


def by_shortest_segment(gramian: Tensor) -> Tensor:
    """MGDA for two losses: the point nearest to the origin between the two gradients."""
    (a, b), (_, c) = gramian
    share = ((c - b) / (a + c - 2 * b)).clamp(0, 1)
    return 2 * torch.stack((share, 1 - share))


def by_equal_projections(gramian: Tensor) -> Tensor:
    """IMTL-G for two losses: the other one's norm over their sum."""
    norm = gramian.diagonal().sqrt()
    return 2 * norm.flip(0) / norm.sum()


def by_the_root(gramian: Tensor) -> Tensor:
    """Aligned-MTL: the least singular value times the inverse root, applied to equal shares."""
    value, vector = torch.linalg.eigh(gramian)
    return (value.min().sqrt() * vector @ torch.diag(value.rsqrt()) @ vector.T).sum(1)


def by_bargain(gramian: Tensor) -> Tensor:
    """Nash-MTL for two losses: of unit gradients both weigh 1 / sqrt(1 + cosine)."""
    norm = gramian.diagonal().sqrt()
    cosine = gramian[0, 1] / norm.prod()
    return norm.square().mean().sqrt() / norm / (1 + cosine).sqrt()


@pytest.mark.parametrize(
    ("method", "formula"),
    [
        ("pcgrad", by_projection), ("mgda", by_shortest_segment),
        ("imtl_g", by_equal_projections), ("aligned_mtl", by_the_root), ("nash_mtl", by_bargain),
    ],
)
@pytest.mark.parametrize("seed", range(8))
def test_weights_of_two_gradients_are_the_closed_form(
    method: str, formula: Callable[[Tensor], Tensor], seed: int
) -> None:
    rows = gradients(seed, 2) * torch.tensor([[1.0], [3.0]])
    torch.testing.assert_close(
        weights_of(method, rows), formula(rows @ rows.T), rtol=5e-3, atol=1e-3
    )


def test_upgrad_is_the_mean_of_the_projections_to_the_dual_cone() -> None:
    """Two conflicting gradients are each projected to the plane normal to the other."""
    rows = CONFLICT.double()
    one, other = rows
    projected = torch.stack(
        (one - one @ other / (other @ other) * other, other - one @ other / (one @ one) * one)
    )
    torch.testing.assert_close(weights_of("upgrad", rows) @ rows, projected.sum(0))


@pytest.mark.parametrize("seed", range(6))
def test_cagrad_is_the_best_for_the_worst_off_near_the_mean(seed: int) -> None:
    """Against a search: no other direction in the ball does more for the loss helped least."""
    rows = gradients(seed, 3)
    mean = rows.mean(0)
    found = weights_of("cagrad", rows, c=0.5) @ rows / 3
    radius = 0.5 * mean.norm()
    assert (found - mean).norm() <= radius * 1.001
    source = torch.Generator().manual_seed(seed)
    rays = torch.randn(20000, 3, generator=source, dtype=torch.float64)
    others = mean + radius * rays / rays.norm(dim=1, keepdim=True)
    best = (others @ rows.T).amin(1).max()
    assert (rows @ found).min() >= best - 1e-3 * mean.norm()


@pytest.mark.parametrize("count", [3, 5])
def test_nash_mtl_solves_its_equation(count: int) -> None:
    for seed in range(20):
        rows = gradients(seed, count, width=count)
        weights = weights_of("nash_mtl", rows)
        gains = weights * (rows @ (weights @ rows))
        torch.testing.assert_close(gains / rows.square().sum(1).mean(), torch.ones_like(gains),
                                   rtol=1e-2, atol=0)


def test_preferences_are_what_losses_count_where_nothing_conflicts() -> None:
    for method in ("upgrad", "aligned_mtl"):
        found = weights_of(method, torch.diag(torch.ones(2)), cascade=2.0, rumor=0.5)
        torch.testing.assert_close(found, torch.tensor([1.6, 0.4]))


@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
def test_aligned_gradients_are_brought_to_the_singular_value_asked_for(scale: str) -> None:
    rows = torch.diag(torch.tensor([5.0, 3.0, 1.0]))
    size = {"min": 1.0, "median": 3.0, "rmse": (35 / 3) ** 0.5}[scale]
    found = weights_of("aligned_mtl", rows, scale=scale) @ rows
    torch.testing.assert_close(found, torch.full((3,), size))


# What the methods promise


def nothing_rises(method: str, rows: Tensor, **options: object) -> bool:
    """Whether a small step along the combination lowers each loss, or leaves it."""
    combined = weights_of(method, rows, **options) @ rows
    norms = rows.norm(dim=1) * combined.norm().clamp(min=1e-12)
    return bool((rows @ combined >= -1e-4 * norms).all())


@pytest.mark.parametrize(
    ("method", "count", "options"),
    [
        ("pcgrad", 2, {}), ("imtl_g", 2, {}), ("cagrad", 2, {"c": 1.0}), ("cagrad", 4, {"c": 1.0}),
        ("mgda", 2, {}), ("mgda", 3, {}), ("upgrad", 2, {}), ("upgrad", 4, {}),
        ("nash_mtl", 2, {}), ("nash_mtl", 4, {}),
    ],
)
def test_no_loss_rises_to_first_order(
    method: str, count: int, options: dict[str, float]
) -> None:
    for seed in range(12):
        rows = gradients(seed, count, width=4)
        assert nothing_rises(method, rows, **options)
        # the plain sum is no such direction in all of these, or little would be tested
        far = torch.logspace(0, -3, count, dtype=torch.float64).unsqueeze(1)
        assert nothing_rises(method, far * rows, **options)
    sums = [gradients(seed, count, 4) for seed in range(12)]
    assert any((rows @ rows.sum(0)).min() < 0 for rows in sums)


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        ("pcgrad", [[1.0, 0.0], [-0.9, 0.5], [-0.9, -0.5]]),
        ("imtl_g", [[1.0, 0.0], [-0.9, 0.5], [-0.9, -0.5]]),
        ("aligned_mtl", [[0.1, 0.0], [-0.9, 0.4]]),
        ("cagrad", [[0.1, 0.0], [-0.9, 0.4]]),
    ],
)
def test_where_nothing_is_promised_a_loss_may_rise(method: str, rows: list[list[float]]) -> None:
    """What the page says of these methods is no slip: more losses, or the default radius."""
    assert not nothing_rises(method, torch.tensor(rows, dtype=torch.float64))


@pytest.mark.parametrize("method", ["imtl_g", "nash_mtl"])
@pytest.mark.parametrize("seed", range(4))
def test_the_direction_does_not_depend_on_the_losses_scales(method: str, seed: int) -> None:
    rows = gradients(seed, 3, width=6)
    scale = torch.tensor([[1000.0], [1.0], [0.01]], dtype=torch.float64)
    one, other = (weights_of(method, of) @ of for of in (rows, scale * rows))
    assert torch.cosine_similarity(one, other, dim=0) > 0.9999


@every_method
@pytest.mark.parametrize("scale", [1e-7, 1e5])
def test_the_weights_do_not_depend_on_the_scale_of_all(method: str, scale: float) -> None:
    """Gradients by the representation are small: TorchJD takes a squared norm of 1e-4 for none."""
    rows = gradients(1, 3)
    torch.testing.assert_close(weights_of(method, rows), weights_of(method, scale * rows))


@every_method
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("ratio", [1.0, 1e-5])
def test_weights_are_finite_and_on_the_simplex_where_the_method_says_so(
    method: str, count: int, ratio: float
) -> None:
    for seed in range(3):
        rows = gradients(seed, count)
        rows[0] *= ratio
        rows[1] = -rows[0] if seed == 2 else rows[1]  # exactly opposed
        weights = weights_of(method, rows)
        assert weights.isfinite().all()
        if seed != 2 and count < 4:  # independent: there is a way down for all
            assert weights.any()
        cancel = count == 2 and seed == 2
        if method == "mgda" or (method == "imtl_g" and not cancel):
            assert weights.sum().item() == pytest.approx(count)
        if method not in ("imtl_g", "aligned_mtl"):
            assert (weights >= -1e-9).all()
        if method in ("pcgrad", "upgrad"):
            assert (weights >= 1 - 1e-9).all()


# What becomes of them


@every_method
def test_the_shared_part_gets_the_combination_and_the_heads_their_own_loss(method: str) -> None:
    toy, of = Toy(), weighter(method)
    toy.zero_grad()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = of.backward(*toy.losses(0))
    assert not weights.requires_grad
    losses, _ = toy.losses(0)
    values, encoder = losses.values(), list(toy.encoder.parameters())
    shared = torch.autograd.grad((weights * values).sum(), encoder, retain_graph=True)
    own = torch.autograd.grad(values.sum(), list(toy.heads.parameters()))
    for parameter, expected in zip(toy.parameters(), (*shared, *own), strict=True):
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6)


def test_the_encoder_is_passed_through_once_and_the_hook_is_gone() -> None:
    toy, of = Toy(), weighter("upgrad")
    passes: list[Tensor] = []
    toy.encoder.weight.register_hook(passes.append)
    losses, step = toy.losses(0)
    of.backward(losses, step)
    assert len(passes) == 1
    assert not step.shared._backward_hooks


@every_method
@pytest.mark.parametrize("gone", [0, 2])
def test_a_loss_that_does_not_reach_the_representation_changes_nothing(
    method: str, gone: int
) -> None:
    rows = gradients(3, 3)
    rest = [n for n in range(3) if n != gone]
    without = weights_of(method, rows[rest])
    rows[gone] = 0
    found = weights_of(method, rows)
    assert found[gone] == 1
    torch.testing.assert_close(found[rest], without, rtol=1e-3, atol=1e-6)


@every_method
def test_one_gradient_or_none_is_left_as_it_is(method: str) -> None:
    for rows in (torch.zeros(3, 2), torch.tensor([[0.0, 0.0], [3.0, 1.0], [0.0, 0.0]])):
        assert torch.equal(weights_of(method, rows), torch.ones(3))


@every_method
def test_a_gradient_that_is_not_finite_is_handed_to_the_engine(method: str) -> None:
    toy = Toy()
    losses, step = toy.losses(0)
    raw = {**losses.raw, "rumor": losses.raw["rumor"] + (step.shared.sum() * 0).sqrt()}
    assert raw["rumor"].isfinite()
    toy.zero_grad()
    weighter(method).backward(LossTable(raw, {}), step)
    assert not toy.encoder.weight.grad.isfinite().all()


@every_method
def test_a_step_s_seed_is_all_the_state_there_is(method: str) -> None:
    assert not weighter(method).state_dict()
    check_resumes(lambda: weighter(method))


# Without the extra


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def take_away(package: str) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(
            sys.modules, "dgljoint_plugins.weighters.gradient_balancing.module", raising=False
        )

    return take_away


@pytest.mark.parametrize(
    ("package", "method"),
    [
        *(("torchjd", method) for method in METHODS),
        ("cvxpy", "cagrad"), ("clarabel", "cagrad"), ("quadprog", "upgrad"),
    ],
)
def test_a_missing_package_is_named_with_what_installs_it(
    absent: Callable[[str], None], package: str, method: str
) -> None:
    absent(package)
    with pytest.raises(UsageError, match=rf"'{method}' needs packages.*{package}") as refused:
        weighter(method)
    assert refused.value.hint == install_hint("grad")


def test_without_the_extra_plugins_are_listed_and_a_run_is_refused(
    absent: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = toy_store(tmp_path / "toy.h5")
    absent("torchjd")
    assert run(["plugins", "list", "--load"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.split()[0] == name for line in lines) for name in METHODS)
    assert not any("broken" in line for line in lines)
    out = tmp_path / "run"
    assert run(["train", str(store.path), "--plugin", "upgrad", "--out", str(out)]) == 2
    assert install_hint("grad") in capsys.readouterr().err
    assert not out.exists()
