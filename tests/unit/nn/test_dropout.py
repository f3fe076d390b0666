from __future__ import annotations

import pytest
import torch

from dgljoint.nn import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.93])
def test_a_share_is_dropped_and_the_rest_scaled_to_keep_the_mean(share: float) -> None:
    torch.manual_seed(0)
    # An odd size: the last word of random bits serves part of its entries.
    dropped = Dropout(share)(torch.ones(501, 401))
    kept = dropped > 0
    assert abs(1 - kept.float().mean() - share) < 4e-3
    assert dropped[kept].unique().item() == pytest.approx(2**16 / round((1 - share) * 2**16))
    # Each quarter of a word decides alone, and alike.
    quarters = kept.flatten()[:200_900].view(-1, 4).float()
    assert (quarters.mean(0) - (1 - share)).abs().max() < 6e-3
    assert quarters.T.corrcoef().fill_diagonal_(0).abs().max() < 0.02


def test_the_gradient_takes_the_mask_of_the_forward_pass() -> None:
    x = torch.ones(7, 9, requires_grad=True)
    dropped = Dropout(0.4)(x)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


def test_the_seed_decides_and_evaluation_drops_nothing() -> None:
    layer, x = Dropout(0.5), torch.randn(20, 30)
    masks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        masks.append(layer(x))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert layer.eval()(x) is x


@pytest.mark.parametrize(("share", "left"), [(0.0, 1.0), (1.0, 0.0)])
def test_nothing_and_everything_can_be_dropped(share: float, left: float) -> None:
    assert torch.equal(Dropout(share)(torch.ones(5)), torch.full((5,), left))


def test_half_precision_and_empty_inputs_keep_type_and_shape() -> None:
    for x in (torch.ones(3, 5, dtype=torch.bfloat16), torch.empty(0, 4)):
        dropped = Dropout(0.3)(x)
        assert (dropped.dtype, dropped.shape) == (x.dtype, x.shape)
