"""Tokens and their counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from dgljoint_data.features.bow import WordCounts
from dgljoint_data.features.tokens import tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Breaking NEWS", ["breaking", "news"]),
        ("see https://t.co/Ab1?x=2 URL www.x.org", ["see", "url", "url", "url"]),
        ("via @Xojane_dotcom.", ["via", "@user"]),
        ("3 dead, 10,000 at 12:30", ["<number>", "dead", "<number>", "at", "<number>"]),
        ("3rd #NeverHillary #1", ["3rd", "#neverhillary", "<number>"]),
        ("a 🔥 b", []),
        ("mail me@home", ["mail", "me", "home"]),
        ("don’t naïve", ["don", "naïve"]),
        ("東京", ["東京"]),
        ("城北老桥", ["城北", "北老", "老桥"]),
        ("城北 老\n桥，昨夜", ["城北", "北老", "老桥", "昨夜"]),  # spaces are no words' ends
        ("我 a", ["我"]),
        ("iPhone手机降3元 iphone15", ["iphone", "手机", "机降", "降3", "3元", "iphone15"]),
        ("10人 死 7 人 词6 6abc词", ["10", "0人", "人死", "<number>", "人词", "词6", "6abc", "词"]),
        ("#北京暴雨#快看", ["北京", "京暴", "暴雨", "快看"]),
        ("转@人民日报 大坝", ["转", "@user", "大坝"]),
        ("http://t.cn/zYmSQm5速看", ["url", "速看"]),
        ("ニュースです", ["ニュ", "ュー", "ース", "スで", "です"]),
        ("ﾆｭｰｽ", ["ニュ", "ュー", "ース"]),  # half width
        ("ＢＢＣ ７", ["bbc", "<number>"]),  # full width
        ("ข่าว ๑๒", ["ข่", "่า", "าว", "<number>"]),  # Thai
        ("ຂ່າວ", ["ຂ່", "່າ", "າວ"]),  # Lao
        ("ព័ត៌", ["ព័", "័ត", "ត៌"]),  # Khmer
        ("သတင်", ["သတ", "တင", "င်"]),  # Myanmar
        ("한국어 뉴스", ["한국어", "뉴스"]),  # Hangul has spaces
        ("हिन्दी में समाचार", ["हिन्दी", "में", "समाचार"]),  # vowel signs belong to their word
        ("cafe\u0301 it\u00b4s", ["café", "it"]),
        ("wo\u200brd \U0001d401\U0001d428\U0001d42d", ["word", "bot"]),
        ("", []),
    ],
)
def test_a_text_is_split_into_words(text: str, words: list[str]) -> None:
    assert tokenize(text) == words


def test_plain_words_are_those_of_scikit_learn() -> None:
    text = "The queen's visit: it is off, say two well-placed sources (BBC) — naïve, a_b x"
    assert tokenize(text) == CountVectorizer().build_analyzer()(text)


def test_counts_are_raw_and_columns_grow_in_the_order_of_first_use() -> None:
    counts = WordCounts()
    first = counts.count(["red red blue", "", "blue"])
    second = counts.count(["", "green red"])
    assert counts.columns() == ["red", "blue", "green"]
    assert first.indptr.tolist() == [0, 2, 2, 3]
    assert first.indices.tolist() == [0, 1, 1]
    assert first.values.tolist() == [2, 1, 1]
    assert (second.indptr.tolist(), second.indices.tolist()) == ([0, 0, 2], [0, 2])
    assert (first.indptr.dtype, first.indices.dtype) == (np.int64, np.int32)


def test_posts_without_any_word_give_empty_rows() -> None:
    for texts in (["", "🔥"], ["", ""]):
        block = WordCounts().count(texts)
        assert block.indptr.tolist() == [0, 0, 0]
        assert len(block.values) == 0
