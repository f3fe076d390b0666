"""Data sets that are generated when they are asked for: the demo set, and others by a name."""

from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_cache_path

from dgljoint._internal.files import writing
from dgljoint.config.options import parse_options
from dgljoint.data.store import CascadeStore
from dgljoint.errors import DataError, UsageError
from dgljoint_data.build import build_store
from dgljoint_data.features import VERSION as FEATURES_VERSION
from dgljoint_data.readers.common.raw import digest_text
from dgljoint_data.readers.synthetic import SyntheticOptions, SyntheticReader
from dgljoint_data.splits import VERSION as SPLITS_VERSION

GENERATED = "synthetic:"
"""What the names of generated data sets begin with; the options of the generator follow."""


def demo_store(folder: Path | None = None) -> Path:
    """Return the demo data set's file, building it when it is missing or does not open.

    It is in the user's cache folder, or hidden in ``folder``; its name has a digest of the
    generator. Raise RunFailedError if the folder cannot be written.
    """
    return _store(SyntheticOptions(), "demo", folder)


def generated_store(name: str, folder: Path | None = None) -> Path:
    """Return the file of a generated data set, as :func:`demo_store` does.

    ``name`` is ``synthetic:world=both,strength=0.5`` or other options of the generator, which
    become the name of the data set. Raise UsageError if they cannot be read.
    """
    settings = generator_settings(name)
    options = parse_options(SyntheticOptions, settings, f"generated data '{name}'")
    return _store(options, ", ".join(f"{key} {value}" for key, value in settings.items()), folder)


def generator_settings(name: str) -> Mapping[str, str]:
    """Return the options in the name of a generated data set; none in another name.

    >>> generator_settings("synthetic:world=both,strength=0.5")
    {'world': 'both', 'strength': '0.5'}
    """
    if not name.startswith(GENERATED):
        return {}
    settings = {}
    for setting in name.removeprefix(GENERATED).split(","):
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not (key and equals):
            raise UsageError(
                f"generated data {name!r} are not of the form {GENERATED}KEY=VALUE,KEY=VALUE",
                hint=f"for example: {GENERATED}world=both,strength=0.5",
            )
        settings[key] = value
    return settings


def _store(options: SyntheticOptions, name: str, folder: Path | None) -> Path:
    reader = SyntheticReader(options)
    versions = f"features {FEATURES_VERSION} splits {SPLITS_VERSION}"
    digest = digest_text(f"{reader.fingerprint(None)} {versions}")
    file = f"{'demo' if name == 'demo' else 'synthetic'}-{digest[:12]}.h5"
    # hidden, since `runs/*` should name runs
    path = folder / f".{file}" if folder else user_cache_path("dgljoint") / file
    if path.exists():
        try:
            CascadeStore(path)
        except DataError:
            pass  # damaged, or of another version of the format
        else:
            return path
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    build_store(reader, reader_name="synthetic", source=None, output=path, name=name)
    return path
