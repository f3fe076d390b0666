"""A new plugin: an installable package with one component that works, to be changed into one's own.

:func:`write_package` writes it; ``dgljoint plugins new`` is the command. The templates are plain
:class:`string.Template` files, a folder a kind of component. Nothing of torch is imported here.
"""

from dgljoint.plugins.scaffold.names import Names, check_name
from dgljoint.plugins.scaffold.write import KINDS, Scaffold, write_package

__all__ = ["KINDS", "Names", "Scaffold", "check_name", "write_package"]
