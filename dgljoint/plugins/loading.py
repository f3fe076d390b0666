"""Import one plugin in isolation and take its specs, checking their form."""

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import pluggy

from dgljoint._internal.text import did_you_mean
from dgljoint.config.options import Options
from dgljoint.config.run_config import SECTIONS
from dgljoint.errors import PluginError
from dgljoint.plugins import hookspecs
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec, ReaderSpec, Spec, WeighterSpec

HOOKS: dict[str, type[Spec]] = {
    "dgljoint_encoders": EncoderSpec,
    "dgljoint_interactions": InteractionSpec,
    "dgljoint_loss_weighters": WeighterSpec,
    "dgljoint_readers": ReaderSpec,
}
RESERVED = (*SECTIONS, "options")


def load_specs(entry: PluginEntry) -> tuple[Spec, ...]:
    """Import the module of ``entry`` and return its components of the entry's name."""
    if entry.name in RESERVED:
        raise PluginError(
            f"{entry} has the name of a configuration section",
            hint="its author must give the component and its entry point another name",
        )
    with guarded(entry, f"import of {entry.module}"):
        module = import_module(entry.module)
    hooks = _register(entry, module)
    offered = [spec for name in HOOKS for spec in _call(entry, hooks, name)]
    specs = tuple(spec for spec in offered if spec.name == entry.name)
    if not specs:
        names = ", ".join(dict.fromkeys(spec.name for spec in offered))
        raise PluginError(
            f"{entry} offers no component of its name; {entry.module} offers {names or 'none'}",
            hint="an entry point has the name of its component, and hooks are marked "
            "@dgljoint.hookimpl",
        )
    if len({spec.kind for spec in specs}) < len(specs):
        raise PluginError(f"{entry} offers two components of the same kind under this name")
    return specs


def _register(entry: PluginEntry, module: ModuleType) -> pluggy.PluginManager:
    # A manager of its own: pluggy leaves a plugin that fails validation half-registered.
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
    except pluggy.PluginValidationError as error:
        reason = " ".join(str(error).split())
        raise PluginError(f"{entry} implements a hook wrongly: {reason}") from error
    for caller in manager.get_hookcallers(module) or ():
        if caller.name not in HOOKS:
            raise PluginError(
                f"{entry} implements an unknown hook '{caller.name}'",
                hint=did_you_mean(caller.name, HOOKS),
            )
    return manager


def _call(entry: PluginEntry, manager: pluggy.PluginManager, hook: str) -> Sequence[Spec]:
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        return ()
    with guarded(entry, hook):
        results = caller()
    # pluggy leaves None out, and one module implements a hook once.
    returned = results[0] if results else None
    kind, where = HOOKS[hook], f"{entry}: {hook} returned"
    if not isinstance(returned, Sequence):
        raise PluginError(f"{where} {_type_name(returned)}, expected a list of {kind.__name__}")
    for spec in returned:
        if not isinstance(spec, kind):
            raise PluginError(f"{where} a list with {_type_name(spec)}, expected {kind.__name__}")
        if not (isinstance(spec.name, str) and isinstance(spec.summary, str)):
            raise PluginError(f"{where} a spec whose name or summary is no text")
        if not (isinstance(spec.options, type) and issubclass(spec.options, Options)):
            raise PluginError(
                f"{where} '{spec.name}', whose options must be a subclass of dgljoint.Options, "
                f"found {spec.options!r}"
            )
        if not callable(getattr(spec, "build", None)):
            raise PluginError(f"{where} '{spec.name}', whose build cannot be called")
    return returned


def _type_name(value: object) -> str:
    return "None" if value is None else type(value).__name__
