"""The one training loop."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.run_config import RunConfig
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DivergedError, PluginError
from dgljoint.evaluation.evaluator import Evaluator
from dgljoint.evaluation.scores import (
    Scores,
    selection_margin,
    selection_score,
    validation_figures,
)
from dgljoint.nn.hosted import Hosted, opponent_losses, opponent_parameters
from dgljoint.nn.model import JointModel
from dgljoint.nn.protocols import LossTable, LossWeighter, Outputs, Representations, Step
from dgljoint.plugins.guard import guarded
from dgljoint.tasks.heads import RUMOR, TASKS, not_asked, rumor_losses
from dgljoint.training import optimizers
from dgljoint.training.callbacks import Callback, EpochRecord
from dgljoint.training.checkpoint import load_adam, load_model
from dgljoint.training.parts import TrainingParts
from dgljoint.training.passes import Pass, Passed
from dgljoint.training.processes import ALONE, Processes
from dgljoint.training.randomness import Batches, Stream, generator, seeded

# A look costs two backward passes more: one step in eight makes an epoch a tenth longer.
_LOOK_EVERY = 8


@dataclass
class Position:
    """The progress of a run: everything that the loop carries from step to step besides tensors.

    ``sums`` are those of raw losses, weights and gradient norms over the current epoch, and of
    diagnostics over the steps that are diagnosed; ``seconds`` were spent in the current epoch.
    """

    epoch: int = 0  # completed
    step: int = 0  # taken of the current epoch
    best_epoch: int = 0  # the selected one, from 1
    best_score: float = float("-inf")
    sums: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


class Trainer:
    """Trains a model on the training set and selects its epoch on the validation set.

    One step: forward, task and auxiliary losses, the weighter's backward, clipping, the model's
    step, the weighter's learning from it, the opponents' steps. Each process has its own trainer.
    """

    def __init__(
        self, config: RunConfig, store: CascadeStore, features: FeatureSpace, parts: TrainingParts,
        model: JointModel, weighter: Hosted[LossWeighter], evaluator: Evaluator, callback: Callback,
        processes: Processes = ALONE,
    ) -> None:
        self._config, self._parts = config, parts
        self._evaluator, self._callback = evaluator, callback
        self._coefficients = model.loss_coefficients
        self.model, self.weighter = model, weighter
        self.batches = training_batches(store, parts, config)
        self._optimizer = optimizers.ModelOptimizer(model, config.train, self.batches.total)
        self._opponents = optimizers.opponent_optimizers(model, config.train)
        self._processes = processes
        self._weighter_learns = type(weighter.module).after_step is not LossWeighter.after_step
        self._owners = model.loss_owners
        self._others = [hosted.entry for hosted in model.hosted]
        self._pass = Pass(config, store, features, model, self._optimizer.parameters, processes)
        self.position = Position()

    @property
    def finished(self) -> bool:
        """Whether the epochs are used up, or none of the last ones could be selected."""
        stalled = self.position.epoch - self.position.best_epoch
        train = self._config.train
        return self.position.epoch >= train.epochs or stalled >= train.patience

    def train_epoch(self, stop: Callable[[], bool]) -> EpochRecord | None:
        """Train the current epoch to its end, validate, and select; ``None`` when stopped."""
        started = time.perf_counter() - self.position.seconds
        batches = self.batches.of(self.position.epoch)
        self.model.train()
        while self.position.step < len(batches):
            self._step(batches[self.position.step])
            self.position.step += 1
            self.position.seconds = time.perf_counter() - started
            if self._processes.any(stop()):
                return None
        # Running statistics are each process's own; the first one's model is selected.
        self._processes.align(self.model.buffers())
        validation = self._evaluator.scores(self.model, self._parts.validation, "validation")
        return self._close_epoch(validation, started)

    def state(self) -> dict[str, Any]:
        """Return everything needed to resume from here, as a tree of tensors and plain values."""
        return {
            "model": self.model.state_dict(), "weighter": self.weighter.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "opponents": {name: made.state_dict() for name, made in self._opponents.items()},
            "position": dict(vars(self.position)),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state` was taken; see :func:`.checkpoint.fitting` for errors."""
        position = TypeAdapter(Position).validate_python(state["position"])
        done, best = position.epoch, position.best_epoch
        if not (
            0 <= best <= done <= self._config.train.epochs and position.step >= 0
            and (position.step == 0 or position.step <= self.batches.steps(done))
            and (position.step == 0 or "norm" in position.sums)
        ):
            raise ValueError(f"no run of this kind reaches {position}")
        load_model(self.model, state["model"])
        load_model(self.weighter.module, state["weighter"])
        self._optimizer.load_state_dict(state["optimizer"])
        for name, optimizer in self._opponents.items():
            load_adam(optimizer, state["opponents"][name])
        self.position = position

    def _step(self, indices: NDArray[np.int64]) -> None:
        number = self.batches.before(self.position.epoch) + self.position.step
        seed = self._config.seed
        passed = self._pass(indices, number)
        batch, raw = passed.batch, passed.raw
        self._check_finite(raw, batch)
        with seeded(seed, Stream.WEIGHING, number):
            if self.position.step % _LOOK_EVERY == 0:
                self._look(passed)
            self._optimizer.zero_grad()
            losses, step = LossTable(raw, self._coefficients), self._describe(number, passed)
            with guarded(self.weighter.entry, "backward", self._others):
                weights = self.weighter.module.backward(losses, step)
        if not isinstance(weights, Tensor) or weights.shape != (len(raw),):
            found = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights).__name__
            raise PluginError(
                f"{self.weighter.entry} returned weights {found} from backward, expected a tensor "
                f"({len(raw)},)"
            )
        named = zip(raw, weights.unbind(), strict=True)
        self._check_finite({f"weight of {name}": weight for name, weight in named}, batch)
        norm = self._optimizer.clip()
        self._check_finite({"gradient norm": torch.tensor(norm)}, batch)
        self._optimizer.step(number)
        if self._weighter_learns:
            self._show_losses_after(passed, step)
        if self._opponents:
            with seeded(seed, Stream.OPPONENTS, number):
                self._step_opponents(passed)
        self._count(raw, weights, norm, not_asked(batch))

    def _show_losses_after(self, passed: Passed, step: Step) -> None:
        """Give the weighter the losses of the step's batch before and after the step."""
        before = {name: loss.detach() for name, loss in passed.raw.items()}
        after = self._pass.again(passed, step.number)
        self._check_finite(
            {f"{name} after the step": loss for name, loss in after.items()}, passed.batch
        )
        shown = LossTable(before, self._coefficients), LossTable(after, self._coefficients)
        with (
            seeded(self._config.seed, Stream.LEARNING, step.number),
            guarded(self.weighter.entry, "after_step"),
        ):
            self.weighter.module.after_step(*shown, step)

    def _look(self, passed: Passed) -> None:
        """Collect the diagnostics of a step, which would cost too much in each."""
        found = self.model.diagnostics(passed.reps, passed.outputs, passed.batch)
        if len(self._config.train.task_names) == len(TASKS):
            one, other = (passed.raw[name] for name in TASKS)
            shared = self.model.shared_parameters()
            with guarded(self._others[0], "the gradients of the tasks", self._others[1:]):
                found["gradient_cosine"] = optimizers.gradient_cosine(one, other, shared)
        self._add({f"look {name}": value for name, value in found.items()})

    def _describe(self, number: int, passed: Passed) -> Step:
        batch, reps = passed.batch, passed.reps
        views = (batch.pool(reps.cascade.detach()), batch.pool(reps.rumor.detach()))
        return Step(
            number=number, total=self.batches.total, epoch=self.position.epoch,
            learning_rate=self._optimizer.learning_rate(number),
            parameters=self._optimizer.parameters,
            step_size=lambda name: self._optimizer.step_size(name, number),
            pooled=torch.stack([view.mean(0) for view in views]),
            shared=passed.shared,
            probe=self._probe(number) if len(self._parts.meta) else None,
            cascades=rumor_losses(
                passed.outputs.rumor_logits, batch, self._config.train.label_smoothing
            ) if RUMOR in self._config.train.task_names else None,
        )

    def _probe(self, number: int) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
        """Return the tasks' losses on the step's meta batch as a function of the parameters."""
        made: list[CascadeBatch] = []

        def probe(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
            if not made:
                rng = generator(self._config.seed, Stream.META, number)
                size = min(self._config.train.batch, len(self._parts.meta))
                chosen = rng.choice(self._parts.meta, size, replace=False)
                made.append(self._pass.batch(*self._pass.ask(chosen, rng)))
            # Seeded by the step: every call has the same dropout masks.
            with seeded(self._config.seed, Stream.META, number):
                _, outputs = torch.func.functional_call(self.model, dict(parameters), (made[0],))
            return self._pass.task_losses(outputs, made[0])

        return probe

    def _step_opponents(self, passed: Passed) -> None:
        batch = passed.batch
        reps = Representations(*(view.detach() for view in vars(passed.reps).values()))
        outputs = Outputs(*(logits.detach() for logits in vars(passed.outputs).values()))
        for hosted in self.model.hosted_interactions:
            optimizer = self._opponents.get(hosted.entry.name)
            if optimizer is None:
                continue
            optimizer.zero_grad()
            losses = opponent_losses(hosted, reps, outputs, batch)
            if not losses:
                continue
            self._check_finite(losses, batch)
            with guarded(hosted.entry, "the backward pass of opponent_losses"):
                total = torch.stack(list(losses.values())).sum()
                total.backward()  # type: ignore[no-untyped-call]  # torch's
            norm = optimizers.gradient_norm(opponent_parameters(hosted))
            self._check_finite({f"gradient norm of {hosted.entry.name}'s opponent": norm}, batch)
            optimizer.step()

    def _check_finite(self, values: Mapping[str, Tensor], batch: CascadeBatch) -> None:
        for name, value in values.items():
            if not bool(torch.isfinite(value).all()):
                position = self.position
                source = self._source(name)
                raise DivergedError(
                    f"{name} is {value.item():g} in epoch {position.epoch + 1}, step "
                    f"{position.step + 1}; cascades of the batch: {batch.some_ids}"
                    + (f"; it comes from {source}" if source else ""),
                    hint="the last good checkpoint is kept, and --resume ends the same way; a "
                    "lower -s train.learning_rate in another --out may help",
                )

    def _source(self, name: str) -> str | None:
        """Return the plugin and method that a loss or weight comes from; ``None`` for a task's."""
        if name in self._owners:
            return f"losses of {self._owners[name]}"
        if name.startswith("weight of "):
            return f"backward of {self.weighter.entry}"
        return None

    def _count(
        self, raw: Mapping[str, Tensor], weights: Tensor, norm: float, idle: Collection[str]
    ) -> None:
        losses = {name: float(loss.detach()) for name, loss in raw.items()}
        # A task without targets in the batch has a loss of 0, which is left out of its mean.
        asked = {name: value for name, value in losses.items() if name not in idle}
        counted = {f"loss {name}": value for name, value in asked.items()}
        counted |= {f"asked {name}": 1.0 for name in asked}
        counted |= {f"weight {name}": float(w) for name, w in zip(raw, weights, strict=True)}
        counted["norm"] = norm
        self._add(counted)
        self._callback.step(self.position.epoch + 1, self.position.step + 1, asked)

    def _add(self, values: Mapping[str, float]) -> None:
        sums = self.position.sums
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value

    def _close_epoch(self, validation: Scores, started: float) -> EpochRecord:
        position = self.position
        steps = self.batches.steps(position.epoch)
        looks = -(-steps // _LOOK_EVERY)
        last_step = self.batches.before(position.epoch) + steps - 1
        position.epoch += 1
        score = selection_score(validation)
        position.best_score = max(position.best_score, score)
        # The latest epoch that is as good as any, but for chance: docs/metrics.md has the reason.
        selected = score >= position.best_score - selection_margin(validation)
        if selected:
            position.best_epoch = position.epoch

        def of(prefix: str, count: int) -> dict[str, float]:
            return {
                name.removeprefix(prefix): total / count
                for name, total in position.sums.items()
                if name.startswith(prefix)
            }

        weights, diagnostics = of("weight ", steps), of("look ", looks)
        sums = position.sums
        losses = {
            name: sums[f"loss {name}"] / sums[f"asked {name}"]
            for name in weights if f"asked {name}" in sums
        }
        norm = position.sums["norm"] / steps

        position.step, position.sums, position.seconds = 0, {}, 0.0
        return EpochRecord(
            epoch=position.epoch, losses=losses, weights=weights, diagnostics=diagnostics,
            validation=validation_figures(validation),
            learning_rate=self._optimizer.learning_rate(last_step), gradient_norm=norm,
            best=selected, seconds=time.perf_counter() - started,
        )


def training_batches(store: CascadeStore, parts: TrainingParts, config: RunConfig) -> Batches:
    """Divide the training set into the batches of a run."""
    sizes = store.post_ptr[parts.train + 1] - store.post_ptr[parts.train]
    return Batches(parts.train, sizes, config.train, config.seed)
