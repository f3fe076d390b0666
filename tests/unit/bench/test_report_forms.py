"""What stands in a report's tables, and how each form writes it."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest

from benchmark_results import cell, data, failed, row, suite, write
from dgljoint.errors import UsageError
from dgljoint.runs.records import NO_MODEL
from dgljoint_bench.reporting.forms import (
    BEGIN,
    CSV_COLUMNS,
    END,
    between_markers,
    escaped,
    latex,
    markdown,
    to_csv,
    to_values,
)
from dgljoint_bench.reporting.layout import Entry, Grid, compact_grids, grids_of
from dgljoint_bench.reporting.report import SuiteReport, read_report
from dgljoint_bench.results.database import Results

SIX = (0.50, 0.52, 0.54, 0.56, 0.58, 0.60)


def report(path: Path, **chosen) -> SuiteReport:
    with Results(path) as results:
        [found] = read_report(results, **chosen)
    return found


def better(name: str = "joint") -> list:
    """Make six pairs in which one configuration is always the better, by a little more each."""
    return [
        cell(one, place % 3, place // 3, accuracy=value + (one == name) * (0.1 + place / 1000))
        for one in ("plain", name) for place, value in enumerate(SIX)
    ]


def three_folds(**changes):
    tables = [{"data": "small", "folds": [0, 1, 2]}]
    return suite(**{"tables": tables, "seeds": [0, 1], **changes})


def test_the_significant_best_is_bold_and_the_test_named(tmp_path) -> None:
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", better(), three_folds()))))
    # The mean of the six is .55, and of the other six .55 + .1 + .0025.
    assert "| plain | 0.550 ± 0.037 |" in text
    assert "| joint | **0.652 ± 0.039** |" in text
    assert (
        "- What is bold is better than every other configuration: Wilcoxon's signed-rank test over "
        "6 pairs of fold and seed, corrected by Holm for the other configurations, p \\< 0.05." in
        text
    )


def test_with_few_pairs_nothing_is_bold_and_that_is_said(tmp_path) -> None:
    cells = [*row("plain", [0.1, 0.2, 0.3, 0.4, 0.5]), *row("joint", [0.5, 0.6, 0.8, 0.9, 0.97])]
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", cells))))
    assert "- Nothing is bold: a test needs 6 pairs, here it has 5 pairs of fold and seed." in text
    assert "**" not in text
    assert "Fewer than 6 pairs are too few for Wilcoxon's test" in text


def test_no_winner_is_not_for_lack_of_pairs(tmp_path) -> None:
    cells = [
        cell(name, place % 3, place // 3, accuracy=value + (name == "joint") * (-1) ** place / 50)
        for name in ("plain", "joint") for place, value in enumerate(SIX)
    ]
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", cells, three_folds()))))
    assert "- Nothing is bold: no configuration is better than every other: Wilcoxon" in text


def test_a_configuration_that_has_not_run_keeps_all_from_being_bold(tmp_path) -> None:
    made = three_folds(configurations={"plain": {}, "joint": {}, "late": {}})
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", better(), made))))
    assert "- Nothing is bold: of late no cell is done, which could be the best." in text
    assert "**" not in text


@pytest.mark.parametrize("guess", [0.61, 0.99])
def test_a_guess_is_never_bold_and_nothing_is_that_does_not_beat_it(guess, tmp_path) -> None:
    cells = [
        cell(name, place % 3, place // 3, accuracy=value, guesses={"joint": {"accuracy": guess}})
        for name, add in (("plain", 0), ("joint", 0.1))
        for place, value in enumerate(one + add * (1 + place / 9) for place, one in enumerate(SIX))
    ]
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", cells, three_folds()))))
    assert ("| joint | **0.678" in text) == (guess < 0.67)
    assert f"| joint | {guess:.3f}" in text
    beaten = "joint" if guess < 0.67 else "none"
    assert (
        "Better than the best row without a model, which is in brackets: accuracy (joint): "
        f"{beaten}"
    ) in text
    assert ("the best configuration does not beat what needs no model" in text) == (guess > 0.67)


def test_captions_say_how_data_are_cut_and_what_selected(tmp_path) -> None:
    made = three_folds()
    record = data(split="random", kept_apart=None)
    path = write(tmp_path / "r.sqlite", better(), made, [record])
    found = report(path)
    for text in (markdown(grids_of(found)), markdown(compact_grids(found), compact=True)):
        assert "small, 1,200 cascades of 34,567 posts; split random: RANDOM FOLDS; " in text
        assert "folds 0, 1, 2, seeds 0, 1" in text
        assert "epochs and trials were selected on the validation set only." in text
    assert "split event: no event on both sides" in markdown(
        grids_of(report(write(tmp_path / "e.sqlite", better(), made)))
    )


def test_missing_and_failed_cells_are_said(tmp_path) -> None:
    made = suite(configurations={"plain": {}, "joint": {}, "late": {}})
    cells = [*row("plain", [0.5] * 5), *row("joint", [0.4] * 3), failed("joint", 3)]
    found = report(write(tmp_path / "r.sqlite", cells, made))
    text = markdown(grids_of(found))
    assert (
        "- INCOMPLETE, 3 of 5 cells (1 failed, 1 not run): joint; 0 of 5 cells (5 not run): late, "
        "classifiers without a model." in text
    )
    assert "- Failed: small, joint, fold 3, seed 0: a loss is not finite." in text
    assert "| joint | 0.400 ± 0.000 (n = 3) |" in text
    assert "| joint | 3 of 5 |" in text
    short = markdown(compact_grids(found), compact=True)
    assert "INCOMPLETE, 3 of 5 cells (1 failed, 1 not run): joint" in short
    assert "a loss is not finite" not in short


def test_a_table_without_figures_is_a_sentence(tmp_path) -> None:
    found = report(write(tmp_path / "r.sqlite", [failed("plain")]))
    assert "- No cell has a metric yet." in markdown(grids_of(found))
    text = latex(grids_of(found))
    assert text.count(r"\begin{tabular}") == 1  # that of costs
    assert "No cell has a metric yet." in text


def test_published_figures_stand_with_source_and_protocol(tmp_path) -> None:
    made = three_folds(published=[{
        "table": "small", "method": "BiGCN", "figures": {"accuracy": 0.88},
        "protocol": "random folds, stopped on the test fold", "source": "Bian et al. 2020, table 3",
    }])
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", better(), made))))
    assert "| BiGCN, published | 0.880 |" in text
    assert (
        "- BiGCN, published: Bian et al. 2020, table 3. Not run here; comparable only where its "
        "protocol is that of this table: random folds, stopped on the test fold." in text
    )


def test_costs_are_means_over_runs(tmp_path) -> None:
    text = markdown(grids_of(report(write(tmp_path / "r.sqlite", better(), three_folds()))))
    assert "| plain | 6 of 6 | 1 | 10.0 | 20 | 15 | 400 | 1,234 |" in text


def test_rows_that_have_nothing_in_a_table_are_not_in_it(tmp_path) -> None:
    cells = [cell("plain", accuracy=0.5, **{"accuracy@0": 0.4}), cell("joint", mrr=0.3)]
    of = suite(deadlines="0,all", tables=[{"data": "small", "folds": [0]}])
    found = report(write(tmp_path / "r.sqlite", cells, of))
    by_title = {grid.title: grid for grid in (*grids_of(found), *compact_grids(found))}
    for title in ("made: small, early accuracy", "small, early accuracy (suite made)"):
        early = by_title[title]
        assert early.columns == ("source alone",)
        assert early.blocks[0] == (("plain", (Entry("0.400"),)),)
        assert [name for block in early.blocks for name, _ in block] == ["plain"]


def test_ranks_say_what_is_not_told_apart(tmp_path) -> None:
    made = suite(tables=[{"data": name, "folds": [0, 1, 2]} for name in ("small", "large")],
                 configurations={"plain": {}, "joint": {}, "hybrid": {}})
    values = {"plain": 0.3, "joint": 0.5, "hybrid": 0.4}
    cells = [cell(name, fold, table=table, accuracy=value) for table in ("small", "large")
             for fold in range(3) for name, value in values.items()]
    path = write(tmp_path / "r.sqlite", cells, made, [data(), data("large")])
    last = grids_of(report(path))[-1]
    assert last.blocks == ((("plain", (Entry("3.00"),)), ("joint", (Entry("1.00"),)),
                            ("hybrid", (Entry("2.00"),))),)
    # Friedman: exp(-6); Nemenyi: 2.3437 · sqrt(3 · 4 / (6 · 6)) = 1.353.
    assert last.notes == (
        "accuracy: 6 of 6 folds, those that all have; Friedman's test p = 0.002; critical "
        "difference of ranks 1.35 (Nemenyi); not distinguished: {joint, hybrid} and {hybrid, "
        "plain}",
    )


HOSTILE = r"a|b_c*d`e[f]<g>\h%&#~^${}"


def test_markdown_keeps_names_as_they_are() -> None:
    grid = Grid(HOSTILE, "c", ("x",), (((HOSTILE, (Entry("1", bold=True),)),),))
    text = markdown([grid])
    expected = r"a\|b\_c\*d\`e\[f\]\<g\>\\h%&#~^${}"
    assert text.splitlines()[0] == f"### {expected}"
    assert f"| {expected} | **1** |" in text


def test_latex_keeps_names_as_they_are() -> None:
    assert escaped("50% a_b & c#1 {x} $y ~^ \\") == (
        r"50\% a\_b \& c\#1 \{x\} \$y \textasciitilde{}\textasciicircum{} \textbackslash{}"
    )
    assert escaped("0.5 ± 0.1 – <0.001 → ≥") == (
        r"0.5 $\pm$ 0.1 -- $<$0.001 $\rightarrow$ $\geq$"
    )


def test_latex_is_whole(tmp_path) -> None:
    made = three_folds(configurations={"plain": {}, "50% & [all]_x": {}})
    path = write(tmp_path / "r.sqlite", better("50% & [all]_x"), made)
    text = latex(grids_of(report(path)))
    assert text.startswith("% needs \\usepackage{booktabs}\n")
    assert r"50\% \& [all]\_x & \textbf{0.652 $\pm$ 0.039} \\" in text
    for name in ("table", "tabular", "minipage"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    plain = re.sub(r"\\[%&#_{}$]", "", text)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0
    found = re.findall(r"\\begin\{tabular\}\{(.*?)(r+)\}\n(.*?)\\end", plain, re.DOTALL)
    assert len(found) == text.count(r"\begin{tabular}")
    for _, columns, body in found:
        for line in body.splitlines():
            if line.endswith(r"\\"):
                assert line.count("&") == len(columns), line
    labels = re.findall(r"\\label\{(.*)\}", text)
    assert len(set(labels)) == len(labels)


def test_latex_wraps_long_names_and_titles() -> None:
    rows = (("source text, TF-IDF + logistic regression", (Entry("1"),)),)
    text = latex([Grid("t", "c", ("MRR, parent not source",), (rows,))])
    assert r"\begin{tabular}{p{0.24\linewidth}r}" in text
    assert r" & \shortstack[r]{MRR,\\parent not source} \\" in text
    assert r"\raggedright source text, TF-IDF + logistic regression & 1 \\" in text


def test_a_row_that_starts_with_a_bracket_is_no_option_of_the_one_before() -> None:
    rows = (("a", (Entry("1"),)), ("[b]", (Entry("2"),)))
    text = latex([Grid("t", "c", ("x",), (rows,), ("one", "[two]"))])
    assert "{}[b] & 2 \\\\" in text
    assert "\\\\\n[" not in text
    assert "one.\n\n[two]." in text


def test_csv_holds_all_in_full_precision(tmp_path) -> None:
    cells = [*better(), cell(NO_MODEL, 0, guesses={"a text": {"accuracy": 1 / 3}})]
    made = three_folds(published=[{
        "table": "small", "method": "BiGCN", "figures": {"accuracy": 0.88}, "protocol": "random",
        "source": "table 3",
    }])
    found = report(write(tmp_path / "r.sqlite", cells, made))
    table = list(csv.DictReader(StringIO(to_csv([found]))))
    assert tuple(table[0]) == CSV_COLUMNS
    by_row = {(one["kind"], one["row"], one["figure"]): one for one in table}
    text = by_row["classifier", "a text", "accuracy"]
    assert (float(text["mean"]), text["sd"], text["n"], text["asked"]) == (1 / 3, "", "1", "3")
    joint = by_row["configuration", "joint", "accuracy"]
    assert (joint["bold"], joint["reference"], joint["pairs"]) == ("1", "plain", "6")
    assert float(joint["difference"]) == pytest.approx(0.1025)
    assert float(joint["p_holm"]) == pytest.approx(0.03125)
    published = by_row["published", "BiGCN", "accuracy"]
    assert (published["n"], published["published_protocol"]) == ("", "random")
    assert by_row["cost", "plain", "epochs"]["mean"] == "10.0"
    assert by_row["configuration", "plain", "accuracy"]["protocol"] == (
        "split event: no event on both sides"
    )


def test_json_holds_every_value(tmp_path) -> None:
    found = report(write(tmp_path / "r.sqlite", [*better(), failed("plain", 7)], three_folds()))
    [one] = json.loads(json.dumps(to_values([found])))["suites"]
    [table] = one["tables"]
    assert table["data"]["protocol"] == "split event: no event on both sides"
    plain, joint = table["rows"]
    assert plain["figures"]["accuracy"]["values"][1] == {"fold": 0, "seed": 1, "value": 0.56}
    assert joint["figures"]["accuracy"]["bold"]
    assert table["cells"][0]["failures"] == ["small, plain, fold 7, seed 0: a loss is not finite"]
    assert table["differences"][0]["p"] == pytest.approx(0.03125)


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_only_what_is_between_the_markers_changes(tmp_path, line: str) -> None:
    page = tmp_path / "README.md"
    page.write_bytes(f"# x{line}{line}{BEGIN}{line}old{line}{END}{line}rest  ".encode())
    before, after = between_markers(page, "new\nrows\n\n")
    assert before == f"# x{line}{line}{BEGIN}{line}old{line}{END}{line}rest  "
    inside = f"{line}{line}new{line}rows{line}{line}"
    assert after == f"# x{line}{line}{BEGIN}{inside}{END}{line}rest  "
    page.write_bytes(after.encode())
    assert between_markers(page, "new\nrows") == (after, after)


@pytest.mark.parametrize(
    "text", ["# x\n", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{BEGIN}{END}"]
)
def test_pages_without_a_place_are_refused(tmp_path, text: str) -> None:
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(UsageError, match="has no place for results"):
        between_markers(page, "new")


def test_pages_that_cannot_be_read_are_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        between_markers(tmp_path / "none.md", "new")
    (tmp_path / "latin.md").write_bytes(b"\xe9")
    with pytest.raises(UsageError, match="cannot be read"):
        between_markers(tmp_path / "latin.md", "new")


def test_ranks_over_random_folds_say_so(tmp_path) -> None:
    made = suite(tables=[{"data": name, "folds": [0, 1, 2]} for name in ("small", "large")])
    cells = [cell(name, fold, table=where, accuracy=0.5) for name in ("plain", "joint")
             for where in ("small", "large") for fold in range(3)]
    records = [data(), data("large", kept_apart=None)]
    ranks = grids_of(report(write(tmp_path / "r.sqlite", cells, made, records)))[-1]
    assert "tables small, large (split event: RANDOM FOLDS);" in ranks.caption
