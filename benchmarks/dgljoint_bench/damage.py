"""Mutants of a release: its files damaged inside, lost, renamed, exchanged or replaced.

A release is held in memory as what stands under each path. The same seed and number always make
the same mutant::

    mutant = make_mutant("weibo", releases, seed=0, number=17)
    write_release(mutant.files, folder)
    print(mutant.steps)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from random import Random

from dgljoint_bench.damage_bytes import damage_bytes
from dgljoint_bench.damage_json import damage_json


class Odd(Enum):
    """What stands under a path that should be a file."""

    FOLDER = "an empty folder"
    LOOP = "a link to itself"
    DANGLING = "a link to nothing"
    UP = "a link to the folder above"


Files = dict[str, "bytes | Odd"]  # by path under the release, with slashes

RAW = "{raw}"  # in an option's value: the folder that the release is written to


@dataclass(frozen=True, slots=True)
class Release:
    """A small release to start from.

    Attributes:
        files: what stands under each path.
        options: of the reader; ``RAW`` in a value stands for the release's folder.
    """

    files: Mapping[str, bytes]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged release.

    Attributes:
        files: what stands under each path.
        options: of the reader.
        steps: what was done, in words, in order.
    """

    files: Files
    options: Mapping[str, str]
    steps: list[str]


def make_mutant(reader: str, releases: Sequence[Release], *, seed: int, number: int) -> Mutant:
    """Damage one of the releases in one to twelve ways.

    Args:
        reader: its name, so that readers get different mutants.
        releases: to start from, in turns.
        seed: of the series.
        number: of the mutant in it.
    """
    # Not a tuple: only of a text is the hash the same in every process.
    rng = Random(f"{reader} {seed} {number}")  # noqa: S311  # repeatable, not secret
    release = releases[number % len(releases)]
    files: Files = dict(release.files)
    steps = [_step(files, rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6, 12)))]
    return Mutant(files, release.options, steps)


def _step(files: Files, rng: Random) -> str:
    whole = {path: entry for path, entry in files.items() if isinstance(entry, bytes)}
    if whole and rng.random() < 0.75:
        path = rng.choice(sorted(whole))
        data = whole[path]
        changed = damage_json(data, rng) if rng.random() < 0.6 else None
        files[path], way = changed or damage_bytes(data, rng)
    else:
        step = rng.choice(_STEPS)
        way, path = step.__name__.strip("_"), step(files, rng)
    return f"{way}: {path}"


def _lose(files: Files, rng: Random) -> str:
    path = _any_path(files, rng)
    _remove(files, path)
    return path


def _odd(files: Files, rng: Random) -> str:
    path, entry = _any_path(files, rng), rng.choice(list(Odd))
    _put(files, path, entry)
    return f"{path} is {entry.value}"


def _file_for_folder(files: Files, rng: Random) -> str:
    path = rng.choice(_folders(files) or ["lone"])
    _put(files, path, rng.choice((b"", b"[]", b"{}\n", b"\x00")))
    return path


def _rename(files: Files, rng: Random) -> str:
    path = _any_path(files, rng)
    moved = {name: entry for name, entry in files.items() if _below(name, path)}
    target = str(PurePosixPath(path).with_name(_other_name(path, files, rng)))
    _remove(files, path)
    _remove(files, target)
    files.update({target + name[len(path):]: entry for name, entry in moved.items()})
    return f"{path} to {target!r}"


def _copy(files: Files, rng: Random) -> str:
    path = _any_path(files, rng)
    name = rng.choice((PurePosixPath(path).name, _other_name(path, files, rng)))
    target = str(PurePosixPath(rng.choice(_folders(files) or ["."])) / name)
    if not _below(target, path):
        copied = {name: entry for name, entry in files.items() if _below(name, path)}
        _remove(files, target)
        files.update({target + name[len(path):]: entry for name, entry in copied.items()})
    return f"{path} to {target!r}"


def _exchange(files: Files, rng: Random) -> str:
    if len(files) < 2:
        return "nothing"
    one, other = rng.sample(sorted(files), 2)
    files[one], files[other] = files[other], files[one]
    return f"{one} and {other}"


def _add(files: Files, rng: Random) -> str:
    name = rng.choice((".DS_Store", "._x.json", "x.json", "7.txt", "\udcff.json", "a.jsonl", "12"))
    path = str(PurePosixPath(rng.choice(_folders(files) or ["."])) / name)
    _put(files, path, rng.choice((b"", b"{}", b"[]", b"\x00\x05\x16", Odd.FOLDER, Odd.UP)))
    return repr(path)


_STEPS: Sequence[Callable[[Files, Random], str]] = (
    _lose, _lose, _odd, _odd, _file_for_folder, _rename, _rename, _copy, _exchange, _add,
)


def _any_path(files: Files, rng: Random) -> str:
    """Choose a file, or now and then a folder."""
    folders = _folders(files)
    if not files or (folders and rng.random() < 0.2):
        return rng.choice(folders or ["lone"])
    return rng.choice(sorted(files))


def _folders(files: Files) -> list[str]:
    found = {str(above) for path in files for above in PurePosixPath(path).parents}
    return sorted(found - {"."})


def _other_name(path: str, files: Files, rng: Random) -> str:
    name = PurePosixPath(path).name
    other = PurePosixPath(rng.choice(sorted(files))).name if files else "x"
    return rng.choice(
        (other, name.upper(), name.lower(), f"{name}.bak", f".{name}", f"{name} (1)", "\udcfe",
         "9" * 19, "9" * 19 + PurePosixPath(name).suffix, "-1.json", "٣.json", "0", f"{name}\n")
    )


def _below(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _remove(files: Files, path: str) -> None:
    for name in [name for name in files if _below(name, path)]:
        del files[name]


def _put(files: Files, path: str, entry: bytes | Odd) -> None:
    _remove(files, path)
    files[path] = entry


def write_release(files: Mapping[str, bytes | Odd], folder: Path) -> Path:
    """Write what a release holds; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, entry in files.items():
        path = folder / name
        # A file may stand where another one needs a folder: the first to come stays.
        if any(above.is_symlink() or above.is_file() for above in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            continue
        if isinstance(entry, bytes):
            path.write_bytes(entry)
        elif entry is Odd.FOLDER:
            path.mkdir()
        else:
            target = {Odd.LOOP: path.name, Odd.DANGLING: "nowhere", Odd.UP: ".."}[entry]
            path.symlink_to(target)
    return folder
