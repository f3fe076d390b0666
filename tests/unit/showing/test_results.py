"""What results show of themselves: figures beside trivial baselines, within 80 columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgljoint._internal.tables import WIDTH, Shown, cells
from dgljoint.evaluation.loaded_run import Run
from dgljoint.evaluation.predicting import PooledViews
from dgljoint.evaluation.scores import DeadlineScores, EarlyDetection
from dgljoint.runs.records import Key, RunRecord
from dgljoint.runs.stored import Protocol
from dgljoint.runs.summary import Spread, StudySummary, over_runs, rows_of
from dgljoint.training.run import Plan, PlannedComponent, RunResult
from dgljoint.training.scoring import Transfer
from stored_runs import scores, write_run
from toys import toy_store


def early() -> EarlyDetection:
    rumor = scores("test").rumor
    assert rumor is not None
    row = DeadlineScores("1h", 3600.0, None, rumor, None, 3.25, 2.0, 0.5)
    return EarlyDetection("test", 8, 2, (row, replace(row, deadline="all")), 0.1)


def study() -> StudySummary:
    return StudySummary(
        Protocol("small", "event", 0, "event"), (0, 1), (0,),
        (
            RunRecord(Key("", "", "gcn", 0, 0), "", "done"),
            RunRecord(Key("", "", "gcn", 1, 0), "", "failed", message="it broke"),
        ),
        over_runs((0, rows_of(scores("test", accuracy))) for accuracy in (0.5, 0.7)),
    )


def plan() -> Plan:
    return Plan(
        {"name": "small"}, {"name": "event", "fold": 2}, {"train": 24, "test": 8},
        (PlannedComponent("encoder", "gcn", "", {}),), ("cascade", "rumor"), 1234, 5, {},
        ("no class b",),
    )


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Shown]:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "mine", plugins=("contrastive",))
    return {
        "scores": scores("test"),
        "result": RunResult(
            Path("runs/mine"), 3, scores("validation", 0.6), scores("test"), ("no class b",)
        ),
        "early": early(),
        "study": study(),
        "transfer": Transfer(scores("test"), "other", "small", 8, {"train": 3}, ("hashed words",)),
        "plan": plan(),
        "run": Run(Path("mine")),
        "store": toy_store(Path("toy.h5"), cascades=8),
        "views": PooledViews(("a", "b"), np.zeros((2, 4)), np.zeros((2, 4))),
    }


def test_every_result_is_a_short_table_and_html(shown: dict[str, Shown]) -> None:
    for name, one in shown.items():
        lines = repr(one).split("\n")
        assert 1 < len(lines) <= 40, name
        assert all(cells(line) <= WIDTH for line in lines), name
        html = one._repr_html_()
        assert html.startswith("<div>"), name
        assert html.count("<table>") == html.count("</table>") > 0, name


def test_scores_show_the_model_beside_trivial_baselines() -> None:
    assert repr(scores("test")) == """\
Scores on the test set

rumor, 8 cascades            accuracy  macro F1  AUROC  date-matched AUC
model                           0.500     0.250  0.600             0.580
95% interval over events  0.200–0.800
majority guess                  0.550     0.355  0.500             0.500

class     F1  cascades
true   0.500         4
false  0.100         4

40 links, all    MRR  Hits@1  Hits@3  Hits@10    AUC
model          0.300   0.150   0.300    0.300  0.600
source         0.450   0.400   0.450    0.500  0.600

10 links, parent is not the source    MRR  Hits@1  Hits@3  Hits@10    AUC
model                               0.300   0.150   0.300    0.300  0.600
source                              0.450   0.400   0.450    0.500  0.600

rumor: the model beats the best trivial baseline in date-matched AUC (+0.080,
majority guess), but not in accuracy (-0.050, majority guess), macro F1 (-0.105,
majority guess)
links, all: the model does not beat the best trivial baseline in MRR (-0.150,
source), Hits@1 (-0.250, source)
links, parent is not the source: the model does not beat the best trivial
baseline in MRR (-0.150, source), Hits@1 (-0.250, source)"""


def test_a_result_shows_both_sets(shown: dict[str, Shown]) -> None:
    assert repr(shown["result"]) == """\
Run runs/mine: epoch 3, chosen on the validation set

                       accuracy  macro F1  date-matched AUC    MRR  Hits@1
model, validation set     0.600     0.300             0.580  0.300   0.150
model, test set           0.500     0.250             0.580  0.300   0.150
majority guess            0.550     0.355             0.500      –       –
parent: source                –         –                 –  0.450   0.400

the trivial baselines are those of the test set
no class b
the model beats the best trivial baseline in date-matched AUC (+0.080, majority
guess), but not in accuracy (-0.050, majority guess), macro F1 (-0.105, majority
guess)
the model does not beat the best trivial baseline in MRR (-0.150, source),
Hits@1 (-0.250, source)"""


def test_a_run_shows_how_it_is_and_never_raises(shown: dict[str, Shown]) -> None:
    text = repr(shown["run"])
    assert text.startswith("Run mine\n\nstate    finished\ndata     small\n")
    assert "plugins  contrastive\nepochs   3 of at most 60, epoch 2 chosen" in text
    assert "model        0.500     0.250  0.300" in text
    Path("mine/scores.json").write_text("{")
    assert "state    broken: scores.json is not readable" in repr(shown["run"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("early", "1h                  3.2            50%     0.500     0.250     0.550"),
        ("early", "2 cascades without times: only the source is seen"),
        ("study", "model           0.600 ± 0.141"),
        ("study", "not in the table: fold 1, seed 0 (failed)"),
        ("transfer", "Trained on small, scored on 8 cascades of other"),
        ("transfer", "EVENTS NOT KEPT APART"),
        ("transfer", "doubtful: hashed words"),
        ("plan", "components       encoder gcn"),
        ("plan", "no class b"),
        ("store", "cascades  8"),
        ("views", "rumor    (2, 4)"),
    ],
)
def test_what_must_be_known_to_read_figures_is_shown(
    shown: dict[str, Shown], name: str, said: str
) -> None:
    assert said in repr(shown[name])


def test_a_task_that_was_not_trained_is_not_shown() -> None:
    rumor_alone = replace(scores("test"), links={}, tasks=("rumor",))
    assert "MRR" not in repr(replace(rumor_alone, intervals=None))
    nothing: dict[str, Any] = {"rumor": None, "intervals": None}
    assert repr(replace(rumor_alone, **nothing)).endswith("nothing was scored")


def test_a_spread_is_a_mean_with_its_standard_deviation() -> None:
    assert (str(Spread(0.5, 0.25, 3)), str(Spread(0.5, None, 1))) == ("0.500 ± 0.250", "0.500")
