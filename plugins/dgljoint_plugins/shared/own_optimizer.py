"""A loss weighter that trains parameters of its own."""

from typing import Any

import torch

from dgljoint.nn import LossWeighter


class OwnOptimizer(LossWeighter):
    """Keeps the state of ``optimizer``, which a subclass makes, in the weighter's own."""

    optimizer: torch.optim.Adam

    def get_extra_state(self) -> dict[str, Any]:
        """Return the state of the optimizer."""
        return self.optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the state of the optimizer."""
        self.optimizer.load_state_dict(state)
