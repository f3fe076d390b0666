"""Named checks of a component, and the error that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

from dgljoint.errors import one_line


@dataclass(frozen=True, slots=True)
class Failure:
    """One property that a component has not.

    Attributes:
        check: name of the property.
        found: what was found, and what was expected.
        mend: what its author can do.
    """

    check: str
    found: str
    mend: str

    def __str__(self) -> str:
        return f"{self.check}: {self.found}\n    to mend it: {self.mend}"


class ConformanceError(AssertionError):
    """A component lacks properties that the engine relies on.

    Attributes:
        component: kind and name.
        failures: in the order they were found.
    """

    def __init__(self, component: str, failures: Sequence[Failure]) -> None:
        self.component = component
        self.failures = tuple(failures)
        lines = "\n".join(f"  {failure}" for failure in self.failures)
        super().__init__(f"{component} does not conform:\n{lines}")


class Violation(Exception):  # noqa: N818  # a finding about foreign code, not an error of ours
    """What a check found; the check itself says of what and how to mend it."""


def expect(holds: bool, found: str) -> None:
    """Raise :class:`Violation` unless ``holds``."""
    if not holds:
        raise Violation(found)


@dataclass(frozen=True, slots=True)
class Check:
    """One property of one component; calling it checks it.

    Attributes:
        component: kind and name.
        name: of the property.
        mend: what its author can do where it fails.
        run: looks; raises what it finds.
        essential: whether the other checks say nothing where this one fails.
    """

    component: str
    name: str
    mend: str
    run: Callable[[], object]
    essential: bool = False

    def __call__(self) -> None:
        """Check.

        Raises:
            ConformanceError: the property does not hold, or the component raised an exception,
                which is the cause.
        """
        try:
            self.run()
        except Violation as violation:
            failure = Failure(self.name, str(violation), self.mend)
            raise ConformanceError(self.component, [failure]) from None
        except (Exception, SystemExit) as error:  # foreign code may raise anything
            failure = Failure(self.name, f"raised {one_line(error)}{_place(error)}", self.mend)
            raise ConformanceError(self.component, [failure]) from error


def verify(checks: Iterator[Check]) -> None:
    """Run all checks; those that are not run are closed, with the files they hold.

    Raises:
        ConformanceError: with every failure; after that of an essential check there are no more.
    """
    component, cause = "", None
    failures: list[Failure] = []
    for check in checks:
        component = check.component
        try:
            check()
        except ConformanceError as error:
            failures += error.failures
            cause = cause or error.__cause__
            if check.essential:
                break
    if isinstance(checks, Generator):
        checks.close()
    if failures:
        raise ConformanceError(component, failures) from cause


def _place(error: BaseException) -> str:
    """Say where an exception, or the one it was made from, was raised."""
    origin = error.__cause__ or error
    frames = extract_tb(origin.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
