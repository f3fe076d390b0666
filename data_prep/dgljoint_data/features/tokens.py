"""Posts as words, whatever their script.

Han, kana, Thai, Lao, Khmer and Myanmar put no space between words: a run of such characters is cut
into all pairs of neighbours, spaces left out; digits that touch a run are part of it. Pairs need no
dictionary and retrieve as well as words do (Nie, Gao, Zhang & Zhou, 2000,
https://doi.org/10.1145/355214.355235). Hangul has spaces and is cut at them.
"""

import re
import unicodedata
from itertools import pairwise

URL = "url"
USER = "@user"
NUMBER = "<number>"

# Letters and marks of the scripts without spaces; their digits and signs are those of any script.
UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ecd\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f\u109a-\u109d\ua9e0-\ua9ef\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"
    "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    "\u3105-\u312f"  # Bopomofo
)
_MARKS = "".join(
    sign for sign in map(chr, range(0x300, 0x1B00))
    if unicodedata.category(sign) in ("Mn", "Mc") and not re.match(f"[{UNSPACED}]", sign)
)

LINK = rf"(?:https?://|www\.)[^\s{UNSPACED}]+"
MENTION = rf"(?<![^\W{UNSPACED}])@\w+"

# A word is what scikit-learn's analyzer takes for one: two or more word characters. The expression
# is written out because importing the analyzer costs more than tokenising Twitter15.
_ONE_TOKEN = (rf"(?P<url>{LINK})|(?P<user>{MENTION})|(?P<number>(?<!\w)\d+(?:[.,:]\d+)*(?!\w))")
_SPACED_TOKEN = re.compile(rf"{_ONE_TOKEN}|#?\w\w+")
# The same for any text: vowel signs belong to their word, and words may touch runs.
_TOKEN = re.compile(
    rf"{_ONE_TOKEN}"
    rf"|(?P<run>(?:(?<!\w)\d+)?[{UNSPACED}]+(?:(?:\s+|\d+)[{UNSPACED}]+)*"
    rf"(?:\d+(?![^\W{UNSPACED}]))?)"
    rf"|#?[^\W{UNSPACED}](?:[^\W{UNSPACED}]|[{_MARKS}])+"
)
_IN_RUN = re.compile(rf"\d*[{UNSPACED}]|\d\d?$")
_TOKEN_OF = {"url": URL, "user": USER, "number": NUMBER}

# What makes a text one for the second expression: its scripts, marks, and signs that have another
# form (full and half width, letters of formulas) or no width.
_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"
_SPECIAL = re.compile(f"[{UNSPACED}{_MARKS}{_INVISIBLE}\uff01-\uffef\U0001d400-\U0001d7ff]")
_REMOVED = re.compile(f"[{_INVISIBLE}]")


def tokenize(text: str) -> list[str]:
    """Split a text into lower-case words.

    Links, mentions and numbers each become one token; hashtags of spaced scripts keep their sign.
    Texts of other than spaced, precomposed letters are brought to the Unicode form NFKC first, so
    that full-width letters are the plain ones, and lose characters without width.

    >>> tokenize("RT @Whitehouse: 3,000 jobs! #Jobs https://t.co/x URL")
    ['rt', '@user', '<number>', 'jobs', '#jobs', 'url', 'url']
    >>> tokenize("@sina 大 坝决口 3人 ＡＢＣ http://t.cn/x速看")
    ['@user', '大坝', '坝决', '决口', '3人', 'abc', 'url', '速看']
    """
    if is_plain(text):
        return [
            _TOKEN_OF[match.lastgroup] if match.lastgroup else match[0]
            for match in _SPACED_TOKEN.finditer(text.lower())
        ]
    plain = _REMOVED.sub("", unicodedata.normalize("NFKC", text)).lower()
    words: list[str] = []
    for match in _TOKEN.finditer(plain):
        kind, found = match.lastgroup, match[0]
        if kind == "run":
            run = "".join(found.split())
            words += ["".join(pair) for pair in pairwise(run)] or [run]
        else:
            words.append(_TOKEN_OF[kind] if kind else found)
    return words


def is_plain(text: str) -> bool:
    """Return whether all of a text is of spaced scripts, in letters of one character each."""
    return text.isascii() or _SPECIAL.search(text) is None


def is_unspaced(word: str) -> bool:
    """Return whether a word is a pair, or a single one, of a script without spaces."""
    return _IN_RUN.match(word) is not None
