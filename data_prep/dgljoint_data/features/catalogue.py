"""The features that are known here, how a choice of them is written, and how they are made."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dgljoint._internal.text import did_you_mean
from dgljoint.config.options import NoOptions, Options, describe_options, parse_options
from dgljoint.data.cascade import Block, Cascade, RowBlock, SparseBlock
from dgljoint.data.store import StoreWriter
from dgljoint.errors import DataError, UsageError
from dgljoint_data.describe import DERIVED_TEXT, feature_text
from dgljoint_data.features import FeatureSpec, minilm, user
from dgljoint_data.features.bow import BOW, HASHED

# Of these the file holds no value, so that neither a parent that is to be predicted nor a later
# post can be in it; `dgljoint.batch.features` computes them from what is observed.
TIME = FeatureSpec(
    name="time", summary="log delay since the source and since the previous post", derived=True,
)
STRUCTURE = FeatureSpec(
    name="structure", summary="depth, number of answers and size of the subtree, by observed edges",
    derived=True,
)
SHAPE = FeatureSpec(
    name="shape", summary="some 80 numbers of a cascade's observed tree and its times",
    derived=True,
)
SPECS = (BOW, HASHED, TIME, STRUCTURE, SHAPE, user.SPEC, minilm.SPEC)
_BY_NAME = {spec.name: spec for spec in SPECS}

# A model needs many posts at once, memory few: a chunk ends at whichever is reached first.
_CASCADES = 64
_POSTS = 8192


@dataclass(frozen=True, slots=True)
class Choice:
    """One feature to store; one not known here is taken for one that the reader carries."""

    spec: FeatureSpec
    options: Options


# What is stored when nothing is chosen, next to everything that the reader carries.
DEFAULT = tuple(Choice(spec, spec.options()) for spec in (BOW, TIME, STRUCTURE, SHAPE))


def parse_features(texts: Iterable[str]) -> tuple[Choice, ...]:
    """Parse features as ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``. Raise UsageError if bad."""
    choices = tuple(_parse(text) for text in texts)
    names = [choice.spec.name for choice in choices]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"feature '{name}' is chosen twice", hint="name it once")
    return choices


def _parse(text: str) -> Choice:
    name, colon, settings = (part.strip() for part in text.partition(":"))
    if not name or (colon and not settings):
        raise UsageError(
            f"feature {text!r} is not of the form NAME or NAME:KEY=VALUE,KEY=VALUE",
            hint="for example: --features bow_hashed:columns=65536",
        )
    spec = _BY_NAME.get(name)
    if spec is None:
        if colon:
            raise _unknown(name, ())
        return Choice(FeatureSpec(name=name, summary="carried by the reader"), NoOptions())
    values = {}
    for setting in settings.split(",") if settings else ():
        key, equals, value = (part.strip() for part in setting.partition("="))
        if key in spec.in_training:
            raise UsageError(
                f"feature '{name}' stores all words and has no option '{key}': which of them "
                "count is chosen in training, by the training set alone",
                hint=f"dgljoint train -s features.{key}={value or 'VALUE'}",
            )
        if not (equals and key):
            raise UsageError(
                f"option {setting!r} of feature '{name}' is not of the form KEY=VALUE",
                hint="for example: --features bow_hashed:columns=65536",
            )
        values[key] = value
    return Choice(spec, parse_options(spec.options, values, f"feature '{name}'"))


def list_features() -> list[dict[str, Any]]:
    """List the features that are known here as plain values, with their options."""
    return [
        {
            "name": spec.name,
            "summary": spec.summary,
            "made": "in preprocessing" if spec.build
            else "in training" if spec.derived else "by the reader",
            "default": spec in [choice.spec for choice in DEFAULT] or not _is_made_here(spec.name),
            "options": [asdict(row) for row in describe_options(spec.options)],
        }
        for spec in SPECS
    ]


def _is_made_here(name: str) -> bool:
    """Return whether a name is that of a feature that no reader may carry."""
    spec = _BY_NAME.get(name)
    return spec is not None and (spec.build is not None or spec.derived)


def _unknown(name: str, carried: Iterable[str]) -> UsageError:
    if name in _BY_NAME:
        found = ", ".join(sorted(carried)) or "none"
        return UsageError(
            f"this reader carries no feature '{name}' (it carries: {found})",
            hint=f"leave out --features {name}",
        )
    return UsageError(
        f"there is no feature '{name}'", hint=did_you_mean(name, (*_BY_NAME, *carried))
    )


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
    """Makes what is chosen; the reader's features and their least columns are as it gives them."""

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

    def each(self, cascades: Iterable[Cascade]) -> Iterator[tuple[Cascade, dict[str, Block]]]:
        """Yield the cascades in their order, each with its features by name."""
        carried: Sequence[str] | None = None
        for chunk in _in_chunks(cascades):
            if carried is None:
                carried = self._find_carried(chunk[0])
            for feature in self._made:
                feature.prepare(chunk)
            for cascade in chunk:
                yield cascade, self._blocks(cascade, carried)

    def describe(self, writer: StoreWriter) -> None:
        """Write, after the last cascade, what the columns are and what is derived."""
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
        writer.describe(derived=self._derived)

    def notes(self) -> list[str]:
        """Return the notes of the features, after the last cascade."""
        return [note for feature in self._made for note in feature.notes()]

    def summary(self) -> dict[str, str]:
        """Return, after :meth:`describe`, what each feature holds, by name."""
        stored = {
            name: feature_text(kind, self._width[name], self._rows[name], self._posts)
            for name, kind in self._kind.items()
        }
        return stored | dict.fromkeys(self._derived, DERIVED_TEXT)

    def _find_carried(self, first: Cascade) -> tuple[str, ...]:
        for name in first.features:
            if _is_made_here(name):
                raise DataError(f"the reader carries a feature '{name}', a name that is taken")
        if self._chosen is None:
            return tuple(first.features)
        wanted = [
            choice.spec.name for choice in self._chosen
            if choice.spec.build is None and not choice.spec.derived
        ]
        for name in wanted:
            if name not in first.features:
                raise _unknown(name, first.features)
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
