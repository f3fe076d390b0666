"""Sheets as text and as HTML."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dgljoint._internal.tables import (
    WIDTH,
    Sheet,
    TextTable,
    cells,
    facts,
    figure,
    to_html,
    to_text,
)


def test_figures_line_up_under_their_columns() -> None:
    rows = (("model", "0.500", "–"), ("majority", "0.25", "1.000"))
    table = TextTable(("", "accuracy", "MRR"), rows)
    assert to_text(Sheet("Scores", (table,), ("a note",))) == (
        "Scores\n"
        "\n"
        "          accuracy    MRR\n"
        "model        0.500      –\n"
        "majority      0.25  1.000\n"
        "\n"
        "a note"
    )


def test_columns_that_do_not_fit_follow_in_a_block_of_their_own() -> None:
    names = tuple(f"figure number {number}" for number in range(12))
    text = to_text(Sheet("t", (TextTable(("", *names), (("model", *["0.123"] * 12),)),)))
    assert text.count("0.123") == 12
    assert all(name in text for name in names)
    assert text.count("model") == text.count("\n\n") > 1


def test_facts_are_wrapped_under_one_another() -> None:
    text = to_text(Sheet("t", (facts(data="a " * 60, seed=None),)))
    assert text.splitlines()[2:] == [
        "data  " + " ".join(["a"] * 37), "      " + " ".join(["a"] * 23), "seed  –"
    ]


def test_a_sign_that_takes_two_columns_counts_as_two() -> None:
    assert [cells(text) for text in ("rumor", "谣言", "é", "é")] == [5, 4, 1, 1]


TEXT = st.text(max_size=120)


@given(title=TEXT, note=TEXT, rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
def test_no_text_is_wider_than_the_page_or_moves_the_cursor(
    title: str, note: str, rows: list[tuple[str, str]]
) -> None:
    columns = ("name", *(f"column {number}" for number in range(9)))
    figures = TextTable(columns, tuple((name, *["0.125"] * 9) for name, _ in rows))
    text = to_text(Sheet(title, (figures, TextTable((), tuple(rows))), (note,)))
    assert all(cells(line) <= WIDTH for line in text.split("\n"))
    assert all(sign.isprintable() for sign in text.replace("\n", ""))
    assert text.count("0.125") >= 9 * len(rows)


def test_html_is_escaped() -> None:
    evil = "<script>alert('&')</script>"
    html = to_html(Sheet(evil, (TextTable((evil, evil), ((evil, evil),)), facts(a=evil)), (evil,)))
    assert "<script>" not in html
    assert html.count("&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;") == 7


def test_a_figure_that_is_not_there_is_a_dash() -> None:
    assert [figure(value) for value in (None, 0.0, 0.12349)] == ["–", "0.000", "0.123"]
