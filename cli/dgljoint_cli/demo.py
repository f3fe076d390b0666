"""The built-in demo set for a verb that was given no data."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from dgljoint_cli.console import Talk


def demo_file(talk: Talk, folder: Path | None) -> Path:
    """Return the cascade file of the demo set, and say where it is.

    Args:
        talk: is told.
        folder: of the runs that will read it, and that may be evaluated at any later time; without
            one the file is gone when the command ends.
    """
    from dgljoint_data import demo_store

    if folder is None:
        context = click.get_current_context()
        folder = Path(context.with_resource(TemporaryDirectory(prefix="dgljoint-demo-")))
        talk.say("no data given: using the built-in synthetic demo set")
        return demo_store(folder)
    file = demo_store(folder)
    talk.say(f"no data given: using the built-in synthetic demo set, {file}")
    return file
