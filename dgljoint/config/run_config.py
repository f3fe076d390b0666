"""The configuration of a run: everything that determines it, as typed options."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import tomli_w
from pydantic import Field, field_validator

from dgljoint.config.options import Options
from dgljoint.errors import UsageError

# More than anybody means, and few enough for any array of numbers to hold.
_MANY = (1 << 31) - 1


class ModelOptions(Options):
    """The shared part of the model."""

    width: int = Field(64, ge=4, le=4096, description="D, width of every representation")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of inputs and views dropped")
    wide: bool = Field(
        True, description="a linear path next to the graph, from the cascade's shape and the "
        "source's dense features to the class logits",
    )
    deep_dense: bool = Field(
        True, description="whether the graph, too, takes in the dense features of the linear path"
    )
    deep_scale: float = Field(
        1.0, ge=0, le=1, description="factor of the rumor head's logits next to a linear path: a "
        "small one lets the graph refine what the path knows, instead of remembering the events",
    )


class TrainOptions(Options):
    """How the model is trained."""

    tasks: Literal["both", "cascade", "rumor"] = Field(
        "both", description="tasks whose losses are trained; the other's is left out"
    )
    # Around the three quarters that are observed in evaluation, and early enough for deadlines.
    observe: str = Field(
        "50%-100%", description="how much of a cascade a step shows: a share of its posts, by "
        "time, or one drawn from a range, a number of posts (50p), a time (1h), or all",
    )
    init_from: str = Field(
        "", pattern=r"^[^\x00]*$",
        description="run folder whose parameters the model starts from, where shapes are the same",
    )
    epochs: int = Field(60, ge=1, le=100_000, description="most passes over the training set")
    patience: int = Field(
        10, ge=1, description="training ends after so many epochs that are not selected"
    )
    batch: int = Field(32, ge=1, le=_MANY, description="most cascades per step")
    batch_posts: int = Field(
        0, ge=0, le=_MANY, description="most posts per step, which bound its memory; 0: any number"
    )
    precision: Literal["32", "bf16"] = Field(
        "32", description="of the model's arithmetic: float32, or bfloat16 by autocast"
    )
    learning_rate: float = Field(3e-3, gt=0, description="AdamW's, at the end of the warm-up")
    encoder_rate: float = Field(1.0, ge=0, description="learning-rate factor of the encoder")
    head_rate: float = Field(1.0, ge=0, description="factor of branches and heads")
    interaction_rate: float = Field(1.0, ge=0, description="factor of interactions")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's decoupled decay")
    wide_rate: float = Field(1.0, ge=0, description="learning-rate factor of the linear path")
    # Ridge: added to the gradient, so that the path ends where a penalised regression does. AdamW's
    # decoupled decay is too small to matter in the few hundred steps of a run.
    wide_decay: float = Field(0.05, ge=0, description="penalty of the linear path's weights")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a label divided among all classes in training"
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps that warm up")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    # Two threads on two quiet cores make a step 1.4 times faster on batches of ten thousand posts
    # and no faster on small ones; on a busy machine they wait for one another, and a step takes
    # thirty times longer.
    threads: int = Field(
        1, ge=1, le=1024, description="CPU threads; more pay on an idle machine only"
    )
    save_minutes: float = Field(
        10.0, ge=0, description="most minutes within an epoch until the state is saved"
    )

    @field_validator("observe")
    @classmethod
    def _readable(cls, text: str) -> str:
        from dgljoint.data.observation import (
            parse_observation,
        )

        try:
            parse_observation(text)
        except UsageError as error:
            raise ValueError(f"{error.message}; {error.hint}") from error
        return text

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks trained, in the order of the losses."""
        return ("cascade", "rumor") if self.tasks == "both" else (self.tasks,)


class CascadeOptions(Options):
    """The cascade task: which earlier post does a post attach to."""

    loss: Literal["listwise", "bce"] = Field(
        "listwise", description="softmax over the candidates, or binary with sampled negatives"
    )
    targets: int = Field(
        64, ge=1, le=_MANY,
        description="most targets per cascade and training step; evaluation takes all",
    )
    candidates: int = Field(
        64, ge=2, le=_MANY,
        description="most candidates per target in training; evaluation takes all",
    )
    observed_share: float = Field(
        0.75, gt=0, le=1, description="share of the posts observed in evaluation, by time"
    )


class FeatureOptions(Options):
    """Which features of the data enter the model, and how; fitted on the training set only."""

    use: tuple[str, ...] = Field(
        (), description="names of the features used, or one text with commas; empty: all"
    )
    words: int = Field(5000, ge=1, le=_MANY, description="most frequent words kept")
    min_count: int = Field(2, ge=1, description="least training cascades that contain a word")
    idf: bool = Field(True, description="weigh words by inverse document frequency")

    @field_validator("use", mode="before", json_schema_input_type=tuple[str, ...] | str)
    @classmethod
    def _split(cls, value: object) -> object:
        return value.replace(",", " ").split() or [""] if isinstance(value, str) else value

    @field_validator("use")
    @classmethod
    def _name_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "" in names:
            raise ValueError("name at least one feature")
        return names


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of classes, each once, in an order that does not depend on who gave them."""
    found = tuple(sorted(set(names)))
    if "" in found or not found:
        raise ValueError("name at least one class")
    return found


def _texts(text: str, between: str = ",") -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(between))


def _text_of_merge(text: str) -> tuple[str, tuple[str, ...]]:
    new, equals, some = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not of the form NEW=CLASS+CLASS")
    return new.strip(), _texts(some, "+")


class RunConfig(Options):
    """Everything that determines a run, except the data's content and the machine."""

    data: str = Field(
        "", pattern=r"^[^\x00]*$", description="cascade file; empty for the built-in demo set"
    )
    split: str = Field("event", description="name of a split of the cascade file")
    fold: int = Field(0, ge=0, le=_MANY, description="fold that is the test set")
    seed: int = Field(0, ge=0, lt=1 << 64, description="of everything random")
    labels: tuple[str, ...] = Field(
        (), description="classes of the run, which leaves out cascades of others; empty: all"
    )
    merge: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="classes joined, by their new name; before labels"
    )
    encoder: str = Field(description="name of the shared encoder")
    plugins: tuple[str, ...] = Field((), description="interactions in order, a loss weighter")
    default_weighter: str = Field(description="loss weighter when no plugin is one")
    model: ModelOptions = ModelOptions()
    train: TrainOptions = TrainOptions()
    cascade: CascadeOptions = CascadeOptions()
    features: FeatureOptions = FeatureOptions()
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of components, one table per name"
    )

    @field_validator("labels", mode="before", json_schema_input_type=tuple[str, ...] | str)
    @classmethod
    def _split_labels(cls, value: object) -> object:
        return _texts(value) if isinstance(value, str) else value

    @field_validator("labels")
    @classmethod
    def _name_labels(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _names(names) if names else ()

    @field_validator(
        "merge", mode="before",
        json_schema_input_type=dict[str, tuple[str, ...]] | tuple[str, ...] | str,
    )
    @classmethod
    def _split_merge(cls, value: object) -> object:
        texts = _texts(value) if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
            return value
        pairs = [_text_of_merge(one) for one in texts]
        if len(dict(pairs)) < len(pairs):
            raise ValueError("two merges have one new name")
        return dict(pairs)

    @field_validator("merge")
    @classmethod
    def _join_once(cls, merge: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        every = [name for some in merge.values() for name in some]
        for name in every:
            if every.count(name) > 1:
                raise ValueError(f"'{name}' is merged twice")
        return {new: _names(merge[new]) for new in _names(merge)} if merge else {}

    @property
    def classes(self) -> str:
        """The classes in words; empty where they are those of the data."""
        return classes_text(self.labels, self.merge)


SECTIONS = ("model", "train", "cascade", "features")


def classes_text(labels: Iterable[str], merge: Mapping[str, Iterable[str]]) -> str:
    """Return what ``labels`` and ``merge`` ask for in words; empty where they ask for nothing.

    >>> classes_text(("non-rumor", "rumor"), {"rumor": ("false", "true")})
    'non-rumor, rumor alone; rumor = false + true'
    """
    chosen = [f"{names} alone"] if (names := ", ".join(labels)) else []
    return "; ".join([*chosen, *(f"{new} = {' + '.join(some)}" for new, some in merge.items())])


def dump_config(config: RunConfig) -> str:
    """Write ``config`` as TOML that reads back to the same."""
    return tomli_w.dumps(config.model_dump(mode="json"))


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name the values of nested tables by their path, ``train.epochs``."""
    named: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            named |= flat(value, f"{prefix}{key}.")
        else:
            named[f"{prefix}{key}"] = value
    return named
