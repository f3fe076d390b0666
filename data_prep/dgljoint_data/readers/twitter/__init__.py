"""Readers of Twitter15 and Twitter16, in either of their releases or both.

The tree release (Ma, Gao & Wong 2017) has every post with its time and the text of source posts;
the RvNN release (2018; also BiGCN's) has word counts and events, and no times: see
``docs/readers/twitter.md``. Of both, structure and times are those of the trees, and a reply gets
words only where it is certain which row is its own (``rvnn_join``).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pydantic import Field

from dgljoint.config.options import Options
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.twitter import releases
from dgljoint_data.readers.twitter.readers import TwitterRvnnReader, TwitterTreeReader
from dgljoint_data.readers.twitter.rvnn import COLUMNS, FEATURE
from dgljoint_data.workers import Divided, Spread


class TwitterOptions(Options):
    """Where the words of posts come from, and which files are meant."""

    text_from: str = Field(
        "",
        description="folder of the RvNN release, whose word counts are joined to the posts of the "
        "trees where they can be matched; none when empty",
    )
    label_file: str = Field(
        "",
        description="name of the file of label, event and thread; found by its content when empty",
    )
    data_file: str = Field(
        "",
        description="name of the RvNN form's file of rows, or its path from the folder on; found "
        "by its content when empty",
    )


class TwitterReader(Divided):
    """Reads whichever release the source is, of the edition ``"15"`` or ``"16"``."""

    label_names: tuple[str, ...] = releases.LABEL_NAMES
    feature_columns: Mapping[str, int] = {FEATURE: COLUMNS}

    def __init__(self, edition: str, options: TwitterOptions) -> None:
        self._edition = edition
        self._options = options

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files of the releases read."""
        return self._choose(source).fingerprint(source)

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads; the files of trees are divided, word counts are one file."""
        return self._choose(source).read_in_parts(source, report, spread)

    def _choose(self, source: Path | None) -> TwitterTreeReader | TwitterRvnnReader:
        options = self._options
        if not options.data_file and (releases.is_tree_release(source) or not _holds_rows(source)):
            text_from = Path(options.text_from) if options.text_from else None
            return TwitterTreeReader(self._edition, text_from, options.label_file)
        if options.text_from:
            raise DataError(
                f"{source} is the RvNN release, which has its own words; expected the tree "
                "release to join words to",
                hint=f"leave out --text-from, or name the folder of trees instead of {source}",
            )
        return TwitterRvnnReader(self._edition, options.data_file, options.label_file)


def _holds_rows(path: Path | None) -> bool:
    return path is not None and path.is_dir() and bool(releases.other_data(path, None))


def _recognises(edition: str, path: Path) -> bool:
    """Return whether ``path`` has a release of ``edition``, as far as the names of files show."""
    if not path.is_dir():
        return False
    if releases.is_tree_release(path):
        try:
            folder = releases.find_release(path, edition).folder
        except DataError:
            return True  # several: the reader names them
    elif (rows := _rows_of(path, edition)) is not None:
        folder = rows.parent
        if not releases.label_files(folder):
            return False
    else:
        return False
    own = releases.edition_of(folder.name)
    return edition in (releases.editions_named(folder) or ([own] if own else releases.EDITIONS))


def _rows_of(path: Path, edition: str) -> Path | None:
    try:
        return releases.find_data(path, "", edition)
    except DataError:  # several
        return next(iter(releases.other_data(path, None)), None)


def _spec(edition: str) -> ReaderSpec:
    return ReaderSpec(
        name=f"twitter{edition}",
        summary=f"Twitter{edition} as trees with times, as RvNN word counts, or both joined",
        options=TwitterOptions,
        reference=Reference(
            authors="Ma, Gao & Wong", year=2017,
            title="Detect Rumors in Microblog Posts Using Propagation Structure via Kernel "
            "Learning",
            url="https://aclanthology.org/P17-1066/",
        ),
        build=partial(TwitterReader, edition), recognises=partial(_recognises, edition),
        layouts=(
            "label.txt and tree/ID.txt, if possible source_tweets.txt",
            f"data.TD_RvNN.vol_5000.txt and {releases.event_file(edition)}",
        ),
    )


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the readers ``twitter15`` and ``twitter16``."""
    return [_spec(edition) for edition in releases.EDITIONS]
