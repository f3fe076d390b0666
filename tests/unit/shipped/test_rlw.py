from __future__ import annotations

import torch

from dgljoint import BuildContext
from dgljoint.config.options import NoOptions
from dgljoint.nn import LossWeighter
from dgljoint_plugins.weighters.rlw import build
from weighing import NAMES, check_gradients, check_resumes, scalars, step_of


def weighter() -> LossWeighter:
    return build(NoOptions(), BuildContext(width=4, classes=2, loss_names=NAMES, tasks=NAMES))


def draw(of: LossWeighter) -> torch.Tensor:
    losses, shared = scalars(1.0, 2.0, 3.0)
    return of.weigh(losses, step_of(shared))


def test_weights_of_a_seed_are_these() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = draw(weighter())
        torch.manual_seed(0)
        normal = torch.randn(3).exp()
    torch.testing.assert_close(found, 3 * normal / normal.sum())
    torch.testing.assert_close(found, torch.tensor(GOLDEN), rtol=1e-4, atol=0)


GOLDEN = [2.5339, 0.40468, 0.06142]


def test_weights_are_drawn_anew_and_average_one() -> None:
    of = weighter()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = torch.stack([draw(of) for _ in range(4000)])
    assert len(drawn.unique(dim=0)) == 4000
    assert (drawn > 0).all()
    torch.testing.assert_close(drawn.sum(1), torch.full((4000,), 3.0))
    torch.testing.assert_close(drawn.mean(0), torch.ones(3), rtol=0, atol=0.05)


def test_gradients_are_those_of_the_weighted_sum() -> None:
    check_gradients(weighter())


def test_a_step_s_seed_is_all_its_state() -> None:
    check_resumes(weighter)
