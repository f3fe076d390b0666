"""Near-duplicate texts: what comparing all pairs finds, in less time."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgljoint_data.audit.near_duplicates import (
    alike,
    compare_texts,
    merge_groups,
    near_duplicate_groups,
    words_of,
)

ALPHABET = [f"word{number}" for number in range(14)]


def brute_force(texts: list[str]) -> list[int]:
    """Compare all pairs and join until nothing changes."""
    sets = [words_of(text) for text in texts]
    group = list(range(len(texts)))
    pairs = [
        (a, b) for a, b in combinations(range(len(texts)), 2)
        if sets[a] and sets[b] and alike(sets[a], sets[b])
    ]
    for _ in texts:
        for a, b in pairs:
            group[a] = group[b] = min(group[a], group[b])
    return group


def nearly_whole(words: int, missing: int) -> st.SearchStrategy[list[str]]:
    """Draw texts of all but a few words of an alphabet: most pairs are close to the bound."""
    alphabet = [f"word{number}" for number in range(words)]
    return st.lists(
        st.sets(st.sampled_from(alphabet), max_size=missing).map(
            lambda left: " ".join(word for word in alphabet if word not in left)
        ),
        max_size=12,
    )


# Up to 18 words, around the sizes at which the way of finding them changes, and far above.
close_texts = st.one_of(
    nearly_whole(14, 4), nearly_whole(21, 4), nearly_whole(42, 5), nearly_whole(202, 22)
)
# Of pairs of characters: around the same places, and around eight tenths.
close_runs = st.sampled_from((9, 12, 42, 203)).flatmap(
    lambda size: st.lists(
        st.sets(st.integers(0, size - 1), max_size=max(2, size // 15)).map(
            lambda left: "".join(chr(0x4E00 + place) for place in range(size) if place not in left)
        ),
        max_size=12,
    )
)
any_texts = st.lists(
    st.lists(st.sampled_from(ALPHABET), max_size=12).map(" ".join), max_size=15
)


@given(st.one_of(close_texts, close_runs, any_texts))
def test_the_groups_are_those_of_comparing_all_pairs(texts: list[str]) -> None:
    assert near_duplicate_groups(texts).tolist() == brute_force(texts)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("RT @a: Boy found ALIVE http://t.co/x", "boy found alive, rt @b", True),
        ("a1 b1 c1 d1 e1 f1 g1 h1 i1 j1", "a1 b1 c1 d1 e1 f1 g1 h1 i1", True),  # 9 of 10
        ("a1 b1 c1 d1 e1 f1 g1 h1 i1", "a1 b1 c1 d1 e1 f1 g1 h1", False),  # 8 of 9
        ("天地玄黄宇", "天地玄黄", False),  # 3 of 4 pairs
        ("天地玄黄宇宙", "天地玄黄宇", True),  # 4 of 5
        ("天地玄黄宇宙洪荒日月", "天地玄黄宇宙洪荒", False),  # 7 of 9
        ("天地玄黄宇宙洪荒日月盈", "天地玄黄宇宙洪荒日", True),  # 8 of 10
        ("消息 词6甲0 词6甲1 词6甲2 词6甲3", "消息 词7甲0 词7甲1 词7甲2 词7甲3", False),
        ("abc def 天地", "abc def 天地玄", False),  # words, mostly
        ("", "", False),
        ("http://a.b", "@someone", False),
    ],
)
def test_the_bound_and_what_counts_as_a_word(one: str, other: str, same: bool) -> None:
    first, second = near_duplicate_groups([one, other])
    assert (first == second) == same


@pytest.mark.parametrize("larger", [10, 18, 19, 20, 39, 40, 41, 199, 200, 201, 300])
def test_a_text_that_lacks_a_tenth_of_the_words_is_found_at_every_size(larger: int) -> None:
    words = [f"w{number}" for number in range(larger)]
    smaller = -(-9 * larger // 10)
    texts = [" ".join(words[:count]) for count in (larger, smaller, smaller - 1)]
    assert brute_force(texts[::2]) == [0, 1]
    assert near_duplicate_groups(texts[:2]).tolist() == [0, 0]
    assert near_duplicate_groups(texts[::2]).tolist() == [0, 1]


SENTENCES = {
    "Han": "城北老桥昨夜忽然塌陷两辆货车坠入河中救援人员正在现场搜寻司机请绕行",
    "kana": "きのうふるいはしがとつぜんくずれてトラックがにだいかわにおちました",
    "Thai": "เมื่อคืนสะพานเก่าทางเหนือของเมืองถล่มรถบรรทุกสองคันตกลงไปในแม่น้ำเจ้าหน้าที่กำลังค้นหา",
    "Lao": "ມື້ຄືນນີ້ຂົວເກົ່າທາງເໜືອຂອງເມືອງໄດ້ພັງລົງລົດບັນທຸກສອງຄັນຕົກລົງໃນແມ່ນ້ຳ",
    "Khmer": "យប់មិញស្ពានចាស់នៅខាងជើងទីក្រុងបានបាក់រថយន្តដឹកទំនិញពីរគ្រឿងបានធ្លាក់ចូលទន្លេ",
    "Myanmar": "မနေ့ညကမြို့မြောက်ဘက်ရှိတံတားဟောင်းပြိုကျပြီးကုန်တင်ကားနှစ်စီးမြစ်ထဲသို့ကျခဲ့သည်",
}


@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES)
def test_texts_without_spaces_are_near_duplicates_but_for_a_character(text: str) -> None:
    middle = len(text) // 2
    texts = [
        text,
        f"{text}!!",
        f"{text[:middle]} {text[middle:]}",
        f"{text[:middle]}{text[middle + 1:]}",
        f"{text[:9]}{text[0]}{text[10:]}",
        f"{text} http://t.cn/x1",
        text[::-1],
        *(other for other in SENTENCES.values() if other != text),
    ]
    assert near_duplicate_groups(texts).tolist() == [0] * 6 + list(range(6, 12))


def test_many_equal_and_many_different_texts_take_no_quadratic_time() -> None:
    rng = np.random.default_rng(0)
    texts = ["the same words every time"] * 20_000
    texts += [" ".join(f"w{n}" for n in rng.integers(0, 5000, 12)) for _ in range(20_000)]
    started = time.process_time()
    groups = near_duplicate_groups(texts)
    # Comparing all pairs of the different ones alone takes minutes.
    assert time.process_time() - started < 30
    assert (groups[:20_000] == 0).all()


def test_few_words_in_many_texts_take_no_quadratic_time() -> None:
    rng = np.random.default_rng(0)
    texts = [
        " ".join(f"w{n}" for n in rng.integers(0, 300, length))
        for length in (12, 25) for _ in range(15_000)
    ]
    started = time.process_time()
    near_duplicate_groups(texts)
    # An index of single rare words compares most pairs: minutes.
    assert time.process_time() - started < 30


def test_equal_words_are_told_from_nearly_equal_ones() -> None:
    words = " ".join(f"w{n}" for n in range(10))
    equal, near = compare_texts([words, "", f"@me {words.upper()} w1", words[:-3], ""])
    assert equal.tolist() == [0, 1, 0, 3, 4]
    assert near.tolist() == [0, 1, 0, 0, 4]


def test_groupings_are_merged_through_one_another() -> None:
    assert merge_groups([5, 5, 7, 8, 9], [0, 1, 1, 2, 3]).tolist() == [0, 0, 0, 3, 4]
