"""What draws two sets of features together, against the papers' definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dgljoint_plugins.interactions.alignment.objectives import (
    cka,
    coral,
    cosine,
    effective_rank,
    overlap,
    vicreg,
)


def rows(seed: int, count: int = 30, width: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, count, width, generator=generator, dtype=torch.float64)
    return a + 0.7, a @ torch.randn(width, width, generator=generator, dtype=torch.float64) + b


@pytest.mark.parametrize("seed", range(3))
def test_vicreg_is_the_papers(seed: int) -> None:
    """Written out column by column: 25, 25 and 1 over 25."""
    a, b = rows(seed)
    (count, width) = a.shape
    spread, redundancy = 0.0, 0.0
    for x in (a, b):
        matrix = np.cov(x.T.numpy())
        for j in range(width):
            spread += max(0.0, 1 - float(np.sqrt(matrix[j, j] + 1e-4))) / width
            redundancy += sum(matrix[j, k] ** 2 for k in range(width) if k != j) / width
    distance = sum(float((a[i] - b[i]).square().sum()) for i in range(count)) / count / width
    found = 25 * vicreg(a, b, variance=1.0, covariance=1 / 25)
    assert found.item() == pytest.approx(25 * distance + 25 * spread / 2 + redundancy)


@pytest.mark.parametrize("seed", range(3))
def test_cka_equals_the_unbiased_hsic_of_whole_kernels(seed: int) -> None:
    """Song et al. (2012): kernels without diagonals, compared entry by entry."""
    a, b = rows(seed)
    count = len(a)

    def hsic(k: Tensor, l: Tensor) -> float:  # noqa: E741
        k, l = k - k.diagonal().diag(), l - l.diagonal().diag()  # noqa: E741
        one = torch.ones(count, dtype=k.dtype)
        total = (k @ l).trace() + (one @ k @ one) * (one @ l @ one) / ((count - 1) * (count - 2))
        return ((total - 2 / (count - 2) * (one @ k @ l @ one)) / (count * (count - 3))).item()

    k, l = a @ a.T, b @ b.T  # noqa: E741
    expected = 1 - hsic(k, l) / (hsic(k, k) * hsic(l, l)) ** 0.5
    assert cka(a, b).item() == pytest.approx(expected)
    assert cka(a, 3 * a.flip(1) + 1).item() == pytest.approx(0, abs=1e-9)


def test_debiased_cka_of_unrelated_features_is_about_zero() -> None:
    """Where the biased one is far from it: few rows of many columns."""
    found = []
    for seed in range(40):
        a, b = torch.randn(2, 12, 60, generator=torch.Generator().manual_seed(seed))
        found.append(1 - cka(a, b))
    assert torch.stack(found).mean().abs() < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_coral_compares_covariances(seed: int) -> None:
    a, b = rows(seed)
    difference = np.cov(a.T.numpy()) - np.cov(b.T.numpy())
    assert coral(a, b).item() == pytest.approx(np.square(difference).sum() / (4 * 7**2))


def test_cosine_is_one_minus_the_cosine() -> None:
    a, b = rows(0)
    expected = [1 - float(x @ y / x.norm() / y.norm()) for x, y in zip(a, b, strict=True)]
    assert cosine(a, b).item() == pytest.approx(np.mean(expected))


def test_overlap_is_zero_for_orthogonal_columns_and_one_for_the_same_line() -> None:
    a, b = rows(0)
    a, b = a - a.mean(0), b - b.mean(0)
    basis = torch.linalg.qr(a).Q
    apart = b - basis @ (basis.T @ b)
    assert overlap(a + 2, apart + 5).item() == pytest.approx(0, abs=1e-12)
    assert overlap(a[:, :1], -3 * a[:, :1]).item() == pytest.approx(1)
    assert overlap(a, b).item() == pytest.approx(overlap(10 * a, b / 10).item())


def test_effective_rank_counts_directions() -> None:
    """Roy & Vetterli (2007): of equal singular values their number."""
    orthogonal = torch.linalg.qr(torch.randn(20, 5, generator=torch.manual_seed(0))).Q
    assert effective_rank(orthogonal * 3).item() == pytest.approx(5)
    assert effective_rank(orthogonal[:, :1] @ torch.ones(1, 9)).item() == pytest.approx(1, abs=1e-3)
    values = torch.tensor([4.0, 2.0, 1.0, 1.0])
    share = (values / 8).numpy()
    expected = np.exp(-(share * np.log(share)).sum())
    assert effective_rank(values.diag()).item() == pytest.approx(expected)


def test_a_cosine_is_content_with_a_mean_that_unrelated_features_share() -> None:
    """Why vicreg keeps the paper's squared distance: the variance term does not forbid that."""
    a, b = torch.randn(2, 50, 8, generator=torch.manual_seed(0))
    assert cosine(a + 50, b + 50) < 1e-3
    apart = vicreg(a, b, variance=1, covariance=0)
    torch.testing.assert_close(vicreg(a + 50, b + 50, variance=1, covariance=0), apart)
    assert apart > 1
