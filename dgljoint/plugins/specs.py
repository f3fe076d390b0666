"""What a plugin returns from its hooks: light, typed descriptions of components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dgljoint.config.options import NoOptions, Options

if TYPE_CHECKING:
    from dgljoint.data.reading import Reader
    from dgljoint.nn.protocols import Encoder, Interaction, LossWeighter


@dataclass(frozen=True, slots=True)
class Reference:
    """The publication a method comes from."""

    authors: str
    year: int
    title: str
    url: str

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}). {self.title}. {self.url}"


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a component learns about the model it becomes part of.

    Attributes:
        width: D, the width of every representation.
        classes: C, the number of labels.
        loss_names: the losses a weighter will meet, tasks first; empty for other kinds. One task
            alone may be trained, and then there may be one loss alone.
        tasks: those of ``loss_names`` that are tasks' own; the others are auxiliary.
    """

    width: int
    classes: int
    loss_names: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every component declares.

    Attributes:
        name: what users type; equal to the name of the entry point that offers it.
        summary: one line.
        options: its options class.
        reference: where the method was published; ``None`` for plumbing.
    """

    kind: ClassVar[str]
    flag: ClassVar[str]

    name: str
    summary: str
    options: type[Options] = NoOptions
    reference: Reference | None = None


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(Spec):
    """Turns a batch and its projected features into representations of posts."""

    kind = "encoder"
    flag = "--encoder"

    build: Callable[[Any, BuildContext], Encoder]


@dataclass(frozen=True, kw_only=True)
class InteractionSpec(Spec):
    """Couples the views of the two tasks, adds losses, or both."""

    kind = "interaction"
    flag = "--plugin"

    build: Callable[[Any, BuildContext], Interaction]


@dataclass(frozen=True, kw_only=True)
class WeighterSpec(Spec):
    """Decides how much each loss counts.

    Attributes:
        needs_meta_split: whether it uses ``Step.probe``, so that some training cascades must be
            held out for it.
    """

    kind = "loss weighter"
    flag = "--plugin"

    build: Callable[[Any, BuildContext], LossWeighter]
    needs_meta_split: bool = False


@dataclass(frozen=True, kw_only=True)
class ReaderSpec(Spec):
    """Reads one raw format.

    Attributes:
        needs_source: whether the reader must be given a folder or file.
        recognises: whether a folder or file is of this format, judged by the files in it without
            reading them; ``None`` for a reader that is only used by name.
        layouts: what a folder or file of this format looks like, one line each, for whoever has
            one that no reader recognises.
    """

    kind = "reader"
    flag = "preprocess"

    build: Callable[[Any], Reader]
    needs_source: bool = True
    recognises: Callable[[Path], bool] | None = None
    layouts: tuple[str, ...] = ()
