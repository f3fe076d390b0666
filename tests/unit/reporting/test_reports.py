"""The report and the model card: what they say, that they need nothing, that text stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dgljoint.errors import DataError, RunFailedError
from dgljoint.reporting.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    line_chart,
    nice_ticks,
)
from dgljoint.reporting.write import write_reports
from stored_runs import Line, manifest, record, write_run

EVIL = "<script>alert('x')</script>"
SAID: list[Line] = [
    ("c1", "true", "true", 0.99, 4, 0.5), ("c2", "true", "false", 0.8, 2, 0.25),
    ("c3", "false", "false", 0.6, 0, 0.0), (EVIL, "false", "true", 0.95, 1, 1.0),
]
VOID = {"meta", "br", "line", "polyline", "circle"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "text"):
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


def written(folder: Path) -> tuple[Page, str]:
    page, card = write_reports(folder)
    assert (page, card) == (folder / "report.html", folder / "model_card.md")
    return Page(page.read_text(encoding="utf-8")), card.read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", said=SAID)
    page, _ = written(folder)
    text = (folder / "report.html").read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert not {tag for tag, _ in page.tags} & {
        "script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image"}
    for tag, attributes in page.tags:
        assert not {"src", "srcset", "style", "xlink:href"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert "href" not in attributes or tag == "a"
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == ["https://arxiv.org/abs/1609.02907"]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def test_what_a_run_says_stays_text(tmp_path: Path) -> None:
    described = manifest()
    described["plugins"][0] |= {
        "name": EVIL, "summary": "<img src=x onerror=alert(1)>",
        "reference": {"authors": EVIL, "year": EVIL, "title": "a | b `c`\n# d",
                      "url": "javascript:alert(1)"},
    }
    described["data"]["name"] = EVIL
    described["packages"] = {EVIL: EVIL}
    described["git"] = EVIL
    folder = write_run(tmp_path / f"a{EVIL.replace('/', '')}", said=SAID, described=described,
                       plugins=(EVIL,))
    scores = json.loads((folder / "scores.json").read_text())
    scores["test"]["rumor"]["f1"] = {EVIL: 0.5, "a|b": 0.1}
    scores["test"]["rumor"]["confusion"] = {EVIL: {EVIL: 1, "a|b": 2}}
    (folder / "scores.json").write_text(json.dumps(scores))
    lines = record(1)
    lines["losses"] = {EVIL: 1.0}
    (folder / "metrics.jsonl").write_text(json.dumps(lines) + "\n")

    page, card = written(folder)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "a"}
    assert page.text.count("alert('x')") > 8
    assert "<" not in card.replace("<https://", "")
    assert "javascript:alert(1)" not in card
    rows = [line for line in card.splitlines() if line.startswith("|")]
    for row in rows:  # a bar in a name does not make a cell
        assert len(re.findall(r"(?<!\\)\|", row)) in (4, 5, 6, 7)
    assert not [line for line in card.splitlines() if line.startswith("# d")]


def test_where_the_data_lie_is_not_told(tmp_path: Path) -> None:
    page, card = written(write_run(tmp_path / "a"))
    assert 'data = "small.h5"' in page.text
    assert "/data" not in page.text
    assert "/data" not in card


def test_a_manifest_of_anything_is_no_crash(tmp_path: Path) -> None:
    odd = {"parts": [], "packages": 1, "data": "x", "split": 2}
    written(write_run(tmp_path / "a", described={"plugins": [{"reference": {"year": []}}], **odd}))
    for number, plugins in enumerate((None, 3, [3, None, {}])):
        folder = write_run(tmp_path / str(number), described={"plugins": plugins, **odd})
        with pytest.raises(DataError, match="plugins is malformed"):
            written(folder)


def test_figures_stand_beside_trivial_guesses(tmp_path: Path) -> None:
    page, card = written(write_run(tmp_path / "a", accuracy=0.625, mrr=0.3125, said=SAID))
    assert "model 0.625 0.312" in page.text
    assert "95% interval over events 0.200–0.800" in page.text
    assert "majority guess 0.550" in page.text
    assert "source 0.450 0.400" in page.text
    assert "The model of epoch 2, chosen on the validation set" in page.text
    assert "| model | 0.625 | 0.312 |" in card
    assert "| 95% interval over events | 0.200–0.800 |" in card
    assert "| majority guess | 0.550 |" in card
    assert "| source | 0.450 | 0.400 |" in card
    for words in ("train 24, validation 8, test 8", "torch 2.13.0", "gcn", "d1", "1,234"):
        assert words in page.text
        assert words in card


def test_bold_is_what_beats_the_best_trivial_baseline_and_a_line_says_so(tmp_path: Path) -> None:
    write_reports(write_run(tmp_path / "a", accuracy=0.75, mrr=0.3))
    page = (tmp_path / "a" / "report.html").read_text()
    better = re.findall(r'<td class="better">([\d.]+)', page)
    # accuracy, macro F1 and AUROC of the test set; no metric of the links
    assert better[:3] == ["0.750", "0.375", "0.600"]
    assert "0.300" not in better
    card = (tmp_path / "a" / "model_card.md").read_text()
    for text in (" ".join(page.split()), " ".join(card.split())):
        assert "the model beats the best trivial baseline in accuracy (+0.200, majority" in text
        assert "the model does not beat the best trivial baseline in MRR (-0.150, source)" in text


def test_what_is_taken_for_what_and_how_sure(tmp_path: Path) -> None:
    page, card = written(write_run(tmp_path / "a", said=SAID))
    assert "truly true 3 1 truly false 4 0" in page.text
    assert "| truly true | 3 | 1 |\n| truly false | 4 | 0 |" in card
    assert "with temperature 1.500, fitted on the validation set 0.210 0.900 0.500" in page.text
    assert "2 of 2 cascades of the test set whose class was predicted wrongly" in page.text
    wrong = page.text.split("Wrong with most confidence")[1].split("Course of")[0]
    # the surest first, those that were right not at all, nor those of the validation part
    assert wrong.index(f"{EVIL} event of {EVIL} false true 0.950 7") < wrong.index(
        "c2 event of c2 true false 0.800 7")
    assert not {"c1", "c3", "other"} & set(wrong.split())


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"kept_apart": "event", "ordered_by": ""}, "no event on both sides"),
        ({"kept_apart": None, "ordered_by": ""}, "RANDOM FOLDS"),
        ({"kept_apart": None, "ordered_by": "time"}, "EVENTS NOT KEPT APART"),
        ({}, "not on record whether events are kept apart"),
    ],
)
def test_both_say_what_keeps_the_parts_apart(
    tmp_path: Path, split: dict[str, str | None], said: str
) -> None:
    folder = write_run(tmp_path / "a", described={"split": split})
    page, card = written(folder)
    assert said in page.text
    assert said in card
    warned = [attributes for _, attributes in page.tags if attributes.get("class") == "warning"]
    fair = said.startswith("no event")
    assert len(warned) == (not fair)
    assert ("of some that training did not see" in " ".join(card.split())) == fair


def test_the_card_has_the_headings_of_mitchell_and_others(tmp_path: Path) -> None:
    _, card = written(write_run(tmp_path / "a"))
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
        "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
    ]
    assert "One fold and one seed are one draw" in card


def test_curves_of_losses_weights_figures_and_cosine_are_drawn(tmp_path: Path) -> None:
    page, _ = written(write_run(tmp_path / "a", epochs=4))
    drawn = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert drawn == [
        "Losses, means over the steps of an epoch", "Weights of the losses",
        "Metrics of the validation set", "Cosine of the tasks' gradients on the shared parameters",
    ]
    lines = [attributes["points"] or "" for tag, attributes in page.tags if tag == "polyline"]
    assert len(lines) == 2 + 2 + 3 + 1
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.split()]
        assert len(points) == 4
        assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in points)


def test_a_run_that_has_not_ended_gets_a_report_of_its_epochs(tmp_path: Path) -> None:
    page, card = written(write_run(tmp_path / "a", finished=False))
    assert "its test set has not been read" in page.text
    assert "there are no final metrics" in card
    assert [tag for tag, _ in page.tags if tag == "svg"]
    page, _ = written(write_run(tmp_path / "b", finished=False, epochs=0))
    assert "No epoch has ended yet." in page.text


def test_a_run_of_one_task_and_without_predictions_has_a_report(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", "train.tasks=cascade", epochs=1)
    scores = json.loads((folder / "scores.json").read_text())
    for part in scores.values():
        part |= {"rumor": None, "calibration": None, "tasks": ["cascade"]}
    (folder / "scores.json").write_text(json.dumps(scores))
    page, card = written(folder)
    assert "rumor detection, " not in page.text
    assert "Wrong with most confidence" not in page.text
    assert "not checked for calibration" in card
    assert [tag for tag, _ in page.tags if tag == "circle"]


def test_what_cannot_be_read_or_written_is_said_and_leaves_nothing_half(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run folder"):
        write_reports(tmp_path)
    folder = write_run(tmp_path / "a", said=SAID)
    (folder / "scores.json").write_text('{"test": {"part": "test"}}')
    with pytest.raises(DataError, match=r"scores.json is not readable \(test"):
        write_reports(folder)
    assert not list(folder.glob("*.html"))
    blocked = write_run(tmp_path / "b")
    (blocked / "report.html").mkdir()
    with pytest.raises(RunFailedError, match="cannot write"):
        write_reports(blocked)
    assert not list(blocked.glob(".*"))


def test_lines_go_from_left_to_right_and_up() -> None:
    chart = line_chart("x", {"a": [(1, 0.0), (2, 10.0), (3, 5.0)], "none": []}, marked=2)
    assert chart is not None
    (line,) = chart.lines
    assert [x for x, _ in line.points] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    assert [y for _, y in line.points] == [HEIGHT - BOTTOM, TOP, (TOP + HEIGHT - BOTTOM) / 2]
    assert chart.marked == line.points[1][0]
    assert [tick.label for tick in chart.up] == ["0", "2", "4", "6", "8", "10"]
    assert [tick.label for tick in chart.across] == ["1", "2", "3"]
    assert line_chart("x", {"a": []}) is None


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.2, 0.03), (3.2, 3.3), (0, 0), (5, 5), (-1e-9, 1e-9), (1, 1e6)]
)
def test_ticks_are_few_round_and_around_the_values(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low <= high <= ticks[-1]
    assert ticks == sorted(set(ticks))
