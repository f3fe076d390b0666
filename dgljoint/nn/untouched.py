"""Notice that a component writes into what it was given, which belongs to all of them."""

from __future__ import annotations

from types import TracebackType

import torch
from torch import Tensor

from dgljoint.batch.batch import CascadeBatch
from dgljoint.batch.sparse import SomeRows, SparseRows
from dgljoint.errors import PluginError
from dgljoint.plugins.guard import guarded
from dgljoint.plugins.registry import PluginEntry

_HOLDERS = (dict, SomeRows, SparseRows)


class hosting(guarded):  # noqa: N801  # see `guarded`
    """A guarded block of a component's, which must leave its inputs as they are.

    A tensor counts the writes into it, so that this costs a look a tensor and no pass over it. Not
    counted is what is written through NumPy, and nothing is in ``torch.inference_mode``.

    Args:
        entry: whose code runs.
        what: the method, for the message.
        batch: that it is given.
        given: what else, by name: tensors, or groups with tensors as attributes.

    Raises:
        PluginError: as from :class:`~dgljoint.plugins.guard.guarded`, or an input was changed.
    """

    __slots__ = ("_batch", "_given", "_tensors", "_versions")

    def __init__(
        self, entry: PluginEntry, what: str, batch: CascadeBatch, **given: object
    ) -> None:
        super().__init__(entry, what)
        self._batch = batch
        self._given = given

    def __enter__(self) -> None:
        self._tensors: list[Tensor] = []
        if not (torch.is_inference_mode_enabled() or self._batch.root.is_inference()):
            for given in (self._batch, *self._given.values()):
                for value in _parts(given).values():
                    # of the kinds of look this is the quickest, and it is taken often
                    if type(value) is Tensor:
                        self._tensors.append(value)
                    elif type(value) in _HOLDERS:
                        self._tensors += _tensors(value)
        # all of them, not their sum: more may be computed from a batch and kept beside its fields
        self._versions = [tensor._version for tensor in self._tensors]
        super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if error is None and self._versions != [tensor._version for tensor in self._tensors]:
            raise PluginError(
                f"{self._entry} changed {self._changed()} in place in {self._what}",
                hint="what a component is given belongs to all of them: it may change a copy, as "
                "of .clone()",
            )

    def _changed(self) -> str:
        """Name what was changed as a plugin's author would."""
        pairs = zip(self._tensors, self._versions, strict=True)
        changed = [id(tensor) for tensor, version in pairs if tensor._version != version]
        for owner, given in (("batch", self._batch), *self._given.items()):
            for part, value in _parts(given).items():
                if any(id(tensor) in changed for tensor in _tensors(value)):
                    return f"{owner}.{part}" if part else owner
        return "its input"


def _parts(given: object) -> dict[str, object]:
    """Return a tensor alone, or the attributes of a group of them."""
    return {"": given} if isinstance(given, Tensor) else vars(given)


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, SparseRows):
        return [value.columns, value.values, value.offsets]
    if isinstance(value, SomeRows):
        return [value.index, value.rows]
    if isinstance(value, dict):
        return [tensor for rows in value.values() for tensor in _tensors(rows)]
    return []
