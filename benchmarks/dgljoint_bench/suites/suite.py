"""A suite: data, how they are cut, configurations, and what was published of the same table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from dgljoint.evaluation.figures import TITLES
from dgljoint.options import Options

Settings = dict[str, Any]


class Table(Options):
    """A data set of a suite and how it is cut: a table of its report."""

    data: str = Field(min_length=1, description="cascade file NAME.h5; demo is built in")
    name: str = Field("", description="of the table; made of data and split when empty")
    split: str = Field("event", description="name of a split of the file")
    folds: tuple[int, ...] | Literal["all"] = Field("all", description="tested, one a cell")
    test_on: str = Field("", description="another file, tested on without the cascades of both")
    settings: Settings = Field(default_factory=dict, description="of its cells, as config.toml")
    without: tuple[str, ...] = Field((), description="configurations left out here")

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
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="of everything random")
    figures: tuple[str, ...] = Field(
        ("accuracy", "macro_f1", "mrr", "mrr_not_source"), min_length=1,
        description="columns of the tables",
    )
    reference: str = Field("", description="configuration that the others are compared with")
    deadlines: str = Field("", description="early detection by these: 0,10m,1h,all")
    settings: Settings = Field(default_factory=dict, description="of all, as config.toml")
    trials: tuple[Settings, ...] = Field(
        ({},), min_length=1, description="settings tried, the best validation score counts"
    )
    configurations: dict[str, Configuration] = Field(
        min_length=1, description="by name, the rows"
    )
    published: tuple[Published, ...] = Field((), description="figures shown beside ours")

    @field_validator("figures")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _among(names, TITLES, "figure")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        titles = [table.title for table in self.tables]
        twice = {title for title in titles if titles.count(title) > 1}
        if twice:
            raise ValueError(f"two tables are called '{min(twice)}'; give one a name")
        _among((one.table for one in self.published), titles, "table")
        if self.reference:
            _among((self.reference,), self.configurations, "configuration")
        for table in self.tables:
            _among(table.without, self.configurations, "configuration")
        for figures in (one.figures for one in self.published):
            _among(figures, TITLES, "figure")
        for name, configuration in self.configurations.items():
            self._check_budget(name, configuration)
        return self

    def _check_budget(self, name: str, configuration: Configuration) -> None:
        if not name.strip():
            raise ValueError("a configuration has no name")
        tried = configuration.trials or self.trials
        if len(tried) != len(self.trials):
            raise ValueError(
                f"'{name}' has {len(tried)} trials and the suite {len(self.trials)}: "
                "budgets must be equal"
            )

    def trials_of(self, configuration: str) -> tuple[Settings, ...]:
        """Return what is tried for a configuration."""
        return self.configurations[configuration].trials or self.trials


def _among(names: Iterable[str], known: Iterable[str], kind: str) -> tuple[str, ...]:
    chosen, offered = tuple(names), tuple(known)
    for name in chosen:
        if name not in offered:
            raise ValueError(f"there is no {kind} '{name}'; there are {', '.join(offered)}")
    return chosen
