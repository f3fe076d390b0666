"""Base classes of encoders, interactions and loss weighters, and what passes between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch


@dataclass(frozen=True, eq=False)
class Representations:
    """What both tasks share and the two tasks' views of it, each (N, D).

    Attributes:
        shared: the projected features plus the encoder's normalised, scaled output.
        cascade: the cascade task's view.
        rumor: the rumor task's view.

    The view of a task that is neither trained nor read by an interaction is ``shared``.
    """

    shared: Tensor
    cascade: Tensor
    rumor: Tensor


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the heads return.

    Attributes:
        rumor_logits: (B, C).
        link_logits: (P,), one per pair of the batch.

    Those of a task that is neither trained nor read by an interaction are zeros.
    """

    rumor_logits: Tensor
    link_logits: Tensor


class LossTable:
    """The losses of one step, by name: those of the tasks first, then the auxiliary ones.

    An auxiliary loss is an interaction's. It is no task: a weighter that balances tasks weighs
    :meth:`of_tasks` and leaves the rest at weight 1, as :meth:`with_auxiliary` does.

    Attributes:
        raw: name to scalar, as the tasks and interactions computed them.
        coefficients: name to the fixed factor of an auxiliary loss; tasks have none.
    """

    def __init__(self, raw: Mapping[str, Tensor], coefficients: Mapping[str, float]) -> None:
        self.raw = dict(raw)
        self.coefficients = dict(coefficients)

    @property
    def names(self) -> tuple[str, ...]:
        """The K names, tasks first."""
        return tuple(self.raw)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The T names of the tasks that are trained."""
        return tuple(name for name in self.raw if name not in self.coefficients)

    def of_tasks(self) -> LossTable:
        """Return the losses of the tasks alone."""
        return LossTable({name: self.raw[name] for name in self.tasks}, {})

    def with_auxiliary(self, weights: Tensor) -> Tensor:
        """Append a 1 for every auxiliary loss to the weights of the tasks. (T,) to (K,)."""
        return nn.functional.pad(weights, (0, len(self.raw) - len(weights)), value=1.0)

    def values(self) -> Tensor:
        """(K,) losses with their coefficients applied, differentiable."""
        return torch.stack(self.scalars())

    def scalars(self) -> list[Tensor]:
        """Return :meth:`values` one by one.

        A backward pass from one of them runs through what that loss depends on; a pass from an
        element of their stack runs through all the losses.
        """
        return [value * self.coefficients.get(name, 1.0) for name, value in self.raw.items()]

    def jacobian(self, by: Tensor) -> Tensor:
        """Return the gradient of each of :meth:`values` by a tensor of their graph, one per row.

        The graph is kept. A row costs a backward pass from its loss to ``by`` and no further; it is
        zero for a loss that does not reach ``by``.

        Shapes: ``by`` any to (K, ``by.numel()``).
        """
        return torch.stack([_gradient(value, by).flatten() for value in self.scalars()])


def _gradient(loss: Tensor, by: Tensor) -> Tensor:
    if not loss.requires_grad:
        return torch.zeros_like(by)
    (gradient,) = torch.autograd.grad(
        loss, by, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return gradient


@dataclass(frozen=True, eq=False)
class CascadeLosses:
    """The rumor task's losses on the L labelled cascades of a batch.

    Attributes:
        values: (L,), differentiable; the loss of the task is their mean.
        event: (L,) int64; cascades with equal numbers are of one event.
    """

    values: Tensor
    event: Tensor

    def by_event(self) -> tuple[Tensor, Tensor]:
        """Return the mean loss of each of the batch's E events, (E,), and their numbers, (E,)."""
        event, place, count = torch.unique(self.event, return_inverse=True, return_counts=True)
        summed = self.values.new_zeros(len(event)).index_add(0, place, self.values)
        return summed / count, event


@dataclass(frozen=True, eq=False)
class Step:
    """What a weighter may know of the step.

    Attributes:
        number: steps taken before this one in the whole run.
        total: steps the run will take at most.
        epoch: from 0.
        learning_rate: the schedule's present value for a parameter of factor 1.
        parameters: the model's trainable parameters by name (not the weighter's own).
        step_size: for a parameter's name, what the optimizer multiplies a gradient by: a tensor
            of the parameter's shape for Adam (learning rate over root second moment, momentum
            left out), a number before it has seen a gradient.
        pooled: (2, D) mean over the batch of the pooled cascade and rumor view, detached.
        shared: (N, D) the encoder's output, all that the losses know of the shared parameters.
            It is part of the losses' graph, so that ``losses.jacobian(step.shared)`` is possible.
        probe: returns the losses of the trained tasks by name on a batch of the *meta split*, held
            out of the training set, under substituted parameters (name to tensor; others keep their
            values). Within one step every call has the same batch and the same dropout masks.
            ``None`` unless the weighter's spec asks for a meta split.
        cascades: the rumor task's losses by cascade, part of the losses' graph, for a weighter that
            treats cascades or events unlike. ``None`` where that task is not trained.
    """

    number: int
    total: int
    epoch: int
    learning_rate: float
    parameters: Mapping[str, nn.Parameter]
    step_size: Callable[[str], Tensor | float]
    pooled: Tensor
    shared: Tensor
    probe: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None
    cascades: CascadeLosses | None = None


ScoreLinks = Callable[[Tensor], Tensor]
"""Scores any pairs of a post and an earlier post of its cascade: (2, P) int64 to (P,) logits.

It is a draft, by rows of posts that have got no message of a parent, a child or an interaction, so
that an observed link is as hard to predict as one that is not.
"""

Classify = Callable[[], Tensor]
"""Classifies the cascades by the rumor view as it is: (B, C) logits."""


class Encoder(nn.Module):
    """Turns projected features into representations along the observed edges.

    Output (N, D) for input (N, D). A post's row may depend on its own cascade only.
    """

    def forward(self, batch: CascadeBatch, x: Tensor) -> Tensor:
        """Encode.

        Args:
            batch: it has observed edges only.
            x: (N, D), the features, projected and summed by the engine.
        """
        raise NotImplementedError


class Interaction(nn.Module):
    """Couples the two views, adds auxiliary losses, or trains an opponent.

    A new module should leave both views as they are, so that the tasks learn as without it and the
    coupling grows as far as it helps: zeros in the last map of what is added to a view do that.
    """

    @property
    def loss_coefficients(self) -> Mapping[str, float]:
        """Names of the losses :meth:`losses` returns, each with its fixed factor."""
        return {}

    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        """Return the refined views; unchanged by default. Shapes stay (N, D)."""
        return reps

    def inform_cascade(
        self, reps: Representations, classify: Classify, batch: CascadeBatch
    ) -> Tensor:
        """Return the cascade view, informed by the class that the coupled rumor view predicts.

        Called after every :meth:`couple`, before every :meth:`inform_rumor`; unchanged by default.
        ``classify`` is a draft: the rumor view may still change in :meth:`inform_rumor`.

        Shapes: (N, D).
        """
        return reps.cascade

    def inform_rumor(
        self, reps: Representations, score_links: ScoreLinks, batch: CascadeBatch
    ) -> Tensor:
        """Return the rumor view, informed by the links that the link head predicts.

        Called after every :meth:`inform_cascade`, right before the heads; unchanged by default.

        Shapes: (N, D).
        """
        return reps.rumor

    def losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the auxiliary losses, scalars named as in :attr:`loss_coefficients`."""
        return {}

    def opponent_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that :meth:`opponent_losses` trains and the model's step must not.

        They get an optimizer of their own.
        """
        return iter(())

    def opponent_losses(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return the losses that train the opponent; inputs are detached."""
        return {}

    def diagnostics(
        self, reps: Representations, outputs: Outputs, batch: CascadeBatch
    ) -> Mapping[str, Tensor]:
        """Return scalars to log, averaged over some steps of an epoch; called without gradient."""
        return {}


class LossWeighter(nn.Module):
    """Decides how much each loss of a step counts and fills the gradients."""

    def weigh(self, losses: LossTable, step: Step) -> Tensor:
        """Return the (K,) weights in the order of ``losses.names``, detached from the model."""
        raise NotImplementedError

    def backward(self, losses: LossTable, step: Step) -> Tensor:
        """Add the weighted losses' gradients to the model's parameters.

        Schemes that look at gradients or train themselves override it.

        Returns:
            (K,) the weights used, detached, for the log.
        """
        weights = self.weigh(losses, step)
        (weights * losses.values()).sum().backward()  # type: ignore[no-untyped-call]  # torch's
        return weights.detach()

    def after_step(self, before: LossTable, after: LossTable, step: Step) -> None:
        """Learn from what the step did to the losses of its own batch; nothing by default.

        Called after the optimizer's step, only on a weighter that overrides it: each step then
        costs a second forward pass. Targets, candidates and dropout masks are those of the step, so
        the losses differ by the parameters alone. Neither the model nor its gradients may be
        changed.

        Args:
            before: the losses that :meth:`backward` was given, detached.
            after: the same losses under the new parameters, detached and finite.
            step: as in :meth:`backward`; its graph is gone.
        """
