"""Weights of events that grow where the rumor loss is high."""

import torch
from torch import Tensor

from dgljoint.nn import CascadeLosses, Step
from dgljoint_plugins.shared.robust_rumor import RobustRumor
from dgljoint_plugins.weighters.groupdro import GroupDROOptions


class GroupDRO(RobustRumor):
    """Distributionally robust optimisation over events: Sagawa et al. (2020), algorithm 1.

    With ``R_e`` the mean loss of event e of the batch, its weight is ``q_e <- q_e exp(step_size
    R_e)``, and the rumor loss is ``sum_e q_e R_e``. Where this differs: a batch has few of the
    events, so their weights are brought to the sum 1, and an event that is not in it is taken to
    have the mean loss of those that are. Otherwise weights would follow how often an event occurs.
    """

    log_weight: Tensor

    def __init__(self, options: GroupDROOptions) -> None:
        super().__init__(options.cascade, options.rumor)
        self.step_size = options.step_size
        self.register_buffer("log_weight", torch.zeros(options.events))

    def robust(self, mean: Tensor, cascades: CascadeLosses, step: Step) -> Tensor:
        """Move the weights and return the weighted loss. Shapes: scalars."""
        of_event, event = cascades.by_event()
        place = event % len(self.log_weight)
        loss = of_event.detach().float()
        # Relative to the mean, which is what events that are not here are taken to have.
        self.log_weight.index_add_(0, place, self.step_size * (loss - loss.mean()))
        return (self.log_weight[place].softmax(0) * of_event).sum()
