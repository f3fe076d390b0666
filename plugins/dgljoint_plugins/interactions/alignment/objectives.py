"""What draws two sets of features of the same things together, and what keeps them apart."""

import torch
from torch import Tensor, nn

_DEVIATION_FLOOR = 1e-4  # VICReg's epsilon
_TINY = 1e-8
_LEAST_ROWS_OF_CKA = 4  # the unbiased estimate divides by M - 3


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean of 1 - cos over the rows. Alone it is lowest when all rows are one."""
    return (1 - nn.functional.cosine_similarity(a, b, dim=1)).mean()


def vicreg(a: Tensor, b: Tensor, *, variance: float, covariance: float) -> Tensor:
    """Return Bardes et al.'s (2022) loss, divided by its invariance term's factor.

    ``s(a, b) + variance * (v(a) + v(b)) / 2 + covariance * (c(a) + c(b))`` with ``s`` the mean
    squared difference, ``v`` the mean over columns of ``max(0, 1 - deviation)`` and ``c`` the sum
    of squared covariances of different columns, divided by their number, as in the authors'
    program. Of one row there is no variance.
    """
    agreement = nn.functional.mse_loss(a, b)
    if len(a) < 2:
        return agreement
    spread = [(1 - (x.var(0) + _DEVIATION_FLOOR).sqrt()).relu().mean() for x in (a, b)]
    redundancy = []
    for x in (a, b):
        matrix = _covariance(x)
        off_diagonal = matrix.square().sum() - matrix.diagonal().square().sum()
        redundancy.append(off_diagonal / x.shape[1])
    return agreement + variance * sum(spread) / 2 + covariance * sum(redundancy)


def cka(a: Tensor, b: Tensor) -> Tensor:
    """Return 1 - the debiased linear CKA (Kornblith et al., 2019); 0 for fewer than four rows."""
    if len(a) < _LEAST_ROWS_OF_CKA:
        return (a.sum() + b.sum()) * 0
    a, b = a - a.mean(0), b - b.mean(0)
    own = _hsic(a, a) * _hsic(b, b)
    return 1 - _hsic(a, b) / own.clamp(min=_TINY).sqrt()


def coral(a: Tensor, b: Tensor) -> Tensor:
    """Return ``|cov(a) - cov(b)|^2 / (4 d^2)`` (Sun & Saenko, 2016); 0 for one row."""
    if len(a) < 2:
        return (a.sum() + b.sum()) * 0
    return (_covariance(a) - _covariance(b)).square().sum() / (4 * a.shape[1] ** 2)


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Return how far the columns of ``a`` and ``b`` (M, e) are from orthogonal, in [0, 1].

    ``|a' b|^2 / (|a|^2 |b|^2)`` of the centred sets: the difference loss of Bousmalis et al.
    (2016, arXiv 1608.06019) on a scale that sizes do not change.
    """
    a, b = a - a.mean(0), b - b.mean(0)
    return (a.T @ b).square().sum() / (a.square().sum() * b.square().sum() + _TINY)


def effective_rank(a: Tensor) -> Tensor:
    """Return exp(entropy of normalised singular values) (Roy & Vetterli, 2007), 1 to min(M, d)."""
    # The roots of the eigenvalues of the smaller product: as good for a log, and quicker.
    a = a.double()
    square = a.T @ a if a.shape[0] > a.shape[1] else a @ a.T
    values = torch.linalg.eigvalsh(square).clamp(min=0).sqrt()
    share = values / values.sum().clamp(min=_TINY)
    entropy: Tensor = torch.special.entr(share).sum()
    return entropy.exp()


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def _hsic(a: Tensor, b: Tensor) -> Tensor:
    """Estimate HSIC for linear kernels by ``a' b`` and lengths of rows, without (M, M) kernels."""
    count = len(a)
    a_length, b_length = a.square().sum(1), b.square().sum(1)
    trace = (a.T @ b).square().sum() - (a_length * b_length).sum()
    a_sums, b_sums = a @ a.sum(0) - a_length, b @ b.sum(0) - b_length
    total = trace + a_sums.sum() * b_sums.sum() / ((count - 1) * (count - 2))
    total = total - 2 * (a_sums * b_sums).sum() / (count - 2)
    return total / (count * (count - 3))
