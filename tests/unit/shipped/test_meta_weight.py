from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from dgljoint.nn import LossTable, Step
from dgljoint_plugins.weighters.meta_weight import MetaWeightOptions
from dgljoint_plugins.weighters.meta_weight.module import MetaWeight, hypergradient
from golden import filled

WIDTH = 4
NAMES = ("cascade", "rumor", "extra")


class Problem:
    """Three losses of two parameters (one of them only some losses reach) and a probe."""

    def __init__(self, seed: int = 0, *, sizes: str = "number", drop: float = 0.0) -> None:
        torch.manual_seed(seed)
        self.drop = drop
        self.parameters = {
            "shared": nn.Parameter(torch.randn(5, dtype=torch.float64)),
            "own": nn.Parameter(torch.randn(3, dtype=torch.float64)),
        }
        self.matrix = torch.randn(4, 5, 5, dtype=torch.float64)
        scale = {name: torch.rand_like(p) * 0.1 for name, p in self.parameters.items()}
        self.step_size = (lambda name: scale[name]) if sizes == "tensor" else (lambda name: 0.05)

    def losses(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        shared, own = parameters["shared"], parameters["own"]
        return {
            "cascade": (self.matrix[0] @ shared).tanh().square().sum(),
            "rumor": (self.matrix[1] @ shared).square().sum() + own.cosh().sum(),
            "extra": (self.matrix[2] @ shared).sin().sum() ** 2,
        }

    def probe(self, changed: Mapping[str, Tensor]) -> dict[str, Tensor]:
        parameters = {**self.parameters, **changed}
        with torch.random.fork_rng():
            torch.manual_seed(7)  # the same mask in every evaluation, as the engine promises
            shared = dropout(parameters["shared"], self.drop)
        return {
            "cascade": (self.matrix[3] @ shared).square().sum(),
            "rumor": (self.matrix[1].T @ shared).cos().sum() + parameters["own"].square().sum(),
        }

    def step(self, number: int = 0, probe: bool = True) -> Step:
        return Step(
            number=number,
            total=100,
            epoch=0,
            learning_rate=0.05,
            parameters=self.parameters,
            step_size=self.step_size,
            pooled=torch.zeros(2, WIDTH), shared=torch.zeros(1, WIDTH),
            probe=self.probe if probe else None,
        )

    def gradients(self) -> list[dict[str, Tensor]]:
        found = []
        for loss in self.losses(self.parameters).values():
            values = torch.autograd.grad(
                loss, list(self.parameters.values()), allow_unused=True, retain_graph=True
            )
            found.append(
                {n: g for n, g in zip(self.parameters, values, strict=True) if g is not None}
            )
        return found


def objective(losses: Mapping[str, Tensor]) -> Tensor:
    return losses["cascade"] / 3 + losses["rumor"]


def held_out_after(problem: Problem, weights: Tensor) -> Tensor:
    """The objective after one step, with a path from the weights."""
    moved: dict[str, Tensor] = dict(problem.parameters)
    for weight, gradient in zip(weights, problem.gradients(), strict=True):
        for name, value in gradient.items():
            moved[name] = moved[name] - weight * problem.step_size(name) * value.detach()
    return objective(problem.probe(moved))


@pytest.mark.parametrize("sizes", ["number", "tensor"])
@pytest.mark.parametrize("drop", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_hypergradient_is_exact(seed: int, sizes: str, drop: float) -> None:
    """Equal to autograd through the look-ahead, and to central differences."""
    problem = Problem(seed, sizes=sizes, drop=drop)
    weights = torch.tensor([0.7, 1.1, 1.2], dtype=torch.float64, requires_grad=True)
    found = hypergradient(problem.step(), problem.gradients(), weights, objective)
    (through,) = torch.autograd.grad(held_out_after(problem, weights), weights)
    torch.testing.assert_close(found, through)
    width = 1e-6
    for place in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[place] = width
        with torch.no_grad():
            base = weights.detach()
        above = held_out_after(problem, base + shift)
        below = held_out_after(problem, base - shift)
        difference = (above - below) / (2 * width)
        torch.testing.assert_close(found[place], difference, rtol=1e-5, atol=1e-7)
    assert found.abs().min() > 0


def weighter(names: tuple[str, ...] = NAMES, **options: object) -> MetaWeight:
    torch.manual_seed(1)
    return MetaWeight(MetaWeightOptions(**options), WIDTH, names, names[:2])


@pytest.mark.parametrize("number", [0, 1])
def test_gradients_are_those_of_the_weighted_sum(number: int) -> None:
    """In a step that trains the network (0) and in one that does not (1)."""
    problem = Problem()
    of = weighter(every=5)
    table = LossTable(problem.losses(problem.parameters), {"extra": 0.5})
    used = of.backward(table, problem.step(number))
    losses = problem.losses(problem.parameters)
    effective = used * torch.tensor([1, 1, 0.5])
    expected = torch.autograd.grad(
        sum(w * loss for w, loss in zip(effective, losses.values(), strict=True)),
        list(problem.parameters.values()),
    )
    for parameter, gradient in zip(problem.parameters.values(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-8)


def test_weights_average_one_and_keep_the_floor() -> None:
    problem = Problem()
    of = weighter(floor=0.2, temperature=0.05)

    def weights_in(step: int) -> Tensor:
        return of.backward(LossTable(problem.losses(problem.parameters), {}), problem.step(step))

    torch.testing.assert_close(weights_in(1), torch.ones(3))
    nn.init.normal_(of.network[2].weight, std=30)
    weights = weights_in(2)
    assert weights.sum().item() == pytest.approx(3)
    assert weights.min() >= 0.2 - 1e-6
    assert weights.min() < 0.3


def test_the_cosine_is_that_of_the_gradients_by_what_the_tasks_share() -> None:
    """What only one of the tasks reaches says nothing of how they agree."""
    problem = Problem()
    of = weighter(every=1)
    raw = problem.losses(problem.parameters)
    cascade, rumor = (
        torch.autograd.grad(raw[name], problem.parameters["shared"], retain_graph=True)[0]
        for name in ("cascade", "rumor")
    )
    of.backward(LossTable(raw, {}), problem.step())
    expected = torch.cosine_similarity(cascade, rumor, dim=0)
    assert of.cosine.item() == pytest.approx(expected.item(), rel=1e-5)


def test_training_starts_as_without_it() -> None:
    """Where losses are brought to one scale, auxiliary ones count more than they are told to."""
    problem = Problem()
    table = LossTable(problem.losses(problem.parameters), {"extra": 0.3})
    weighter().backward(table, problem.step(1))
    plain = LossTable(problem.losses(problem.parameters), {"extra": 0.3}).values().sum()
    expected = torch.autograd.grad(plain, list(problem.parameters.values()))
    for parameter, gradient in zip(problem.parameters.values(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_harmful_loss_loses_its_weight_and_a_useful_one_keeps_it() -> None:
    """One auxiliary loss pulls to the held-out optimum, 0, harder than the tasks; one away."""
    names = ("cascade", "rumor", "useful", "harmful")
    of = weighter(names, every=1, floor=0.0, entropy=0.0)
    x = nn.Parameter(torch.tensor([2.0, 2.0]))
    history = []
    for number in range(200):
        raw = {
            "cascade": x.square().sum() * 0.3 + 4,
            "rumor": x.square().sum() * 0.3 + 4,
            "useful": x.square().sum() + 4,
            "harmful": (x[1] - 8).square() + 4,
        }
        step = Step(
            number=number, total=200, epoch=number // 10, learning_rate=0.05,
            parameters={"x": x}, step_size=lambda name: 0.05, pooled=torch.zeros(2, WIDTH),
            shared=torch.zeros(1, WIDTH),
            probe=lambda changed: {
                "cascade": changed["x"].square().sum() + 0.1,
                "rumor": changed["x"].square().sum() + 0.2,
            },
        )
        x.grad = None
        history.append(of.backward(LossTable(raw, {}), step))
        with torch.no_grad():
            x -= 0.05 * x.grad
    assert history[0].tolist() == pytest.approx([1, 1, 1, 1])
    assert history[-1][3] < 0.02
    assert history[-1][2] > 1
    assert x.abs().max() < 0.2


class Uneven:
    """A hard task whose gradient is the way to the held-out optimum, and an easy one."""

    def __init__(self) -> None:
        self.x = nn.Parameter(torch.tensor([2.0]))

    def losses(self) -> dict[str, Tensor]:
        return {"cascade": self.x.square().sum() + 2, "rumor": self.x.abs().sum() * 0.1 + 0.1}

    def step(self, number: int) -> Step:
        return Step(
            number=number, total=200, epoch=number // 10, learning_rate=0.01,
            parameters={"x": self.x}, step_size=lambda name: 0.01,
            pooled=torch.zeros(2, WIDTH), shared=torch.zeros(1, WIDTH),
            probe=lambda changed: {
                "cascade": (changed["x"] - 1).square().sum() + 2,
                "rumor": changed["x"].sum() * 0 + 1,
            },
        )


def test_a_network_trained_by_the_main_loss_switches_the_harder_task_off() -> None:
    """The fault: its optimum is softmax(-L / 0.1) whatever helps; ours asks held-out losses."""
    losses = torch.stack(list(Uneven().losses().values())).detach()
    network = nn.Linear(1, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(600):
        share = network(torch.ones(1)).softmax(0)
        entropy = torch.special.entr(share).sum()
        optimizer.zero_grad()
        ((share * losses).sum() - 0.1 * entropy).backward()
        optimizer.step()
    torch.testing.assert_close(share, (-losses / 0.1).softmax(0), rtol=0, atol=1e-3)
    assert share[0] < 1e-3
    of, problem = weighter(("cascade", "rumor"), every=1, entropy=0.0), Uneven()
    for number in range(200):
        problem.x.grad = None
        used = of.backward(LossTable(problem.losses(), {}), problem.step(number))
    assert used[0] > 1.5


def test_a_held_out_loss_before_the_step_knows_nothing_of_the_weights() -> None:
    """The fault of an update without a look ahead; ours moves the network."""
    problem, of = Uneven(), weighter(("cascade", "rumor"), every=1)
    step, table = problem.step(0), LossTable(problem.losses(), {})
    of._observe(table, step)
    (of.weigh(table, step) * table.values()).sum().backward(retain_graph=True)
    network = list(of.network.parameters())
    unmoved = step.probe({"x": problem.x})["cascade"]
    assert torch.autograd.grad(unmoved, network, allow_unused=True) == (None,) * len(network)
    before = [parameter.detach().clone() for parameter in network]
    of.backward(table, step)
    assert any(not torch.equal(*pair) for pair in zip(before, network, strict=True))


def test_golden_value() -> None:
    problem, of = Problem(), weighter(every=2, hidden=3)
    filled(of.network)
    for number in range(5):
        used = of.backward(LossTable(problem.losses(problem.parameters), {}), problem.step(number))
    assert used.tolist() == pytest.approx([0.977622, 1.396595, 0.625783], rel=1e-4)


def test_state_round_trip_continues_alike(tmp_path: Path) -> None:
    one, other = weighter(every=1), weighter(every=1)
    problem = Problem()
    for number in range(3):
        one.backward(LossTable(problem.losses(problem.parameters), {}), problem.step(number))
    other.load_state_dict(deepcopy(one.state_dict()))
    for number in range(3, 6):
        results = []
        for of in (one, other):
            table = LossTable(problem.losses(problem.parameters), {})
            results.append(of.backward(table, problem.step(number)))
        assert torch.equal(*results)


def test_without_a_probe_the_network_is_left_alone() -> None:
    problem = Problem()
    of = weighter(every=1)
    before = {name: p.clone() for name, p in of.network.named_parameters()}
    of.backward(LossTable(problem.losses(problem.parameters), {}), problem.step(0, probe=False))
    assert all(torch.equal(before[name], p) for name, p in of.network.named_parameters())
