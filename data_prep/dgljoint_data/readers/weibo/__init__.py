"""Reader of Weibo threads: those of Ma et al. (2016), CED, and BiGCN's word counts of the former.

``docs/readers/weibo.md`` describes the three forms, which the content of a folder shows. A post
that only reposts is a retweet without a text; any other below the source is a quote, since the
files do not distinguish reposts with words from comments.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dgljoint.config.options import NoOptions
from dgljoint.data.cascade import Cascade
from dgljoint.data.reading import ReadReport, first_of
from dgljoint.errors import DataError
from dgljoint.plugins.hookspecs import hookimpl
from dgljoint.plugins.specs import ReaderSpec, Reference
from dgljoint_data.readers.common import raw
from dgljoint_data.readers.twitter.rvnn import COLUMNS, FEATURE
from dgljoint_data.readers.weibo.bigcn import BigcnReader
from dgljoint_data.readers.weibo.ced import CedReader
from dgljoint_data.readers.weibo.ma import MaReader
from dgljoint_data.workers import Divided, Spread

LABEL_NAMES = ("rumor", "non-rumor")
LAYOUTS = (
    "Weibo.txt and Weibo/ID.json",
    "original-microblog/, rumor-repost/ and non-rumor-repost/ (CED)",
    "weibotree.txt and weibo_id_label.txt (BiGCN)",
)

_PARTS = (
    "weibo.txt", "weibo", "original-microblog", "rumor-repost", "non-rumor-repost",
    "weibotree.txt", "weibo_id_label.txt",
)
_UNPACK = f"unpack the whole release into one folder: {'; or '.join(LAYOUTS)}"
_Form = MaReader | CedReader | BigcnReader


class WeiboReader(Divided):
    """Reads a release in any of the three forms, threads in the order of the list or labels.

    ``counts`` of the report: ``posts_in_files`` are ``distinct_posts`` and ``duplicate_posts``;
    ``distinct_posts`` are those stored and ``posts_dropped_*``. Files that cannot be read count
    nowhere.
    """

    label_names: tuple[str, ...] = LABEL_NAMES
    feature_columns: Mapping[str, int] = {FEATURE: COLUMNS}

    def fingerprint(self, source: Path | None) -> str:
        """Return a digest of the files that are read."""
        return _find(source).fingerprint()

    def read_in_parts(
        self, source: Path | None, report: ReadReport, spread: Spread
    ) -> Iterator[Cascade]:
        """Yield the threads under the folder ``source``, or the only one below with a release."""
        form = _find(source)
        stored = 0
        for cascade in form.read_in_parts(report, spread):
            stored += 1
            yield cascade
        if not stored:
            why = first_of(report.refusals, ": it names none")
            raise DataError(f"{form.folder} holds no readable thread{why}")
        if source is not None:
            others = [place.folder for place in _below(source) if place.folder != form.folder]
            raw.count_unread(others, source, "other releases", report)
        report.note(
            "the release names no events: every thread counts as an event of its own, so threads "
            "about one happening can be on both sides of a split"
        )


def _find(source: Path | None) -> _Form:
    """Return what reads the release in ``source`` or in the only folder below that has one."""
    source = raw.given_folder(source, _UNPACK)
    found = _forms(source) or _below(source)
    if len(found) > 1:
        names = ", ".join(
            form.folder.relative_to(source).as_posix() for form in found
            if form.folder != source
        )
        if not names:
            forms = ", ".join(type(form).__name__.removesuffix("Reader") for form in found)
            raise DataError(
                f"{source} holds several forms of threads: {forms}",
                hint="move one of them to a folder of its own",
            )
        raise DataError(f"{source} holds several releases: {names}", hint="name one of them")
    if not found:
        raise DataError(f"{source} holds no release of Weibo threads{_lacks(source)}", hint=_UNPACK)
    return found[0]


def _below(source: Path) -> list[_Form]:
    return [form for folder in raw.folders(source) for form in _forms(folder)]


def _forms(folder: Path) -> list[_Form]:
    found = (form.find(folder) for form in (MaReader, CedReader, BigcnReader))
    return [form for form in found if form is not None]


def _lacks(source: Path) -> str:
    try:
        if not any(source.iterdir()):
            return " (the folder is empty)"
    except OSError as error:
        return f": it cannot be read: {error.strerror}"
    parts = [path.name for path in raw.entries(source) if path.name.lower() in _PARTS]
    there = f": of one there is only {' and '.join(parts)}" if parts else ""
    return there + raw.packed(source)


@hookimpl
def dgljoint_readers() -> Sequence[ReaderSpec]:
    """Offer the reader ``weibo``."""
    return [
        ReaderSpec(
            name="weibo",
            summary="Weibo threads of 2016 or CED: rumor or not, texts of all posts; BiGCN's words",
            options=NoOptions,
            reference=Reference(
                authors="Ma, Gao, Mitra, Kwon, Jansen, Wong & Cha", year=2016,
                title="Detecting Rumors from Microblogs with Recurrent Neural Networks",
                url="https://www.ijcai.org/Proceedings/16/Papers/537.pdf",
            ),
            build=lambda options: WeiboReader(), layouts=LAYOUTS,
            recognises=lambda path: path.is_dir() and bool(_forms(path) or _below(path)),
        )
    ]
