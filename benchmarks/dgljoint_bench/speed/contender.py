"""What is timed: one way of making batches of the same cascades, and a model for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from dgljoint.batch.assemble import assemble
from dgljoint.batch.features import FeatureSpace
from dgljoint.data.store import CascadeStore
from dgljoint.evaluation.deadlines import EVERYTHING, Deadline
from dgljoint.evaluation.evaluate import Evaluator
from dgljoint.tasks.targets import training_question
from dgljoint.training.trainer import Trainer
from dgljoint_bench.own_training import own_config, trainer_of

_LEARNING_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the published model and its training, the same for all.

    Attributes:
        batch: cascades a step.
        width: of the hidden layers.
        classes: number of labels.
        dropout: share dropped between the convolutions.
    """

    batch: int
    width: int
    classes: int
    dropout: float = 0.5


class Contender(Protocol):
    """One row of the comparison; each method goes over all cascades once."""

    def assemble(self) -> None:
        """Make the batches of an epoch and do nothing with them."""

    def epoch(self) -> None:
        """Train one epoch."""

    def inference(self) -> None:
        """Score all cascades in evaluation mode."""


@dataclass(eq=False)
class Published(Contender):
    """The published model on the batches of some library.

    Attributes:
        model: maps a batch of B cascades to (B, C) scores.
        batches: makes those of one pass, each with a (B,) ``label``; in a new order when true.
    """

    model: nn.Module
    batches: Callable[[bool], Iterable[Any]]

    def __post_init__(self) -> None:
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=_LEARNING_RATE, fused=True
        )

    def assemble(self) -> None:
        """Make the batches of an epoch and do nothing with them."""
        for _ in self.batches(True):
            pass

    def epoch(self) -> None:
        """Train one epoch."""
        self.model.train()
        for batch in self.batches(True):
            self._optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(batch), batch.label)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's
            self._optimizer.step()
            # As every loop that shows its loss, and tells when it is not finite.
            loss.item()

    def inference(self) -> None:
        """Score all cascades in evaluation mode."""
        self.model.eval()
        with torch.inference_mode():
            for batch in self.batches(False):
                self.model(batch).argmax(dim=1)


class Shipped(Contender):
    """What ``dgljoint train --encoder bigcn -s train.tasks=rumor`` and ``evaluate`` do.

    Args:
        store: where the cascades are.
        chosen: positions of those to train on and to score.
        settings: of the run, as ``section.key=value``.
    """

    def __init__(
        self, store: CascadeStore, chosen: NDArray[np.int64], settings: tuple[str, ...]
    ) -> None:
        config = own_config(
            store, ("train.tasks=rumor", *settings), settings={"encoder": "bigcn"}
        )
        self._store, self._chosen, self._options = store, chosen, config.cascade
        self._features = FeatureSpace.fit(store, chosen, config.features)
        self._trainer: Trainer = trainer_of(store, config, chosen)
        self._evaluator = Evaluator(
            store, self._features, config.cascade, 0, config.train.task_names
        )
        self._rng = np.random.default_rng(0)

    def assemble(self) -> None:
        """Make the batches of an epoch, with a share of their edges hidden."""
        for part in self._trainer.batches.of(0):
            columns = self._store.read(part)
            question = training_question(
                columns, self._options.target_share, self._options.candidates, self._rng,
                scored=False,
            )
            assemble(self._store, columns, question, self._features)

    def epoch(self) -> None:
        """Train one epoch; nothing is validated."""
        self._trainer.train_epoch(lambda: False)

    def inference(self) -> None:
        """Score all cascades, seen to their end."""
        self._evaluator.predict(self._trainer.model, self._chosen, Deadline(EVERYTHING))
