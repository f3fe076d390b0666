"""A small joint model for tests of loss weighters: a shared representation and some losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from dgljoint.nn import LossTable, LossWeighter, Step

NAMES = ("cascade", "rumor", "extra")


def step_of(
    shared: Tensor, *, number: int = 0, epoch: int = 0,
    parameters: Mapping[str, nn.Parameter] | None = None,
) -> Step:
    """Describe a step by what the weighter under test looks at."""
    return Step(
        number=number, total=100, epoch=epoch, learning_rate=0.01, parameters=parameters or {},
        step_size=lambda name: 0.01, pooled=torch.zeros(2, 4), shared=shared, probe=None,
    )


def scalars(*values: float) -> tuple[LossTable, Tensor]:
    """Make losses of these values whose gradients by a shared tensor are its K unit vectors."""
    shared = nn.Parameter(torch.zeros(len(values)))
    raw = {NAMES[n]: shared[n] + value for n, value in enumerate(values)}
    return LossTable(raw, {}), shared


def linear(rows: Tensor) -> tuple[LossTable, Tensor]:
    """Make losses, all near 1, whose gradients by a shared tensor are ``rows`` (K, D)."""
    shared = nn.Parameter(torch.zeros(rows.shape[1], dtype=rows.dtype))
    raw = {NAMES[n] if n < 3 else f"more{n}": row @ shared + 1 for n, row in enumerate(rows)}
    return LossTable(raw, {}), shared


class Toy(nn.Module):
    """An encoder and a head for each of the K losses; a head sees the representation alone.

    Args:
        seed: of its parameters and of the data of every step.
        coefficients: of the losses that have one.
        scale: name of a loss to what it is multiplied by.
    """

    def __init__(
        self, seed: int = 0, *, coefficients: Mapping[str, float] | None = None,
        scale: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.seed, self.coefficients, self.scale = seed, coefficients or {}, scale or {}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.encoder = nn.Linear(5, 4)
            self.heads = nn.ModuleDict({name: nn.Linear(4, 2) for name in NAMES})

    def losses(self, number: int, *, epoch: int = 0) -> tuple[LossTable, Step]:
        """Return the losses on the data of step ``number``."""
        source = torch.Generator().manual_seed(1000 * self.seed + number)
        x = torch.randn(6, 5, generator=source)
        shared = self.encoder(x).tanh()
        raw = {
            name: (head(shared) - torch.randn(6, 2, generator=source)).square().mean()
            * self.scale.get(name, 1.0)
            for name, head in self.heads.items()
        }
        parameters = dict(self.named_parameters())
        step = step_of(shared, number=number, epoch=epoch, parameters=parameters)
        return LossTable(raw, self.coefficients), step

    def train_by(self, weighter: LossWeighter, steps: range, *, an_epoch: int = 4) -> list[Tensor]:
        """Take steps of gradient descent, seeded by their number; return the weights of each."""
        used = []
        for number in steps:
            self.zero_grad()
            with torch.random.fork_rng():
                torch.manual_seed(number)
                used.append(
                    weighter.backward(*self.losses(number, epoch=number // an_epoch))
                )
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter -= 0.05 * parameter.grad
        return used


def check_resumes(build: Callable[[], LossWeighter], *, at: int = 6, steps: int = 12) -> None:
    """Check that weights after a save and load in mid-epoch are those of the uninterrupted."""
    whole = Toy().train_by(build(), range(steps))
    toy, first, second = Toy(), build(), build()
    before = toy.train_by(first, range(at))
    second.load_state_dict(first.state_dict())
    after = toy.train_by(second, range(at, steps))
    torch.testing.assert_close(torch.stack(before + after), torch.stack(whole), rtol=0, atol=0)


def check_gradients(weighter: LossWeighter, *, number: int = 0) -> Tensor:
    """Check that a weighter fills the gradients of the weighted sum; return its weights."""
    toy = Toy()
    toy.zero_grad()
    used = weighter.backward(*toy.losses(number))
    losses, _ = toy.losses(number)
    expected = torch.autograd.grad((used * losses.values()).sum(), list(toy.parameters()))
    for parameter, gradient in zip(toy.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    return used
