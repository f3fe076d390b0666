"""What pip knows of a plugin: its entry point and what its distribution requires."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dgljoint.checking.findings import OWN_DISTRIBUTION, Finding, Findings, Subject
from dgljoint.errors import install_hint
from dgljoint.plugins.scaffold.write import requirement as requirement_of_today

STAGE = "metadata"

_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def check_metadata(subject: Subject) -> Findings:
    """Look at the entry point and at the requirements."""
    entry = subject.entry
    others = [other for other in subject.registry.offering(entry.name) if other is not entry]
    if others:
        owners = " and ".join(f"{other.distribution} {other.version}" for other in others)
        yield Finding(
            STAGE, "has a name of its own", "failed", f"{owners} offers '{entry.name}' as well",
            f"uninstall one, as in pip uninstall {others[-1].distribution}, or give the component "
            "and its entry point another name",
        )
        return False
    yield Finding(STAGE, "has a name of its own")
    if not _MODULE.fullmatch(entry.module):
        yield Finding(
            STAGE, "names a module", "failed", f"the entry point's value is '{entry.module}'",
            f'write {entry.name} = "PACKAGE.MODULE", without a colon, where entry points are '
            "declared",
        )
        return False
    yield Finding(STAGE, "names a module", found=entry.module)
    yield from _requirements(entry.distribution)
    return True


def _requirements(distribution: str) -> Iterator[Finding]:
    needed = [Requirement(line) for line in metadata.requires(distribution) or ()]
    names = {canonicalize_name(requirement.name) for requirement in needed}
    if distribution != OWN_DISTRIBUTION and OWN_DISTRIBUTION not in names:
        yield Finding(
            STAGE, "says which dgljoint it needs", "note", "dgljoint is not required",
            f'dependencies = ["{requirement_of_today()}"], in the versions you have tried',
        )
    check = "has what it requires"
    wanted = [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    unmet = {requirement: text for requirement in wanted if (text := _unmet(requirement))}
    if unmet:
        yield Finding(
            STAGE, check, "failed", "; ".join(unmet.values()),
            f"{_installing(distribution, unmet)}, or widen its requirements where it works with "
            "others",
        )
    else:
        yield Finding(STAGE, check)


def _installing(distribution: str, unmet: Iterable[Requirement]) -> str:
    """Return the command that brings what is missing; dgljoint itself comes from its clone."""
    if distribution == OWN_DISTRIBUTION:
        return install_hint()
    own = [one for one in unmet if canonicalize_name(one.name) == OWN_DISTRIBUTION]
    others = " ".join(shlex.quote(str(one)) for one in unmet if one not in own)
    ways = [f"pip install {others}"] * bool(others) + [f"bring your clone to {o}" for o in own]
    return "; ".join(ways)


def _unmet(requirement: Requirement) -> str:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(found, prereleases=True):
        return ""
    return f"{requirement.name} {found} is installed, {requirement.specifier} is required"
