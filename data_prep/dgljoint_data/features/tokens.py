"""Tweets as words."""

from __future__ import annotations

import re

URL = "url"
USER = "@user"
NUMBER = "<number>"

LINK = r"https?://\S+|www\.\S+"
MENTION = r"(?<!\w)@\w+"

# A word is what scikit-learn's analyzer takes for one: two or more word characters. The expression
# is written out because importing the analyzer costs more than tokenising Twitter15.
_TOKEN = re.compile(
    rf"(?P<url>{LINK})"
    rf"|(?P<user>{MENTION})"
    r"|(?P<number>(?<!\w)\d+(?:[.,:]\d+)*(?!\w))"
    r"|#?\w\w+"
)
_STANDS_FOR = {"url": URL, "user": USER, "number": NUMBER}


def tokenize(text: str) -> list[str]:
    """Split a text into lower-case words.

    Links, mentions and numbers each become one token; hashtags keep their sign.

    >>> tokenize("RT @Whitehouse: 3,000 jobs! #Jobs https://t.co/x URL")
    ['rt', '@user', '<number>', 'jobs', '#jobs', 'url', 'url']
    """
    return [
        _STANDS_FOR[match.lastgroup] if match.lastgroup else match[0]
        for match in _TOKEN.finditer(text.lower())
    ]
