"""Tables on a terminal of 80 columns: nothing that is counted or measured is cut or folded."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from benchmark_results import row, write
from compared_results import folds, write_results
from dgljoint.evaluation.scores import DeadlineScores, EarlyDetection, LinkTable
from dgljoint.runs.stored import Protocol
from dgljoint_cli.main import run
from dgljoint_cli.views.evaluation_tables import early_table, score_tables
from dgljoint_cli.views.rendering import Table
from stored_runs import write_run, write_study
from toys import toy_store

PROTOCOL = Protocol("t15", "event", 2, "event")
NAME = "twitter15-bigcn-attention+alignment+contrastive+adversarial+meta_weight-event0-s0"


def shown(*renderables: object, width: int = 80, styled: bool = False) -> str:
    screen = StringIO()
    console = Console(
        file=screen, width=width, markup=False, highlight=False, force_terminal=styled,
        color_system="standard" if styled else None,
    )
    for one in renderables:
        console.print(one)
    return screen.getvalue()


def figures_in(text: str) -> set[str]:
    """Return every run of signs in a text that has a digit."""
    return {word for word in text.split() if any(sign.isdigit() for sign in word)}


def test_a_table_with_room_is_one_table():
    made = Table("name", "n", numbers=True)
    made.add_row("a", "1,234")
    assert shown(made) == "name      n\na     1,234\n"


def test_prose_is_folded_at_spaces_and_nothing_else():
    made = Table("name", "figure", "what it means", prose=["what it means"])
    made.add_row("a-name-of-one-word", "0.123–0.456 (95 %)", "so many words that no line has them")
    assert shown(made, width=64).splitlines() == [
        "name                figure              what it means",
        "a-name-of-one-word  0.123–0.456 (95 %)  so many words that no",
        "                                        line has them",
    ]


def test_columns_that_do_not_fit_follow_below_with_the_first():
    made = Table("", *(f"column {n}" for n in range(12)), numbers=True)
    made.add_row("model", *(f"0.{n:03}–0.{n + 1:03}" for n in range(12)))
    text = shown(made)
    assert text.count("model") == 3
    assert [line for line in text.splitlines() if not line] == ["", ""]
    assert len(figures_in(text) - set("0123456789")) == 12 + 2
    assert max(map(len, text.splitlines())) <= 80


def test_what_may_be_missing_is_dropped_before_anything_is_divided():
    made = Table("name", "kept", "last", "first", drop=["first", "last"])
    made.add_row("a" * 20, "b" * 20, "c" * 20, "d" * 20)
    assert "first" not in shown(made)
    assert "last" in shown(made)
    assert "last" not in shown(made, width=60)
    assert "b" * 20 in shown(made, width=60)


def test_a_long_name_stands_over_its_row():
    made = Table("name", "date", "state", over=True)
    made.add_row("n" * 70, "2026-01-02 03:04", "finished")
    assert shown(made).splitlines() == [
        "name", "  date              state", "n" * 70, "  2026-01-02 03:04  finished"
    ]


def test_signs_of_two_cells_are_counted_as_such():
    made = Table("类别", "F1", numbers=True)
    made.add_row("谣言", "0.5")
    made.add_row("ab", "0.25")
    assert [Text(line).cell_len for line in shown(made).splitlines()] == [10, 10, 10]


CELL = st.from_regex(r"[0-9]{1,3}\.[0-9]{3}(–[0-9]\.[0-9]{3})?", fullmatch=True)


@given(
    st.lists(st.lists(CELL, min_size=9, max_size=9), min_size=1, max_size=3),
    st.integers(30, 120), st.text("ab ", max_size=60),
)
def test_no_figure_is_ever_cut_or_folded(rows, width, name):
    made = Table("", *(f"a title of {n}" for n in range(9)), numbers=True)
    for row_ in rows:
        made.add_row(name, *row_)
    text = shown(made, width=width)
    assert {cell for row_ in rows for cell in row_} <= set(text.split())
    assert all(len(line) <= width for line in text.splitlines())


@pytest.fixture
def wide_scores(scores):
    """Seven classes with long names."""
    names = [f"a-rather-long-class-{n}" for n in range(7)]
    rumor = replace(
        scores.rumor, f1=dict.fromkeys(names, 0.123), auroc=0.5,
        confusion={name: dict.fromkeys(names, 12_345) for name in names},
    )
    return replace(scores, rumor=rumor)


def test_scores_of_many_classes_fit(wide_scores):
    parts = score_tables(wide_scores, PROTOCOL)
    text = shown(*parts)
    assert figures_in(shown(*parts, width=400)) == figures_in(text)
    assert max(map(len, text.splitlines())) <= 80


def test_early_detection_fits(wide_scores):
    one = DeadlineScores(
        "1h", 3600.0, None, wide_scores.rumor, wide_scores.intervals, 12_345.6, 12_345.0, 1.0
    )
    parts = early_table(EarlyDetection("test", 80, 0, (one, one), 0.1), PROTOCOL)
    assert figures_in(shown(*parts, width=400)) == figures_in(shown(*parts))


def test_only_what_beats_the_best_trivial_baseline_is_bold(scores):
    text = shown(*score_tables(scores, PROTOCOL), styled=True)
    bold = set(re.findall(r"\x1b\[1m *(\d\.\d+)", text))
    # of the rumor task all, of all links not Hits@1, of the others not Hits@1 either: it is equal
    assert bold == {
        "0.610", "0.520", "0.617", "0.465", "0.466", "0.662", "0.713", "0.128", "0.127", "0.447",
        "0.531",
    }
    plain = shown(*score_tables(scores, PROTOCOL), width=200)
    assert (
        "the model beats the best trivial baseline in accuracy (+0.060, majority guess), "
        "macro F1 (+0.165, majority guess), date-matched AUC (+0.117, majority guess)\n"
    ) in plain
    assert (
        "the model beats the best trivial baseline in MRR (+0.033, source), but not in Hits@1 "
        "(-0.004, source)\n"
    ) in plain
    assert "in MRR (+0.057, source), but not in Hits@1 (+0.000, source)\n" in plain


def test_a_model_that_beats_nothing_has_nothing_bold(scores):
    links = scores.links["all"]
    worse = LinkTable(9, {"model": links.rows["source"], "source": links.rows["model"]})
    worse.rows["model"] = replace(worse.rows["model"], hits1=0.1)
    low = replace(scores.rumor, accuracy=0.55, macro_f1=0.2, auc_date_matched=0.5)
    parts = score_tables(replace(scores, rumor=low, links={"all": worse}), PROTOCOL)
    assert not re.findall(r"\x1b\[1m *\d\.\d+", shown(*parts, styled=True))
    plain = shown(*parts, width=200)
    assert "does not beat the best trivial baseline in accuracy (+0.000, majority guess)" in plain
    assert "does not beat the best trivial baseline in MRR (-0.033, source), Hits@1" in plain


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs, studies, results and a cascade file whose tables are wide."""
    folder = tmp_path_factory.mktemp("place")
    names = ("attention", "alignment", "contrastive", "adversarial", "meta_weight")
    write_run(folder / "runs" / NAME, plugins=names, epochs=40)
    write_run(folder / "runs" / "short", finished=False)
    write_study(folder / "a", [0.0, 0.1, 0.2, 0.1, 0.0, 0.1])
    write_study(folder / "b", [0.1, 0.2, 0.3, 0.2, 0.1, 0.2], plugins=names)
    write(folder / "results.sqlite", [*row("plain", [0.5] * 5), *row("a joint one", [0.6] * 5)])
    write_results(folder / "one.sqlite", folds([0.5, 0.6, 0.55, 0.5, 0.52, 0.57]))
    write_results(folder / "two.sqlite", folds([0.4, 0.5, 0.45, 0.4, 0.43, 0.5]))
    toy_store(folder / "toy.h5")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "show", f"runs/{NAME}"), ("runs", "show", "runs/short"),
        ("runs", "compare", "a", "b"), ("benchmark", "report", "results.sqlite"),
        ("benchmark", "compare", "one.sqlite", "two.sqlite"), ("benchmark", "suites"),
        ("benchmark", "suites", "path"), ("data", "info", "toy.h5"), ("data", "split", "toy.h5"),
        ("data", "features"), ("audit", "toy.h5"), ("plugins", "list"), ("plugins", "presets"),
        ("plugins", "show", "contrastive"), ("train", "toy.h5", "--folds", "all", "--dry-run"),
    ],
    ids=" ".join,
)
def test_every_figure_of_a_verb_is_whole_at_80_columns(arguments, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    texts = []
    for width in ("400", "80"):
        monkeypatch.setenv("COLUMNS", width)
        assert run(list(arguments)) == 0
        texts.append(capsys.readouterr().out)
    wide, narrow = texts
    # what is longer than a line is a path, a digest or the like
    assert {word for word in figures_in(wide) if len(word) < 40} <= figures_in(narrow)
    assert max(map(len, narrow.splitlines())) <= 80


def test_runs_are_listed_by_whole_names_with_date_tasks_data_and_state(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["runs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert NAME in lines
    words = lines[lines.index(NAME) + 1].split()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", " ".join(words[:2]))
    assert words[2:8] == ["both", "small", "finished", "0.500", "0.250", "0.300"]
    assert max(len(line) for line in lines if line != NAME) <= 80
