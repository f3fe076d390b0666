"""The losses of the two tasks."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from dgljoint.batch.batch import CascadeBatch
from dgljoint.nn.protocols import Outputs
from dgljoint.ops.torch_kernels import log_softmax_over_groups

CASCADE = "cascade"
RUMOR = "rumor"
TASKS = (CASCADE, RUMOR)


def listwise_loss(logits: Tensor, batch: CascadeBatch) -> Tensor:
    """Return the mean over targets of -log softmax of (P,) logits at the parent, or 0."""
    if batch.targets == 0:
        return logits.sum() * 0
    log_probability = log_softmax_over_groups(logits, batch.pair_group, batch.targets)
    return -log_probability[batch.pair_target].mean()


def binary_loss(logits: Tensor, batch: CascadeBatch) -> Tensor:
    """Return binary cross-entropy of (P,) logits: the parent counts as much as all its rivals."""
    if batch.targets == 0:
        return logits.sum() * 0
    parent = nn.functional.softplus(-logits[batch.pair_target])
    rival = nn.functional.softplus(logits).masked_fill(batch.pair_target, 0)
    summed = logits.new_zeros(batch.targets).index_add(0, batch.pair_group, rival)
    rivals = batch.pair_group.bincount(minlength=batch.targets) - 1
    return (parent + summed / rivals).mean()


LINK_LOSSES: dict[str, Callable[[Tensor, CascadeBatch], Tensor]] = {
    "listwise": listwise_loss,
    "bce": binary_loss,
}


def rumor_loss(logits: Tensor, batch: CascadeBatch) -> Tensor:
    """Return the mean cross-entropy of (B, C) logits of the labelled cascades; 0 without any."""
    labelled = batch.label >= 0
    if not bool(labelled.any()):
        return logits.sum() * 0
    return nn.functional.cross_entropy(logits[labelled], batch.label[labelled])


def not_asked(batch: CascadeBatch) -> tuple[str, ...]:
    """Name the tasks that a batch has no target or label for: their losses are 0."""
    asked = {CASCADE: batch.targets > 0, RUMOR: bool((batch.label >= 0).any())}
    return tuple(task for task in TASKS if not asked[task])


def task_losses(
    outputs: Outputs, batch: CascadeBatch, link_loss: str, tasks: Sequence[str] = TASKS
) -> dict[str, Tensor]:
    """Return the losses of some ``tasks`` by name; ``link_loss`` is a key of LINK_LOSSES."""
    losses: dict[str, Callable[[], Tensor]] = {
        CASCADE: lambda: LINK_LOSSES[link_loss](outputs.link_logits, batch),
        RUMOR: lambda: rumor_loss(outputs.rumor_logits, batch),
    }
    return {name: losses[name]() for name in tasks}
