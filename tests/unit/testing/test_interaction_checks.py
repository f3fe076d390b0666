"""Each fault that an interaction can have is found by the check that is for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dgljoint import BuildContext, EncoderSpec
from dgljoint.nn import CascadeBatch, Classify, Interaction, Outputs, Representations, ScoreLinks
from dgljoint.testing import ConformanceError, check_interaction, interaction_checks
from dgljoint.testing.components import HARMLESS

FORM = "answers in the right form"
ODD = "answers for odd batches"
TRAINED = "is trained as a whole"
APART = "keeps cascades apart"
DECLARES = "declares its losses"
OPPONENT = "keeps its opponent to itself"
LATER = "knows no later post"
Losses = Mapping[str, Tensor]


class Good(Interaction):
    """Refines one view by the other, adds a loss and trains an opponent."""

    def __init__(self, context: BuildContext) -> None:
        super().__init__()
        self.mix = nn.Linear(context.width, context.width)
        self.opponent = nn.Linear(context.width, 1)

    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        return {"agreement": 0.1}

    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        return replace(reps, rumor=reps.rumor + self.mix(reps.cascade))

    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"agreement": (batch.pool(reps.cascade) - batch.pool(reps.rumor)).square().mean()}

    def opponent_parameters(self) -> Iterator[nn.Parameter]:
        return self.opponent.parameters()

    def opponent_losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Losses:
        return {"opponent": functional.softplus(self.opponent(batch.pool(reps.rumor))).mean()}

    def diagnostics(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"size": reps.rumor.norm()}


class LeaksTheAnswer(Good):
    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        told = batch.pairs[1][batch.pair_target]
        mark = torch.zeros_like(reps.cascade).index_fill(0, told, 1)
        return replace(super().couple(reps, batch), cascade=reps.cascade + mark)


class AttendsOverTheBatch(Good):
    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        keys = batch.pool(reps.cascade)
        attention = (reps.rumor @ keys.T).softmax(1) @ keys
        return super().couple(replace(reps, rumor=reps.rumor + attention), batch)


class ReadsWhatIsToCome(Good):
    def inform_rumor(
        self, reps: Representations, score_links: ScoreLinks, batch: CascadeBatch
    ) -> Tensor:
        told = score_links(batch.pairs).sigmoid().unsqueeze(1)
        return reps.rumor.index_add(0, batch.pairs[1], told.expand(-1, reps.rumor.shape[1]))


class Detached(Good):
    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        return replace(super().couple(reps, batch), cascade=reps.cascade.detach())


class LosesAView(Good):
    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        return replace(reps, rumor=self.mix(batch.pool(reps.cascade)))


class WritesIntoAView(Good):
    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        reps.cascade.mul_(2)
        return super().couple(reps, batch)


class DetachedLoss(Good):
    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        still = Representations(*(view.detach() for view in vars(reps).values()))
        return super().losses(still, outputs, batch)


class LossOfNothing(Good):
    """What a hasty author returns for a batch of one."""

    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        if len(batch.root) == 1:
            return {"agreement": reps.rumor.new_zeros(())}
        return super().losses(reps, outputs, batch)


class LossOfTheLabelled(Good):
    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"agreement": batch.pool(reps.rumor)[batch.label >= 0].square().mean()}


class LossThatIsNoScalar(Good):
    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {name: x.reshape(1) for name, x in super().losses(reps, outputs, batch).items()}


class LossOfAnotherName(Good):
    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        return {"agrement": 0.1}


class LossOfATaskName(Good):
    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        return {"rumor": 0.1}

    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"rumor": super().losses(reps, outputs, batch)["agreement"]}


class NoFactor(Good):
    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        return {"agreement": float("nan")}


class LossOfTheFirst(Good):
    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"agreement": reps.rumor[0].square().mean() + reps.cascade[0].square().mean()}


class OpponentInTheLosses(Good):
    def losses(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"agreement": -2 * self.opponent_losses(reps, outputs, batch)["opponent"]}


class OpponentThatTrainsTheModel(Good):
    def opponent_losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Losses:
        return super().opponent_losses(replace(reps, rumor=self.mix(reps.cascade)), outputs, batch)


class OpponentWithoutParameters(Good):
    def opponent_parameters(self) -> Iterator[nn.Parameter]:
        return iter(())


class DiagnosticOfNothing(Good):
    def diagnostics(self, reps: Representations, outputs: Outputs, batch: CascadeBatch) -> Losses:
        return {"mean": outputs.link_logits.mean()}


def failed(component: object) -> set[str]:
    try:
        check_interaction(component)
    except ConformanceError as error:
        return {failure.check for failure in error.failures}
    return set()


@pytest.mark.parametrize("interaction", [Good, lambda context: Interaction()])
def test_a_good_interaction_passes(interaction: object) -> None:
    assert failed(interaction) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("interaction", "checks"),
    [
        (LeaksTheAnswer, {"knows no hidden edge"}),
        (AttendsOverTheBatch, {APART}),
        (ReadsWhatIsToCome, {LATER}),
        (Detached, {TRAINED}),
        (LosesAView, {FORM}),
        (WritesIntoAView, {"leaves its inputs alone"}),
        (DetachedLoss, {"has losses that train"}),
        (LossOfNothing, {"has losses that train"}),
        (LossOfTheLabelled, {ODD}),
        (LossThatIsNoScalar, {FORM}),
        (LossOfAnotherName, {FORM}),
        (LossOfATaskName, {DECLARES}),
        (NoFactor, {DECLARES}),
        (LossOfTheFirst, {"follows the order of the cascades"}),
        (OpponentInTheLosses, {OPPONENT}),
        (OpponentThatTrainsTheModel, {OPPONENT}),
        (OpponentWithoutParameters, {OPPONENT}),
        (DiagnosticOfNothing, {ODD}),
        (lambda context: nn.Linear(1, 1), {"builds what its spec declares"}),
    ],
)
def test_a_fault_is_found(interaction: object, checks: set[str]) -> None:
    assert failed(interaction) == checks


class Added(Good):
    """Adds what starts at zero."""

    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)


class AddedToTheClass(Added):
    def inform_cascade(
        self, reps: Representations, classify: Classify, batch: CascadeBatch
    ) -> Tensor:
        return reps.cascade + classify().softmax(1)[batch.cascade_of, :1]


@pytest.mark.parametrize(
    ("interaction", "outcome"), [(Added, "ok"), (Good, "note"), (AddedToTheClass, "note")]
)
def test_what_changes_the_views_at_the_start_is_noted(interaction: object, outcome: str) -> None:
    (check,) = (each for each in interaction_checks(interaction) if each.name == HARMLESS)
    assert check.finding().outcome == outcome


def test_a_spec_of_another_kind_is_refused() -> None:
    spec = EncoderSpec(name="other", summary="", build=print)
    with pytest.raises(TypeError, match="'other' is of the kind encoder, not interaction"):
        check_interaction(spec)
