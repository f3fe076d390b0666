"""Checks of a plugin, what they find, and the one runner of them."""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import Literal, ParamSpec

from dgljoint.errors import PluginError, one_line

P = ParamSpec("P")
Outcome = Literal["ok", "note", "skipped", "failed"]
CONFORMANCE = "conformance"

_PLUGIN = re.compile(r"plugin '[^']*' \([^)]*\):? ?")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        component: kind and name.
        stage: what part of the plugin it belongs to.
        check: name of the property.
        outcome: ``note`` for what works and could be better.
        found: what was found, and what was expected; may be empty where all is well.
        mend: what its author can do; empty where there is nothing to do.
        figures: that were measured, by name.
        error: what was raised, for a traceback.
    """

    component: str
    stage: str
    check: str
    outcome: Outcome = "ok"
    found: str = ""
    mend: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    error: BaseException | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.check}: {self.found}\n    to mend it: {self.mend}"


class ConformanceError(AssertionError):
    """A component lacks properties that the engine relies on.

    Attributes:
        component: kind and name.
        failures: in the order they were found.
    """

    def __init__(self, component: str, failures: Sequence[Finding]) -> None:
        self.component = component
        self.failures = tuple(failures)
        lines = "\n".join(f"  {failure}" for failure in self.failures)
        super().__init__(f"{component} does not conform:\n{lines}")


class Violation(Exception):  # noqa: N818  # a finding about foreign code, not an error of ours
    """What a check found, and what helps where the check itself does not know."""

    def __init__(self, found: str, mend: str = "", outcome: Outcome = "failed") -> None:
        super().__init__(found)
        self.mend = mend
        self.outcome: Outcome = outcome


def expect(holds: bool, found: str, mend: str = "", outcome: Outcome = "failed") -> None:
    """Raise :class:`Violation` unless ``holds``."""
    if not holds:
        raise Violation(found, mend, outcome)


@dataclass(frozen=True, slots=True)
class Check:
    """One property of one component; calling it checks it.

    Attributes:
        component: kind and name.
        name: of the property.
        mend: what its author can do where it fails.
        run: looks; raises what it finds, or returns it in words, maybe with figures.
        essential: whether the checks after it mean nothing where it fails.
        stage: of the finding.
    """

    component: str
    name: str
    mend: str
    run: Callable[[], object]
    essential: bool = False
    stage: str = CONFORMANCE

    def __call__(self) -> None:
        """Check.

        Raises:
            ConformanceError: the property does not hold, or the component raised an exception,
                which is the cause.
        """
        finding = self.finding()
        if finding.outcome == "failed":
            raise ConformanceError(self.component, [finding]) from finding.error

    def finding(self) -> Finding:
        """Check, and return what was found."""
        about = (self.component, self.stage, self.name)
        try:
            result = self.run()
        except Violation as found:
            return Finding(*about, found.outcome, str(found), found.mend or self.mend)
        except PluginError as error:  # from the guard, whose message names the plugin
            hint = (error.hint or "").partition("--debug")[0].rstrip("; :")
            mend = "; ".join(filter(None, (hint, self.mend)))
            text = _PLUGIN.sub("", error.message, count=1) + _place(error.__cause__)
            return Finding(*about, "failed", text, mend, error=error)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # foreign code raises anything
            text = f"raised {one_line(error)}{_place(error)}"
            return Finding(*about, "failed", text, self.mend, error=error)
        text, figures = result if isinstance(result, tuple) else (result, {})
        return Finding(*about, found=text if isinstance(text, str) else "", figures=figures)


Checks = Generator[Check, None, None]


def run_checks(checks: Checks) -> Generator[Finding, None, bool]:
    """Yield what each check finds; stop and return false after an essential one that failed."""
    with closing(checks):
        for check in checks:
            finding = check.finding()
            yield finding
            if check.essential and finding.outcome == "failed":
                return False
    return True


def verify(checks: Checks) -> None:
    """Run all checks.

    Raises:
        ConformanceError: with every failure; after that of an essential check there are no more.
    """
    failures = [finding for finding in run_checks(checks) if finding.outcome == "failed"]
    if failures:
        errors = (finding.error for finding in failures if finding.error)
        raise ConformanceError(failures[0].component, failures) from next(errors, None)


def verifying(checks_of: Callable[P, Checks]) -> Callable[P, None]:
    """Return what runs all checks that a function gives, with the function's arguments."""

    @wraps(checks_of)
    def check(*arguments: P.args, **options: P.kwargs) -> None:
        verify(checks_of(*arguments, **options))

    return check


def _place(error: BaseException | None) -> str:
    frames = extract_tb(error.__traceback__) if error else []
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
