"""The variance of the rumor loss between events as a penalty."""

from torch import Tensor

from dgljoint.nn import CascadeLosses, Step
from dgljoint_plugins.shared.robust_rumor import RobustRumor
from dgljoint_plugins.weighters.vrex import VRExOptions


class VREx(RobustRumor):
    """Risk extrapolation by variance: Krueger et al. (2021), equation 8.

    With ``R_e`` the mean loss of event e among those of the batch, the rumor loss is ``mean +
    penalty Var_e(R_e)``. Where this differs: the first term is the mean over cascades, which most
    events have few of, and the penalty grows linearly over the warm-up.
    """

    def __init__(self, options: VRExOptions) -> None:
        super().__init__(options.cascade, options.rumor)
        self.penalty, self.warmup = options.penalty, options.warmup

    def robust(self, mean: Tensor, cascades: CascadeLosses, step: Step) -> Tensor:
        """Return the mean plus the penalty. Shapes: scalars."""
        grown = min(1.0, step.number / self.warmup) if self.warmup else 1.0
        of_event, _ = cascades.by_event()
        return mean + self.penalty * grown * of_event.var(correction=0)
