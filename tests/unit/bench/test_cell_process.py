"""What a cell comes to: the figures are those of its run, tested where the suite says."""

from __future__ import annotations

from pathlib import Path

import pytest

import dgljoint
from dgljoint.plugins.registry import installed_registry
from dgljoint.training.study_summary import model_figures
from dgljoint_bench.running import cell_process
from dgljoint_bench.running.job import Job
from dgljoint_bench.running.plan import plan_suite
from suites import TINY, suite_of
from toys import toy_store

DEADLINES = ("0", "1h", "all")


def job_of(folder: Path, more: str = "") -> Job:
    """Plan the cell of a suite with deadlines; ``other`` shares 40 of its 64 cascades."""
    files = {"toy": folder / "toy.h5", "other": folder / "other.h5"}
    toy_store(files["toy"], cascades=40)
    toy_store(files["other"], cascades=64, seed=1)
    table = TINY.replace("folds = [0, 1]", f"folds = [0]\n{more}")
    suite = suite_of(folder, f'deadlines = "{",".join(DEADLINES)}"\n{table}')
    plan = plan_suite(suite, files, folder / "out", installed_registry(), configurations=["joint"])
    return plan.cells[0].job


@pytest.mark.parametrize("other", ["", "other.h5"])
def test_figures_and_early_detection_are_of_what_is_tested_on(tmp_path: Path, other: str) -> None:
    job = job_of(tmp_path, 'test_on = "other"' if other else "")
    found = cell_process._train(job)["figures"]["model"]
    run = job.path / "trial0"
    if other:
        whole = dgljoint.evaluate_transfer(run, tmp_path / other).scores
        early = dgljoint.evaluate_transfer_early(
            run, tmp_path / other, deadlines=",".join(DEADLINES)
        ).scores
        assert whole.rumor is not None
        assert whole.rumor.cascades == 24
    else:
        whole = dgljoint.evaluate(run)
        early = dgljoint.evaluate_early(run, part="test", deadlines=",".join(DEADLINES))
    said = {name: value for name, value in found.items() if "@" not in name}
    assert said == model_figures(whole)
    assert {name: found[f"accuracy@{name}"] for name in DEADLINES} == {
        one.deadline: one.rumor.accuracy for one in early.deadlines
    }
    assert [f"macro_f1@{name}" in found for name in DEADLINES] == [True] * 3
