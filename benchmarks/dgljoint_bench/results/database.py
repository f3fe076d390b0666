"""Reading and writing the results file."""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Self

from dgljoint.errors import DataError, RunFailedError
from dgljoint.runs.records import DONE, Key, RunRecord, Trial
from dgljoint.runs.stored import NOT_APART, Protocol

# "dgljb" cut to 32 bits: distinguishes our files from other databases.
_APPLICATION = 0x64676C6A
_VERSION = 2
_COLUMNS = (
    "digest", "state", "config", "versions", "seconds", "cpu_seconds", "peak_megabytes",
    "parameters", "best_epoch", "tests_seen", "message", "hint", "exit_code",
)
_JSON = ("config", "versions")
# Two commands may write one file; the disk under it may be slow.
_SECONDS_TO_WAIT = 60.0
_KEY = ("suite", "data", "configuration", "fold", "seed")


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A table of a suite: a data set and how it is cut. See ``schema.sql``."""

    name: str
    data: str
    cascades: int
    posts: int
    digest: str
    split: str
    split_digest: str
    kept_apart: str | None
    ordered: bool
    folds: int
    test_on: str | None = None
    test_digest: str | None = None
    test_shared: int | None = None

    @property
    def content(self) -> tuple[str | None, ...]:
        """Digests of all that it was cut from and by."""
        return self.digest, self.split_digest, self.test_digest

    @property
    def caution(self) -> str:
        """The protocol where events are not kept apart, which must be next to the name."""
        apart = self.kept_apart and not self.ordered and self.test_on is None
        return "" if apart else self.protocol

    @property
    def protocol(self) -> str:
        """How the data are cut, which every metric must be read with."""
        kept = Protocol(self.data, self.split, 0, self.kept_apart, self.ordered).kept
        if self.test_on is None:
            return f"split {self.split}: {kept}"
        return (
            f"trained on {self.data} but for one fold (split {self.split}), tested on "
            f"{self.test_on} without the {self.test_shared} cascades that both hold: {NOT_APART}"
        )


class Results:
    """A results file.

    Every run is written in a transaction of its own: a process that is killed leaves all runs
    that were recorded, whole.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not (create or path.is_file()):
            raise DataError(
                f"there is no results file {path}", hint="dgljoint benchmark run SUITE writes one"
            )
        with self._refusals():
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            # Whoever reads may have to undo what a killed process left half written.
            mode = "rwc" if create else "rw"
            # An absolute path: SQLite's address of a relative one has no host.
            address = f"{path.resolve().as_uri()}?mode={mode}"
            self._connection = sqlite3.connect(
                address, uri=True, isolation_level=None, timeout=_SECONDS_TO_WAIT
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._open(create)

    def _open(self, create: bool) -> None:
        if create and not self._pragma("schema_version"):
            self._create()
        if self._pragma("application_id") != _APPLICATION:
            raise DataError(f"{self.path} is a database, but no results file of dgljoint benchmark")
        if (version := self._pragma("user_version")) != _VERSION:
            raise DataError(
                f"{self.path} has version {version} of the results file, expected {_VERSION}",
                hint="read it with the dgljoint that wrote it",
            )

    def _create(self) -> None:
        schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
        with self._transaction():
            # Another command may have been faster.
            if not self._pragma("schema_version"):
                for statement in _statements(schema):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise RunFailedError(f"{self.path} cannot be used: {error}") from error
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{self.path} is not a readable results file ({error})") from error
        except OSError as error:
            raise RunFailedError(f"{self.path} cannot be used: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._refusals(), self._connection:  # which commits, or rolls back
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def suites(self) -> dict[str, Any]:
        """Return the definition of each suite, by name, as it was written down."""
        with self._refusals():
            rows = self._connection.execute("SELECT name, definition FROM suite ORDER BY name")
            return {row["name"]: json.loads(row["definition"]) for row in rows}

    def data(self, suite: str) -> dict[str, DataRecord]:
        """Return the tables of a suite, by name, in the order of the suite."""
        with self._refusals():
            rows = self._connection.execute(
                "SELECT * FROM data WHERE suite = ? ORDER BY place", (suite,)
            ).fetchall()
            names = DataRecord.__dataclass_fields__
            found = [DataRecord(**{name: row[name] for name in names}) for row in rows]
        return {one.name: replace(one, ordered=bool(one.ordered)) for one in found}

    def cells(self, suite: str) -> list[RunRecord]:
        """Return the records of a suite, in the order they were first recorded."""
        with self._refusals():
            children = {table: self._of_cells(table, suite) for table in
                        ("figure", "trial", "epoch")}
            rows = self._connection.execute(
                "SELECT * FROM cell WHERE suite = ? ORDER BY id", (suite,)
            ).fetchall()
            return [
                _cell(row, **{name: found[row["id"]] for name, found in children.items()})
                for row in rows
            ]

    def _of_cells(self, table: str, suite: str) -> defaultdict[int, list[sqlite3.Row]]:
        found: defaultdict[int, list[sqlite3.Row]] = defaultdict(list)
        for row in self._connection.execute(
            f"SELECT {table}.* FROM {table} JOIN cell ON cell.id = cell WHERE suite = ?",  # noqa: S608  # names are constants here; values are bound
            (suite,),
        ):
            found[row["cell"]].append(row)
        return found

    def describe(
        self, suite: str, definition: dict[str, Any], data: Mapping[int, DataRecord]
    ) -> None:
        """Write down a suite and its tables; records that are there stay."""
        names = tuple(DataRecord.__dataclass_fields__)
        marks = ", ".join(f":{name}" for name in ("suite", "place", *names))
        updates = ", ".join(f"{name} = excluded.{name}" for name in ("place", *names))
        with self._transaction():
            known = self.data(suite)
            for record in data.values():
                if known.get(record.name, record).content != record.content:
                    raise DataError(
                        f"{self.path} holds figures of the suite {suite} on other data called "
                        f"'{record.name}'", hint="name another --results file",
                    )
            self._connection.execute(
                "INSERT INTO suite VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET definition = excluded.definition",
                # Its order is that of rows in reports.
                (suite, json.dumps(definition, ensure_ascii=False)),
            )
            for place, record in data.items():
                values = {name: getattr(record, name) for name in names}
                self._connection.execute(
                    f"INSERT INTO data (suite, place, {', '.join(names)}) VALUES ({marks}) "  # noqa: S608  # names are constants here; values are bound
                    f"ON CONFLICT DO UPDATE SET {updates}",
                    {"suite": suite, "place": place, **values},
                )

    def record(self, run: RunRecord) -> None:
        """Write the record of a run in place of an earlier one."""
        if run.state == DONE and run.tests_seen != 0:
            seen = "it is not known how many" if run.tests_seen is None else run.tests_seen
            raise DataError(
                f"{run.key} cannot be recorded: {seen} cascades of the test set were read before "
                "its model was selected"
            )
        values = {name: getattr(run, name) for name in _COLUMNS}
        values |= {name: _dump(values[name]) for name in _JSON}
        values |= {name: getattr(run.key, name) for name in _KEY}
        with self._transaction():
            where = " AND ".join(f"{name} = :{name}" for name in _KEY)
            self._connection.execute(f"DELETE FROM cell WHERE {where}", values)  # noqa: S608  # names are constants here; values are bound
            marks = ", ".join(f":{name}" for name in values)
            made = self._connection.execute(
                f"INSERT INTO cell ({', '.join(values)}) VALUES ({marks})", values  # noqa: S608  # names are constants here; values are bound
            )
            self._fill(made.lastrowid, run)

    def _fill(self, number: int | None, run: RunRecord) -> None:
        many = self._connection.executemany
        many(
            "INSERT INTO figure VALUES (?, ?, ?, ?)",
            [
                (number, row, name, value)
                for row, figures in run.figures.items() for name, value in figures.items()
            ],
        )
        many(
            "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?)",
            [
                (number, place, _dump(one.settings), one.validation, one.epochs, one.chosen)
                for place, one in enumerate(run.trials)
            ],
        )
        many(
            "INSERT INTO epoch VALUES (?, ?, ?, ?)",
            [
                (number, epoch, name, value)
                for epoch, figures in enumerate(run.curve, 1) for name, value in figures.items()
            ],
        )


def _statements(script: str) -> Iterator[str]:
    # ``executescript`` would end the transaction first.
    found = ""
    for line in script.splitlines(keepends=True):
        found += line
        if sqlite3.complete_statement(found):
            yield found
            found = ""


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _key(row: sqlite3.Row) -> Key:
    return Key(**{name: row[name] for name in _KEY})


def _cell(
    row: sqlite3.Row, *, figure: list[sqlite3.Row], trial: list[sqlite3.Row],
    epoch: list[sqlite3.Row],
) -> RunRecord:
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    for one in figure:
        if not math.isfinite(one["value"]):
            raise ValueError(f"{one['name']} of {_key(row)} is {one['value']}")
        figures[one["row"]][one["name"]] = one["value"]
    curve: dict[int, dict[str, float]] = defaultdict(dict)
    for one in epoch:
        curve[one["epoch"]][one["name"]] = one["value"]
    values = {name: json.loads(row[name]) if name in _JSON else row[name] for name in _COLUMNS}
    return RunRecord(
        key=_key(row),
        figures=dict(figures),
        trials=tuple(
            Trial(
                settings=json.loads(one["settings"]), validation=one["validation"],
                epochs=one["epochs"], chosen=bool(one["chosen"]),
            )
            for one in trial
        ),
        curve=tuple(curve[number] for number in sorted(curve)),
        **values,
    )
