"""The suites that a results file holds."""

from __future__ import annotations

from dgljoint.config.options import parse_options
from dgljoint.errors import DataError, UsageError
from dgljoint_bench.results.database import Results
from dgljoint_bench.suites.suite import Suite


def held_suites(results: Results) -> dict[str, Suite]:
    """Return the suites of a results file, by name, as they were last run.

    Raises:
        DataError: one cannot be read.
    """
    return {name: _suite(results, name, values) for name, values in results.suites().items()}


def _suite(results: Results, name: str, values: object) -> Suite:
    if not isinstance(values, dict):
        raise DataError(f"{results.path} is not readable: suite '{name}' is no table")
    try:
        return parse_options(Suite, values, f"suite '{name}'")
    except UsageError as error:
        raise DataError(f"{results.path} is not readable: {error.message}") from error
