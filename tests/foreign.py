"""Files of somebody who means harm: checkpoints by their header, and what must not be opened."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

Header = dict[str, Any]


def taken_apart(content: bytes) -> tuple[Header, bytes]:
    """Return the header and the data of a safetensors file."""
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def put_together(header: Header, data: bytes) -> bytes:
    """Undo :func:`taken_apart`."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_header(change: Callable[[Header], object]) -> Callable[[Path], None]:
    """Change the header of a checkpoint."""

    def spoil(file: Path) -> None:
        header, data = taken_apart(file.read_bytes())
        change(header)
        file.write_bytes(put_together(header, data))

    return spoil


def with_tensor(**settings: object) -> Callable[[Path], None]:
    """Change what the header says of a parameter of the model."""
    return with_header(lambda header: header["/model/projection.kind.weight"].update(settings))


def with_skeleton(skeleton: str | Callable[[Any], Any]) -> Callable[[Path], None]:
    """Replace the JSON that a checkpoint is put together by."""

    def change(header: Header) -> None:
        held = header["__metadata__"]
        if isinstance(skeleton, str):
            held["skeleton"] = skeleton
        else:
            held["skeleton"] = json.dumps(skeleton(json.loads(held["skeleton"])))

    return with_header(change)


def with_value(*place: str, value: object) -> Callable[[Path], None]:
    """Replace a value inside the skeleton."""

    def put(tree: Any, left: tuple[str, ...]) -> Any:
        if not left:
            return value
        pairs = [[k, put(v, left[1:]) if k == left[0] else v] for k, v in tree["$pairs"]]
        return {"$pairs": pairs}

    return with_skeleton(lambda tree: put(tree, place))


def with_data(pattern: bytes) -> Callable[[Path], None]:
    """Fill all tensors with one pattern."""

    def spoil(file: Path) -> None:
        header, data = taken_apart(file.read_bytes())
        whole = pattern * (len(data) // len(pattern) + 1)
        file.write_bytes(put_together(header, whole[: len(data)]))

    return spoil


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def bomb(file: Path) -> None:
    """Put a pickle in the place of a file that makes a folder when it is loaded."""
    file.write_bytes(pickle.dumps(_Bomb()))


def pipe(file: Path) -> None:
    """Put a pipe there, on which whoever opens it waits for ever."""
    file.unlink()
    os.mkfifo(file)


def link(file: Path) -> None:
    """Put a link there to a file outside that is just as good."""
    outside = file.parent.parent / f"outside {file.name}"
    file.rename(outside)
    file.symlink_to(outside)


def device(file: Path) -> None:
    """Put a link there to what never ends."""
    file.unlink()
    file.symlink_to("/dev/zero")
