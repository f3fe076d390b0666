"""A suite: data, how they are cut, configurations, what was published; and how one is found."""

import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from dgljoint._internal.text import did_you_mean
from dgljoint.config.options import Options, parse_options
from dgljoint.errors import UsageError
from dgljoint.evaluation.scores import MATCHED, TITLES
from dgljoint_bench.suites.names import check_names, shipped_suites

Settings = dict[str, Any]
MOST_SEEDS = 1 << 63  # seeds are below: the results file holds no larger number
Seed = Annotated[int, Field(ge=0, lt=MOST_SEEDS)]

# Added to the seeds of the suite for the row of the noise floor; far from any that a suite names.
_OTHER_SEEDS = 1_000_000
# What tables and seeds define.
_NOT_SETTINGS = ("data", "split", "fold", "seed")


class Table(Options):
    """A data set of a suite and how it is cut: a table of its report."""

    data: str = Field(
        min_length=1, description="cascade file NAME.h5; demo is built in, and "
        "synthetic:world=both,strength=0.5 is generated",
    )
    name: str = Field("", description="of the table; made of data and split when empty")
    split: str = Field("event", description="name of a split of the file")
    folds: tuple[int, ...] | Literal["all"] = Field(
        "all", min_length=1, description="tested, one per run"
    )
    test_on: str = Field("", description="another file, tested on without the cascades of both")
    settings: Settings = Field(default_factory=dict, description="of its runs, as config.toml")
    without: tuple[str, ...] = Field((), description="configurations left out here")

    @model_validator(mode="after")
    def _two_files(self) -> Self:
        if self.test_on == self.data:
            raise ValueError(f"test_on is '{self.data}', which is trained on: name other data")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the cascade files that it needs."""
        return (self.data, self.test_on) if self.test_on else (self.data,)

    @property
    def title(self) -> str:
        """Its name in reports and folders."""
        if self.name:
            return self.name
        if self.test_on:
            return f"{self.data} to {self.test_on}"
        return self.data if self.split == "event" else f"{self.data}, {self.split}"


class Configuration(Options):
    """One way of training: a row of every table."""

    preset: str = Field("", description="of settings under the suite's")
    settings: Settings = Field(default_factory=dict, description="as config.toml has them")
    trials: tuple[Settings, ...] = Field((), description="tried instead of the suite's trials")


class Published(Options):
    """Figures that somebody published of the same table."""

    table: str = Field(min_length=1, description="name of the table")
    method: str = Field(min_length=1, description="whose figures these are")
    figures: dict[str, float] = Field(min_length=1, description="by short name")
    protocol: str = Field(min_length=1, description="how folds were cut and epochs selected")
    source: str = Field(min_length=1, description="the publication, and the place in it")


class Suite(Options):
    """What is compared.

    Every configuration has the same number of trials, of which the one with the best validation
    score counts, and the same most epochs and patience, which a plan checks: an equal budget.
    """

    name: str = Field("", description="of the suite; that of its file when empty")
    summary: str = Field(min_length=1, description="what it shows, in a line")
    tables: tuple[Table, ...] = Field(min_length=1, description="data and how they are cut")
    seeds: tuple[Seed, ...] = Field((0,), min_length=1, description="of everything random")
    figures: tuple[str, ...] = Field(
        ("accuracy", "macro_f1", MATCHED, "mrr", "mrr_not_source"), min_length=1,
        description="columns of the tables",
    )
    reference: str = Field("", description="configuration that the others are compared with")
    noise_floor: str = Field(
        "", description="configuration that is run once more with other seeds, as a row of its own"
    )
    deadlines: str = Field("", description="early detection by these: 0,10m,1h,all")
    settings: Settings = Field(default_factory=dict, description="of all, as config.toml")
    trials: tuple[Settings, ...] = Field(
        ({},), min_length=1, description="settings tried, the best validation score counts"
    )
    configurations: dict[str, Configuration] = Field(min_length=1, description="by name, the rows")
    published: tuple[Published, ...] = Field((), description="metrics shown next to ours")

    @field_validator("figures")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _among(names, TITLES, "figure")

    @field_validator("deadlines")
    @classmethod
    def _readable(cls, text: str) -> str:
        from dgljoint.data.observation import parse_deadlines

        try:
            parse_deadlines(text or "all")
        except UsageError as error:
            raise ValueError(error.message) from error
        return text

    @model_validator(mode="before")
    @classmethod
    def _with_other_seeds(cls, values: Any) -> Any:
        """Add the row of the noise floor, next to the configuration that it repeats."""
        name, given = values.get("noise_floor"), values.get("configurations")
        if not name or not isinstance(given, dict) or name not in given:
            return values
        rows: dict[str, Any] = {}
        for one, settings in given.items():
            rows[one] = settings
            if one == name:
                rows[_with_other(name)] = settings
        return {**values, "configurations": rows}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        titles = [table.title for table in self.tables]
        twice = {title for title in titles if titles.count(title) > 1}
        if twice:
            raise ValueError(f"two tables are called '{min(twice)}'; name one of them")
        _among((one.table for one in self.published), titles, "table")
        for names, kind in (
            ([self.name] if self.name else [], "suite"), (titles, "table"),
            (self.configurations, "configuration"),
        ):
            check_names(names, kind)
        if self.reference:
            _among((self.reference,), self.configurations, "configuration")
        if self.noise_floor:
            _among((self.noise_floor,), self.configurations, "configuration")
        for table in self.tables:
            _among(table.without, self.configurations, "configuration")
        for figures in (one.figures for one in self.published):
            _among(figures, TITLES, "figure")
        for name in self.configurations:
            if len(tried := self.trials_of(name)) != len(self.trials):
                raise ValueError(
                    f"'{name}' has {len(tried)} trials and the suite {len(self.trials)}: "
                    "budgets must be equal"
                )
        self._check_settings()
        return self

    def _check_settings(self) -> None:
        configurations = self.configurations.values()
        for settings in (
            self.settings, *self.trials, *(table.settings for table in self.tables),
            *(one.settings for one in configurations),
            *(trial for one in configurations for trial in one.trials),
        ):
            for name in _NOT_SETTINGS:
                if name in settings:
                    raise ValueError(
                        f"'{name}' is no setting: tables have data, split, folds; suites have seeds"
                    )

    @property
    def other_seeds(self) -> str:
        """Name of the row of the noise floor; empty where there is none."""
        return _with_other(self.noise_floor) if self.noise_floor else ""

    def seed_of(self, configuration: str, seed: int) -> int:
        """Return the seed with which a run is trained that is compared as ``seed``."""
        return seed + _OTHER_SEEDS if configuration == self.other_seeds else seed

    def rows_of(self, table: Table) -> tuple[str, ...]:
        """Return the configurations of a table, in order."""
        left_out = set(table.without)
        if self.noise_floor in left_out:
            left_out.add(self.other_seeds)
        return tuple(name for name in self.configurations if name not in left_out)

    def trials_of(self, configuration: str) -> tuple[Settings, ...]:
        """Return what is tried for a configuration."""
        return self.configurations[configuration].trials or self.trials


def _with_other(configuration: str) -> str:
    return f"{configuration}, other seeds"


def _among(names: Iterable[str], known: Iterable[str], kind: str) -> tuple[str, ...]:
    chosen, offered = tuple(names), tuple(known)
    for name in chosen:
        if name not in offered:
            raise ValueError(f"there is no {kind} '{name}'; there are {', '.join(offered)}")
    return chosen


def find_suite(name: str) -> Suite:
    """Read a suite."""
    known = shipped_suites()
    if name in known:
        text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
        return _parsed(text, name, f"suite '{name}'")
    file = Path(name)
    if file.suffix != ".toml":
        raise UsageError(
            f"there is no suite '{name}'",
            hint=f"{did_you_mean(name, known)}; or name a file that ends with .toml",
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    return _parsed(text, file.stem, str(file))


def _parsed(text: str, name: str, origin: str) -> Suite:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{origin} is not TOML: {error}") from error
    return parse_options(Suite, {**values, "name": values.get("name") or name}, origin)
