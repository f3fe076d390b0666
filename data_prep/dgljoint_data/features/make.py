"""Makes the chosen features of cascades on their way to the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dgljoint.data.cascade import Cascade, RowBlock, SparseBlock
from dgljoint.data.store import StoreWriter
from dgljoint.errors import DataError
from dgljoint_data.describe import DERIVED_TEXT, feature_text
from dgljoint_data.features.catalogue import DEFAULT, Choice, is_made_here, unknown
from dgljoint_data.features.protocol import Block

# A model needs many posts at once, memory few: a chunk ends at whichever comes first.
_CASCADES = 64
_POSTS = 8192


def _in_chunks(cascades: Iterable[Cascade]) -> Iterator[list[Cascade]]:
    chunk: list[Cascade] = []
    posts = 0
    for cascade in cascades:
        chunk.append(cascade)
        posts += len(cascade)
        if len(chunk) == _CASCADES or posts >= _POSTS:
            yield chunk
            chunk, posts = [], 0
    if chunk:
        yield chunk


class FeatureMaker:
    """Makes what is chosen; which features the reader carries is seen from its first cascade.

    Args:
        chosen: the features; ``None`` for the default ones and all that the reader carries.
        carried_columns: how many columns sparse features of the reader have at least, by name.
    """

    def __init__(
        self, chosen: Sequence[Choice] | None = None,
        carried_columns: Mapping[str, int] | None = None,
    ) -> None:
        self._chosen = chosen
        self._least = carried_columns or {}
        choices = DEFAULT if chosen is None else chosen
        self._derived = [choice.spec.name for choice in choices if choice.spec.derived]
        self._made = [
            choice.spec.build(choice.options) for choice in choices if choice.spec.build is not None
        ]
        self._width: dict[str, int] = {}
        self._kind: dict[str, str] = {}
        self._rows: Counter[str] = Counter()
        self._posts = 0

    def each(
        self, cascades: Iterable[Cascade]
    ) -> Iterator[tuple[Cascade, dict[str, Block]]]:
        """Yield the cascades in their order, each with its features by name.

        Raises:
            UsageError: a feature is chosen that neither is made here nor carried by the reader.
            DataError: a cascade lacks a feature that the first one carries.
        """
        carried: Sequence[str] | None = None
        for chunk in _in_chunks(cascades):
            if carried is None:
                carried = self._find_carried(chunk[0])
            for feature in self._made:
                feature.prepare(chunk)
            for cascade in chunk:
                yield cascade, self._blocks(cascade, carried)

    def describe(self, writer: StoreWriter) -> None:
        """Tell the file, after the last cascade, what the columns are and what is derived."""
        named = set()
        for feature in self._made:
            columns = feature.columns()
            if isinstance(columns, int):
                self._width[feature.name] = columns
            elif columns is not None:
                self._width[feature.name] = len(columns)
                named.add(feature.name)
                writer.set_vocabulary(feature.name, columns)
        for name, kind in self._kind.items():
            if kind == "sparse" and name not in named:
                writer.set_columns(name, self._width[name])
        writer.set_derived(self._derived)

    def notes(self) -> list[str]:
        """Return what the features have to say, after the last cascade."""
        return [note for feature in self._made for note in feature.notes()]

    def summary(self) -> dict[str, str]:
        """Say, after :meth:`describe`, what each feature holds, by name."""
        stored = {
            name: feature_text(kind, self._width[name], self._rows[name], self._posts)
            for name, kind in self._kind.items()
        }
        return stored | dict.fromkeys(self._derived, DERIVED_TEXT)

    def _find_carried(self, first: Cascade) -> tuple[str, ...]:
        for name in first.features:
            if is_made_here(name):
                raise DataError(f"the reader carries a feature '{name}', a name that is taken")
        if self._chosen is None:
            return tuple(first.features)
        wanted = [
            choice.spec.name for choice in self._chosen
            if choice.spec.build is None and not choice.spec.derived
        ]
        for name in wanted:
            if name not in first.features:
                raise unknown(name, first.features)
        return tuple(wanted)

    def _blocks(self, cascade: Cascade, carried: Sequence[str]) -> dict[str, Block]:
        blocks = {feature.name: feature.block(cascade) for feature in self._made}
        for name in carried:
            if name not in cascade.features:
                raise DataError(f"cascade {cascade.id}: the reader left out its feature '{name}'")
            blocks[name] = cascade.features[name]
        self._posts += len(cascade)
        for name, block in blocks.items():
            if not isinstance(block, SparseBlock):
                rows = block.rows if isinstance(block, RowBlock) else block
                self._kind[name], self._width[name] = "dense", rows.shape[-1]
                self._rows[name] += len(rows)
            else:
                self._kind[name] = "sparse"
                self._rows[name] += len(cascade)
                if name in carried:
                    least = self._width.get(name, self._least.get(name, 0))
                    self._width[name] = max(least, int(block.indices.max(initial=-1)) + 1)
        return blocks
