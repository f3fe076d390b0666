"""Look at an installed plugin from its metadata to a training step, and say what to change.

:func:`check_plugin` gives what it finds one by one; ``dgljoint plugins check`` is the command.
The properties themselves are those of :mod:`dgljoint.testing`.
"""

from dgljoint.checking.check import STAGES, check_plugin
from dgljoint.checking.findings import OWN_DISTRIBUTION, Finding, Outcome, Subject

__all__ = ["OWN_DISTRIBUTION", "STAGES", "Finding", "Outcome", "Subject", "check_plugin"]
