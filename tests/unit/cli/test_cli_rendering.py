"""Tables and progress, made from values."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from dgljoint.data.reading import ReadReport
from dgljoint.evaluation.scores import Scores
from dgljoint.runs.stored import Protocol
from dgljoint.training import EpochRecord
from dgljoint.training.lines import LineProgress
from dgljoint.training.run import Plan, PlannedComponent
from dgljoint_cli.console import Talk
from dgljoint_cli.progress import BarWatch, LineWatch, watching, watching_build
from dgljoint_cli.views.evaluation_tables import score_tables, scores_to_dict
from dgljoint_cli.views.holdings import summary_tables
from dgljoint_cli.views.rendering import plan_tree, render
from dgljoint_data import BuildSummary
from dgljoint_data.audit.outcome import Finding, Severity
from dgljoint_data.build import Repeated, Shared
from dgljoint_data.describe import TargetInfo

RECORD = EpochRecord(
    epoch=2, losses={"cascade": 2.1, "rumor": 1.25}, weights={"cascade": 0.4, "rumor": 0.6},
    diagnostics={"gradient_cosine": 0.1},
    validation={"score": 0.5}, learning_rate=1e-3, gradient_norm=0.7, best=True, seconds=1.5,
)


def text_of(renderables, capsys) -> str:
    render(*renderables)
    return capsys.readouterr().out


def test_score_tables_stand_beside_trivial_guesses_under_their_protocol(scores, capsys):
    text = text_of(score_tables(scores, Protocol("t15", "event", 2, "event")), capsys)
    titles = [line for line in text.splitlines() if "·" in line]
    assert titles == [
        "rumor detection, 80 cascades · test set of t15, split event, fold 2: "
        "no event on both sides",
        "links, 491 targets: all · test set of t15, split event, fold 2: no event on both sides",
        "links, 300 targets: parent is not the source · test set of t15, split event, fold 2: "
        "no event on both sides",
    ]
    rows = [line.split() for line in text.splitlines()]
    assert ["model", "0.610", "0.520", "–", "0.617"] in rows
    assert ["majority", "guess", "0.550", "0.355", "0.500", "0.500"] in rows
    assert ["true|false", "0.617", "12,345", "0.750", "1,234,567"] in rows
    assert ["true", "0.700", "44"] in rows
    assert ["false", "0.340", "36"] in rows
    assert ["source", "0.432", "0.389", "0.389", "0.527", "0.682"] in rows


def test_intervals_stand_below_the_models_figures(scores, capsys):
    text = text_of(score_tables(scores, Protocol("t15", "event", 2, "event")), capsys)
    lines = text.splitlines()
    rows = [line.split() for line in lines]
    assert ["95%", "interval", "over", "events", "0.500–0.712", "0.410–0.630"] in rows
    assert ["95%", "interval", "over", "events", "0.420–0.510", "0.330–0.430"] in rows
    assert ["95%", "interval", "over", "events", "0.100–0.150"] in rows, "Hits@1 has none there"
    for place, row in enumerate(rows):
        if row[:1] == ["95%"]:
            assert rows[place - 1][0] == "model"
            assert lines[place].index("–") < lines[place - 1].rindex(".")
    bare = text_of(
        score_tables(replace(scores, intervals=None), Protocol("t15", "event", 2, "event")), capsys
    )
    assert "interval" not in bare


def test_the_scores_fit_80_columns_without_a_cut_number(scores, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = text_of(score_tables(scores, Protocol("t15", "event", 2, "event")), capsys)
    table = text[text.index("date-matched AUC"): text.index("the model beats")]
    assert max(map(len, table.splitlines())) <= 80
    for number in ("0.610", "0.617", "0.500–0.712", "0.410–0.630", "12,345", "1,234,567"):
        assert number in text.split(), number


def test_intervals_of_an_earlier_version_are_over_cascades(scores, capsys):
    older = replace(scores, intervals=replace(scores.intervals, events=None))
    text = text_of(score_tables(older, Protocol("t15", "event", 2, "event")), capsys)
    assert "95% interval over cascades" in text


def test_cascades_are_counted_by_class(scores, capsys):
    text = text_of(score_tables(scores, Protocol("t15", "event", 2, "event")), capsys)
    rows = [line.split() for line in text.splitlines()]
    assert ["predicted", "true", "predicted", "false"] in rows
    assert ["truly", "true", "40", "4"] in rows
    assert ["truly", "false", "27", "9"] in rows
    names = [f"c{number}" for number in range(9)]
    many = replace(scores.rumor, confusion={name: dict.fromkeys(names, 1) for name in names})
    shown = score_tables(replace(scores, rumor=many), Protocol("t15", "event", 2, "event"))
    assert "truly" not in text_of(shown, capsys)


@pytest.mark.parametrize(
    ("part", "where"), [("test", "the validation set"), ("validation", "this set itself")]
)
def test_calibration_says_where_the_temperature_comes_from(scores, capsys, part, where):
    protocol = Protocol("t15", "event", 2, "event")
    text = text_of(score_tables(replace(scores, part=part), protocol), capsys)
    assert re.search(r"as predicted +0\.210 +1\.400 +0\.600\n", text)
    assert re.search(
        rf"with temperature 2\.345, fitted on {where} +0\.050 +0\.900 +0\.500\n", text
    )
    raw = replace(scores, calibration=replace(scores.calibration, temperature=None, scaled=None))
    text = text_of(score_tables(raw, protocol), capsys)
    assert "as predicted" in text
    assert "with temperature" not in text


def test_random_folds_are_labelled_in_every_title(scores, capsys):
    text = text_of(score_tables(scores, Protocol("t15", "random", 0, None)), capsys)
    titles = [line for line in text.splitlines() if "·" in line]
    assert len(titles) == 3
    assert all(title.endswith("RANDOM FOLDS") for title in titles)


def test_a_part_without_link_targets_says_so(scores, capsys):
    alone = Scores("test", scores.rumor, {}, 0.0)
    text = text_of(score_tables(alone, Protocol("t15", "published", 0, None)), capsys)
    assert "rumor detection, 80 cascades" in text
    assert "links: no targets in the test set of t15, split published, fold 0: RANDOM FOLDS" in (
        " ".join(text.split())
    )


def test_the_views_are_compared_in_a_line(scores, capsys):
    text = text_of(score_tables(scores, Protocol("t15", "event", 0, "event")), capsys)
    assert "the tasks' views of 80 cascades: linear CKA 0.430, mean cosine -0.120" in text
    flat = replace(scores, views=replace(scores.views, cka=None))
    assert "linear CKA –, mean" in text_of(
        score_tables(flat, Protocol("t15", "event", 0, "event")), capsys
    )


def test_a_task_that_was_not_trained_is_said_to_be_missing(scores, capsys):
    protocol = Protocol("t15", "event", 0, "event")
    alone = replace(scores, links={}, views=None, tasks=("rumor",))
    text = text_of(score_tables(alone, protocol), capsys)
    assert "the rumor task alone was trained" in text
    assert "no targets" not in text
    alone = replace(scores, rumor=None, views=None, tasks=("cascade",))
    assert "the cascade task alone was trained" in text_of(score_tables(alone, protocol), capsys)


def test_nothing_to_score_says_so(capsys):
    empty = Scores("test", None, {}, 0.0)
    assert "nothing to score" in text_of(
        score_tables(empty, Protocol("t15", "event", 0, "event")), capsys
    )


def test_scores_as_values_carry_their_protocol(scores):
    values = scores_to_dict(scores, Protocol("t15", "random", 1, None))
    assert (values["split"], values["fold"], values["disjoint"]) == ("random", 1, None)
    assert values["rumor"]["majority"] == 0.55


def test_plan_is_a_tree_of_everything_the_run_will_do(capsys):
    plan = Plan(
        data={"name": "t15", "labels": ("true", "false"), "features": {"bow": 1062}},
        split={"name": "event", "fold": 0},
        parts={"train": 10, "meta": 0, "validation": 3, "test": 4},
        components=(PlannedComponent("encoder", "gcn", "convolves [x]", {"layers": 2}),),
        losses=("cascade", "rumor"),
        parameters=12345,
        steps=7,
        settings={"train": {"epochs": 3}},
        notes=("one class has few",),
    )
    text = text_of([plan_tree(plan)], capsys)
    for part in ("t15: 12,345 parameters, 7 steps per epoch", "labels = true, false",
                 "features = bow 1062", "encoder gcn: convolves [x]", "layers = 2",
                 "losses: cascade, rumor", "epochs = 3", "note: one class has few"):
        assert part in text


def test_summary_of_a_build_shows_repairs_and_refusals_with_examples(capsys):
    report = ReadReport()
    report.count("edge_lines", 12345)
    for number in range(5):
        report.repair("duplicate edge", f"tree {number}.txt line 7", 2)
    report.refuse("label without a tree", "thread 99")
    report.note("no event column: every cascade is an event of its own")
    spread = {"min": 1.0, "median": 9.0, "mean": 10.0, "max": 20.5}
    shared = Finding("threads in both stores", Severity.warning, "3 of 4", "seen in t16")
    summary = BuildSummary(
        path=Path("out.h5"), name="t15", reader="twitter15", digest="abc", raw_digest="def",
        cascades=4, posts=40, edges=36, events=4, labels={"true": 1, "false": 2}, unlabelled=1,
        posts_with_text=4, shape=dict.fromkeys(("posts", "depth", "hours", "median_hours"), spread),
        equal_texts=Repeated(0, 0), similar_texts=Repeated(1, 3),
        shared=[Shared(Path("t16.h5"), "t16", [shared])],
        features={"bow": "sparse, 1,000 columns"}, splits={"event": 5},
        targets={"stance": TargetInfo("post", {"deny": 7, "query": 1_200}, 3)},
        splits_refused={"time": "no cascade has a date"},
        size_bytes=2_000_000, seconds=1.0, report=report,
    )
    text = text_of(summary_tables(summary, Path("left_out.json")), capsys)
    rows = [line.split() for line in text.splitlines()]
    assert ["false", "2", "50.0%"] in rows
    assert ["none", "1", "25.0%"] in rows
    assert ["edge", "lines", "12,345"] in rows
    assert "target stance  per post: 7 deny, 1,200 query; 3 none" in text
    assert "duplicate edge" in text
    assert "tree 2.txt line 7" in text
    assert "thread 99" in text
    assert "1 that were left out, by line: left_out.json" in text
    assert ["median", "hours", "1", "9", "10", "20.5"] in rows
    assert ["nearly", "the", "same", "words", "1", "3"] in [row[-6:] for row in rows]
    assert "shared with t16 · t16.h5" in text
    assert "threads in both stores  3 of 4  seen in t16" in text.replace("\n", " ")
    assert "note: no event column" in text
    assert "note: no split 'time': no cascade has a date" in text


@pytest.mark.parametrize(("talk", "lines"), [(Talk(), 1), (Talk(verbose=True), 2)])
def test_without_a_terminal_an_epoch_is_a_plain_line(capsys, talk, lines):
    with watching(talk) as progress:
        assert isinstance(progress, LineProgress)
        progress.start(epochs=3, steps=5, resumed_from=0)
        progress.step(2, 1, {"cascade": 2.2})
        progress.epoch(RECORD)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == lines
    assert captured.err.startswith("epoch 2/3  loss cascade 2.100 rumor 1.250  ")
    assert "selected" in captured.err
    detail = "  learning rate 1.00e-03, gradient norm 0.7, gradient_cosine 0.100"
    assert captured.err.splitlines()[1:] == [detail] * (lines - 1)


def test_a_build_without_a_terminal_says_a_line_now_and_then(capsys):
    with watching_build(Talk()) as watch:
        assert isinstance(watch, LineWatch)
        watch.begin(4)
        watch.part()
        watch.cascade(30)
        assert capsys.readouterr().err == ""
        watch.show()
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"read: 1 cascades, 30 posts, [\d,]+ posts/s \(25%\)\n", err)


def test_a_build_on_a_terminal_shows_its_rate_and_the_time_left():
    screen = StringIO()
    watch = BarWatch(Console(file=screen, force_terminal=True, width=120, markup=False))
    with watch.bar:
        watch.begin(4)
        for _ in range(3):
            watch.part()
            watch.cascade(1000)
        watch.show()
        watch.bar.refresh()
        assert watch.bar.tasks[0].percentage == 75
        watch.finish()
    text = screen.getvalue()
    assert "reading" in text
    assert "3 cascades, 3,000 posts" in text
    assert "posts/s" in text
    assert "left" in text
    assert "writing" in text


def test_quiet_progress_is_silent(capsys):
    with watching_build(Talk(quiet=True)) as watch:
        watch.begin(1)
        watch.finish()
    with watching(Talk(quiet=True)) as progress:
        progress.start(epochs=3, steps=5, resumed_from=1)
        progress.epoch(RECORD)
        progress.message("hello")
    assert capsys.readouterr().err == ""
