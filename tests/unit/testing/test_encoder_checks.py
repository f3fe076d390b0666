"""Each fault that an encoder can have is found by the check that is for it, and by no other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from dgljoint import BuildContext, EncoderSpec, Options, UsageError
from dgljoint.nn import CascadeBatch, Encoder, sum_to_children
from dgljoint.testing import ConformanceError, check_encoder, encoder_checks

FORM = "answers in the right form"
ODD = "answers for odd batches"
TRAINED = "is trained as a whole"
SEED = "repeats under a seed"
STEADY = "draws nothing in evaluation"
STATE = "continues from its saved state"
MOVES = "moves as a whole"
LOW = "is finite in low precision"
INPUTS = "leaves its inputs alone"
APART = "keeps cascades apart"
ORDER = "follows the order of the posts"
LATER = "knows no later post"


class Good(Encoder):
    def __init__(self, context: BuildContext) -> None:
        super().__init__()
        self.own = nn.Linear(context.width, context.width)
        self.above = nn.Linear(context.width, context.width)
        self.dropout = nn.Dropout(0.3)

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return self.own(self.dropout(x)) + self.above(sum_to_children(batch, x))


class LeaksTheAnswer(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        told = batch.pairs[1][batch.pair_target]
        return super().forward(batch, x) + x.new_zeros(len(x), 1).index_fill(0, told, 1)


class ReadsTheLabel(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) + batch.label[batch.cascade_of].unsqueeze(1)


class ReadsTheId(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        said = torch.tensor([float(len(name)) for name in batch.ids], device=x.device)
        return super().forward(batch, x) + said[batch.cascade_of].unsqueeze(1)


class MixesCascades(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) + x[batch.root].mean(0)


class MixesInTrainingOnly(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x - x[batch.root].mean(0) if self.training else x)


class MixesBehindAClosedGate(Good):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) + self.gate * x[batch.root].mean(0)


class PoolsWhatIsToCome(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        summed = x.new_zeros(len(batch.root), x.shape[1]).index_add(0, batch.cascade_of, x)
        return super().forward(batch, x) + summed[batch.cascade_of]


class TellsPostsThatWaitOfOneAnother(Good):
    """What was observed is as it was, but a score of a link knows who comes after."""

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        waiting = ~batch.observed.unsqueeze(1) * x
        summed = x.new_zeros(len(batch.root), x.shape[1]).index_add(0, batch.cascade_of, waiting)
        return super().forward(batch, x) + ~batch.observed.unsqueeze(1) * summed[batch.cascade_of]


class CountsPosts(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        place = torch.arange(len(x), device=x.device) - batch.root[batch.cascade_of]
        return super().forward(batch, x) + place.unsqueeze(1)


class AnswersForCascades(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return batch.pool(super().forward(batch, x))


class DividesByNothing(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        edges = batch.graph.num_edges()
        return super().forward(batch, x) * (x.new_tensor(edges) / edges)


class NoNumber(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x).sqrt()


class WritesIntoItsInput(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x.add_(1))


class WritesIntoTheBatch(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        batch.delay_seconds.mul_(2)
        return super().forward(batch, x)


class Detached(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x).detach()


class Unused(Good):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self.spare = nn.Linear(2, 2)


class DrawsFromNumpy(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        noise = float(np.random.default_rng().random()) if self.training else 0
        return super().forward(batch, x) + noise


class DropsOutForever(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return functional.dropout(super().forward(batch, x), 0.5, training=True)


class Forgets(Good):
    steps = 0

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        self.steps += self.training
        return super().forward(batch, x) * (1 + self.steps)


class KeepsATensor(Good):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self.scales = [torch.ones(context.width)]

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) * self.scales[0]


class MakesATensorOnTheCPU(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) + torch.zeros(x.shape)


class MakesATensorAndMovesIt(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) + torch.zeros(x.shape).to(x.device)


class MakesANumber(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return super().forward(batch, x) * torch.tensor(0.5)


class OverflowsInHalf(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        return self.own(x).mul(9).exp().log1p() + self.above(self.dropout(x))


class Crashes(Good):
    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        raise ValueError("no idea")


def failed(component: object) -> set[str]:
    try:
        check_encoder(component)
    except ConformanceError as error:
        return {failure.check for failure in error.failures}
    return set()


@pytest.mark.parametrize("encoder", [Good, MakesATensorAndMovesIt, MakesANumber])
def test_a_good_encoder_passes(encoder: type[Encoder]) -> None:
    assert failed(encoder) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "checks"),
    [
        (LeaksTheAnswer, {"knows no hidden edge"}),
        (ReadsTheLabel, {"knows no label, event or id"}),
        (ReadsTheId, {"knows no label, event or id"}),
        (MixesCascades, {APART}),
        (MixesInTrainingOnly, {APART}),
        (MixesBehindAClosedGate, {APART}),
        (PoolsWhatIsToCome, {LATER}),
        (TellsPostsThatWaitOfOneAnother, {LATER}),
        (CountsPosts, {ORDER}),
        (AnswersForCascades, {FORM}),
        (DividesByNothing, {ODD, APART}),  # one without an edge stands alone there
        (NoNumber, {FORM}),
        (WritesIntoItsInput, {INPUTS}),
        (Detached, {TRAINED}),
        (Unused, {TRAINED}),
        (DrawsFromNumpy, {SEED, STATE}),
        (Forgets, {STATE}),
        (KeepsATensor, {MOVES}),
        (MakesATensorOnTheCPU, {MOVES}),
        (OverflowsInHalf, {LOW}),
        (Crashes, {FORM}),
        (lambda context: nn.Linear(1, 1), {"builds what its spec declares"}),
    ],
)
def test_a_fault_is_found(encoder: object, checks: set[str]) -> None:
    assert failed(encoder) == checks


@pytest.mark.parametrize(
    ("encoder", "check"), [(WritesIntoTheBatch, INPUTS), (DropsOutForever, STEADY)]
)
def test_a_fault_that_spoils_other_answers_is_found(encoder: type[Encoder], check: str) -> None:
    assert check in failed(encoder)


def test_parameters_may_be_declared_as_unreached() -> None:
    check_encoder(Unused, unreached=["spare.weight", "spare.bias"])
    with pytest.raises(ConformanceError, match=r"do not exist: \['spaer.weight'\]"):
        check_encoder(Good, unreached=["spaer.weight"])


def test_the_error_says_what_where_and_how_to_mend_it() -> None:
    with pytest.raises(ConformanceError) as raised:
        check_encoder(Crashes)
    error = raised.value
    assert error.component == "encoder 'Crashes'"
    (failure,) = error.failures
    assert failure.found.startswith("failed in forward: ValueError")
    assert "ValueError: no idea (test_encoder_checks.py, line " in failure.found
    assert isinstance(error.__cause__.__cause__, ValueError)
    assert "to mend it: return what dgljoint.nn.protocols requires" in str(error)


class SizeOptions(Options):
    size: int = Field(1, ge=1, description="of nothing")


def spec(**fields: object) -> EncoderSpec:
    def build(options: SizeOptions, context: BuildContext) -> Encoder:
        return Good(context) if options.size < 3 else Crashes(context)

    return EncoderSpec(name="good", summary="", options=SizeOptions, build=build, **fields)


def test_a_spec_is_built_with_its_options() -> None:
    check_encoder(spec())
    check_encoder(spec(), {"size": "2"})
    with pytest.raises(ConformanceError, match="encoder 'good' does not conform"):
        check_encoder(spec(), {"size": 3})
    with pytest.raises(UsageError, match="did you mean 'size'"):
        check_encoder(spec(), {"sice": 3})
    with pytest.raises(TypeError, match="a function is given none"):
        check_encoder(Good, {"size": 3})


def test_checks_can_be_run_one_by_one() -> None:
    found = {check.name: check for check in encoder_checks(Good)}
    assert {TRAINED, APART, MOVES} <= set(found)
    assert all(check.mend and check.component == "encoder 'Good'" for check in found.values())
