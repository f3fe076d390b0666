"""Rows of a report, their means and comparisons, against figures worked out by hand."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark_results import cell, data, failed, row, suite, write
from dgljoint.errors import DataError, UsageError
from dgljoint.runs.records import NO_MODEL, Trial
from dgljoint_bench.reporting.forms import to_values
from dgljoint_bench.reporting.layout import grids_of, table_notes
from dgljoint_bench.reporting.report import SuiteReport, TableReport, read_report
from dgljoint_bench.reporting.rows import NO_MODELS
from dgljoint_bench.reporting.statistics import signed_rank
from dgljoint_bench.results.database import Results
from dgljoint_bench.suites.suite import Suite

SEEDS = suite(seeds=[0, 1])


def report(path: Path, **chosen) -> list[SuiteReport]:
    with Results(path) as results:
        return read_report(results, **chosen)


def table(tmp_path: Path, cells, of: Suite | None = None, **chosen) -> TableReport:
    [one] = report(write(tmp_path / "r.sqlite", cells, of), **chosen)
    return one.tables[0]


def both(first, second, figure: str = "accuracy"):
    """Make cells of two configurations on five folds and two seeds."""
    return [
        cell(name, fold, seed, **{figure: value})
        for name, values in (("plain", first), ("joint", second))
        for (fold, seed), value in zip(
            ((fold, seed) for fold in range(5) for seed in range(2)), values, strict=True
        )
    ]


def test_mean_and_deviation_are_over_folds_and_seeds(tmp_path) -> None:
    found = table(tmp_path, [cell("plain", f, s, accuracy=v) for f, s, v in
                             ((0, 0, 0.4), (0, 1, 0.5), (1, 0, 0.6), (1, 1, 0.7))], SEEDS)
    spread = found.cells.rows[0].figures["accuracy"]
    assert spread.mean == pytest.approx(0.55)
    # Squares of .15 and .05, twice each, are .05; by 3.
    assert spread.sd == pytest.approx((0.05 / 3) ** 0.5)
    assert spread.n == 4


def test_guesses_and_classifiers_count_once_a_fold(tmp_path) -> None:
    cells = [
        cell(name, fold, seed, accuracy=0.5, guesses={"majority guess": {"accuracy": 0.2 + fold}})
        for name in ("plain", "joint") for fold in (0, 1) for seed in (0, 1)
    ]
    # A single task lacks the guesses of the other one; another cell of the fold has them.
    cells[0] = cell("plain", 0, 0, mrr=0.1, guesses={"parent: source": {"mrr": 0.3}})
    cells += [cell(NO_MODEL, f, guesses={"a text": {"accuracy": 0.6 + f / 10}}) for f in (0, 1)]
    rows = {one.name: one for one in table(tmp_path, cells, SEEDS).cells.rows}
    assert list(rows) == ["plain", "joint", "a text", "majority guess", "parent: source"]
    assert [one.kind for one in rows.values()] == [
        "configuration", "configuration", "classifier", "guess", "guess"
    ]
    guess = rows["majority guess"].figures["accuracy"]
    assert (guess.mean, guess.n) == (pytest.approx(0.7), 2)
    assert rows["a text"].figures["accuracy"].sd == pytest.approx(0.1 / 2**0.5)
    assert rows["parent: source"].figures["mrr"].n == 1


def test_failed_and_missing_cells_are_told_apart(tmp_path) -> None:
    done = [*row("plain", [0.5] * 5), *row("joint", [0.5] * 3)]
    found = table(tmp_path, [*done, failed("joint", 3)])
    plain, joint, bare = found.cells.progress
    assert (plain.asked, plain.done, plain.missing, plain.failures) == (5, 5, 0, ())
    assert (joint.asked, joint.done, joint.missing) == (5, 3, 1)
    assert joint.failures == ("small, joint, fold 3, seed 0: a loss is not finite",)
    assert (bare.name, bare.asked, bare.done) == (NO_MODELS, 5, 0)


def test_guesses_that_differ_within_a_fold_are_averaged(tmp_path) -> None:
    cells = [
        cell(name, 0, accuracy=0.5, guesses={"majority guess": {"accuracy": value}})
        for name, value in (("plain", 0.2), ("joint", 0.3))
    ]
    (guess,) = (one for one in table(tmp_path, cells).cells.rows if one.kind == "guess")
    assert guess.values["accuracy"] == {(0, 0): pytest.approx(0.25)}


def test_versions_of_which_cells_have_several_are_told(tmp_path) -> None:
    cells = [
        replace(cell(name, fold, accuracy=0.5), versions={"python": "3.11", "torch": torch})
        for name, fold, torch in (("plain", 0, "2.13"), ("plain", 1, "2.14"), ("joint", 0, "2.13"))
    ]
    found = table(tmp_path, cells)
    assert found.cells.versions == {"torch": ("2.13", "2.14")}
    note = "Cells were run with several versions: torch 2.13, 2.14"
    assert note in table_notes(found, found.figures)


def test_folds_and_seeds_beyond_the_suite_are_in_the_table(tmp_path) -> None:
    found = table(tmp_path, [*row("plain", [0.5] * 5), cell("joint", 7, 3, accuracy=0.4)])
    assert (found.cells.folds, found.cells.seeds) == ((0, 1, 2, 3, 4, 7), (0, 3))
    assert [one.asked for one in found.cells.progress] == [12, 12, 6]


def test_the_seed_of_what_has_no_model_is_none_of_the_suite(tmp_path) -> None:
    cells = [cell("plain", 0, 3, accuracy=0.5), cell(NO_MODEL, 0, 0, guesses={"a": {"mrr": 0.1}})]
    assert table(tmp_path, cells, suite(seeds=[3])).cells.seeds == (3,)


def test_where_all_folds_are_asked_for_those_of_the_split_count(tmp_path) -> None:
    made = suite(tables=[{"data": "small"}])
    found = table(tmp_path, [*row("plain", [0.5] * 3), cell("joint", 1, accuracy=0.4)], made)
    assert found.cells.folds == (0, 1, 2, 3, 4)
    assert [one.missing for one in found.cells.progress] == [2, 4, 5]


def test_cells_of_configurations_that_are_gone_are_counted(tmp_path) -> None:
    made = suite(tables=[{"data": "small", "folds": [0], "without": ["joint"]}])
    cells = [cell(name, accuracy=0.5) for name in ("plain", "joint", "old")]
    found = table(tmp_path, cells, made)
    assert found.cells.stray == 2
    assert [one.name for one in found.cells.rows] == ["plain"]


FIRST = [0.50, 0.52, 0.54, 0.56, 0.58, 0.60, 0.62, 0.64, 0.66, 0.68]


def test_the_best_that_beats_all_others_is_significant(tmp_path) -> None:
    # All ten pairs agree and differ in size: p = 2 / 2¹⁰.
    second = [value + 0.01 + place / 1000 for place, value in enumerate(FIRST)]
    found = table(tmp_path, both(FIRST, second), SEEDS).best["accuracy"]
    assert (found.configuration, found.pairs, found.significant) == ("joint", (10,), True)
    assert found.p == pytest.approx(2 / 2**10)


def test_the_best_by_chance_is_not_significant(tmp_path) -> None:
    second = [value + (0.03 if place % 2 else -0.02) for place, value in enumerate(FIRST)]
    found = table(tmp_path, both(FIRST, second), SEEDS).best["accuracy"]
    assert (found.configuration, found.significant) == ("joint", False)


def test_five_pairs_are_never_significant(tmp_path) -> None:
    found = table(tmp_path, [*row("plain", [0.1, 0.2, 0.3, 0.4, 0.5]),
                             *row("joint", [0.5, 0.6, 0.8, 0.9, 0.97])]).best["accuracy"]
    assert (found.pairs, found.p, found.significant) == ((5,), None, False)


def test_one_equal_rival_takes_the_significance(tmp_path) -> None:
    made = suite(configurations={"plain": {}, "joint": {}, "rival": {}}, seeds=[0, 1])
    second = [value + 0.01 + place / 1000 for place, value in enumerate(FIRST)]
    rival = [value + (0.001 if place % 2 else -0.002) for place, value in enumerate(second)]
    cells = both(FIRST, second) + [
        cell("rival", place // 2, place % 2, accuracy=value) for place, value in enumerate(rival)
    ]
    assert not table(tmp_path, cells, made).best["accuracy"].significant


def test_best_is_corrected_for_all_rivals(tmp_path) -> None:
    # Six pairs that agree have p = 2 / 2⁶ = .03125: below .05 alone, not among two.
    names = {"plain": {}, "joint": {}, "third": {}}
    values = {"plain": 0.1, "third": 0.2, "joint": 0.5}
    cells = [
        cell(name, fold, seed, accuracy=values[name] + fold / 100 * values[name] + seed / 1000)
        for name in names for fold in range(3) for seed in range(2)
    ]
    two = table(tmp_path, [one for one in cells if one.key.configuration != "third"],
                suite(seeds=[0, 1])).best["accuracy"]
    assert two.p == pytest.approx(0.03125)
    assert two.significant
    (tmp_path / "r.sqlite").unlink()
    three = table(tmp_path, cells, suite(seeds=[0, 1], configurations=names)).best["accuracy"]
    assert three.p == pytest.approx(0.0625)
    assert not three.significant


def test_a_configuration_that_has_not_run_could_be_the_best(tmp_path) -> None:
    made = suite(configurations={"plain": {}, "joint": {}, "late": {}}, seeds=[0, 1])
    second = [value + 0.01 + place / 1000 for place, value in enumerate(FIRST)]
    found = table(tmp_path, both(FIRST, second), made).best["accuracy"]
    assert found.p is not None
    assert not found.significant


NOISY = suite(seeds=[0, 1], noise_floor="plain")
OTHER = "plain, other seeds"


def noisy(change: float):
    """Make cells of two configurations, and of the first with other seeds."""
    second = [value + 0.02 + place / 1000 for place, value in enumerate(FIRST)]
    again = [value + change * (-1) ** place for place, value in enumerate(FIRST)]
    return [*both(FIRST, second), *(
        replace(one, key=replace(one.key, configuration=OTHER))
        for one in both(again, again) if one.key.configuration == "plain"
    )]


def test_other_seeds_are_a_row_that_is_in_no_test(tmp_path) -> None:
    found = table(tmp_path, noisy(0.3), NOISY)
    assert [(one.name, one.kind) for one in found.cells.rows] == [
        ("plain", "configuration"), (OTHER, "noise floor"), ("joint", "configuration"),
    ]
    without = table(tmp_path / "without", noisy(0.0)[:20], SEEDS)
    assert found.best == without.best
    assert found.best["accuracy"].significant
    assert found.differences == without.differences
    # A noise floor that was not run keeps nothing from being the best.
    assert table(tmp_path / "alone", noisy(0.0)[:20], NOISY).best == without.best


def test_the_noise_floor_names_what_is_no_further(tmp_path) -> None:
    loud = table(tmp_path, noisy(0.3), NOISY)
    one = loud.noise["accuracy"]
    assert (one.of, one.configuration, one.pairs) == ("plain", OTHER, 10)
    assert one.found.difference == pytest.approx(0)
    # Ten differences of .3, half of them negative: the sum of squares is .9.
    assert one.floor == pytest.approx(1.96 * (0.9 / 9 / 10) ** 0.5)
    notes = [note for grid in grids_of(loud_report(tmp_path)) for note in grid.notes]
    assert any("no further from plain: joint" in note for note in notes)
    quiet = table(tmp_path / "quiet", noisy(0.001), NOISY)
    assert quiet.noise["accuracy"].floor < quiet.differences[0].found.difference
    single = table(tmp_path / "single", [
        cell("plain", accuracy=0.5), cell("joint", accuracy=0.6), cell(OTHER, accuracy=0.53),
    ], NOISY)
    assert single.noise["accuracy"].floor == pytest.approx(0.03)


def loud_report(tmp_path: Path) -> SuiteReport:
    [one] = report(tmp_path / "r.sqlite")
    return one


def test_other_seeds_are_not_ranked(tmp_path) -> None:
    made = suite(tables=[{"data": "small"}, {"data": "other"}], noise_floor="plain")
    cells = [
        cell(name, fold, table=where, accuracy=0.5)
        for name in ("plain", "joint", OTHER) for fold in range(3) for where in ("small", "other")
    ]
    path = write(tmp_path / "r.sqlite", cells, made, [data("small"), data("other")])
    [one] = report(path)
    assert one.ranks[0].ranks.names == ("joint", "plain")


def trained(cells, tasks: str, *plugins: str, idle: tuple[str, ...] = (), **options: float):
    """Give cells the configurations that they were trained by."""
    config = {
        "train": {"tasks": tasks, "learning_rate": 0.1}, "plugins": list(plugins),
        "options": {name: {"weight": options.get(name, 1.0)} for name in ("fixed", *plugins)},
        **({"idle": list(idle)} if idle else {}),
    }
    return [replace(one, config={**config, "seed": one.key.seed}) for one in cells]


FOUR = suite(
    seeds=[0, 1], reference="joint",
    configurations={name: {} for name in ("alone", "joint", "adversarial", "attention")},
)


def same_table(tmp_path: Path, **changes):
    """Make a table on which the cascade task was left out of every run."""
    def cells(name: str, gain: float):
        return [cell(name, place // 2, place % 2, accuracy=value + gain + place / 1000)
                for place, value in enumerate(FIRST)]

    return table(tmp_path, [
        *trained(cells("alone", 0.0), "rumor"),
        *trained(cells("joint", 0.03), "rumor", **changes),
        *trained(cells("adversarial", 0.05), "rumor", "adversarial", idle=("adversarial",)),
        *trained(cells("attention", -0.1), "rumor", "attention"),
    ], FOUR)


def test_what_trained_the_same_is_named_and_in_no_test(tmp_path) -> None:
    found = same_table(tmp_path)
    assert [row.title for row in found.cells.rows] == [
        "alone", "joint (same as alone)", "adversarial (same as alone)", "attention",
    ]
    best = found.best["accuracy"]
    assert (best.configuration, best.pairs, best.significant) == ("alone", (10,), True)
    # The reference trained the same as another row: that one is not compared with itself.
    assert [one.configuration for one in found.differences] == ["attention"]
    assert found.differences[0].p == found.differences[0].found.p
    assert any(note.startswith("joint (same as alone): both trained the same")
               for note in table_notes(found, found.figures))


def test_another_setting_is_another_algorithm(tmp_path) -> None:
    titles = [row.title for row in same_table(tmp_path, fixed=0.5).cells.rows]
    assert titles == ["alone", "joint", "adversarial (same as alone)", "attention"]


def test_which_trial_was_chosen_makes_no_other_algorithm(tmp_path) -> None:
    tried = (Trial({"train": {"learning_rate": 0.1}}, 0.5, 9, chosen=True),
             Trial({"train": {"learning_rate": 0.2}}, 0.4, 9, chosen=False))
    alone, joint = (trained([cell(name, accuracy=0.5)], "rumor")[0] for name in ("alone", "joint"))
    other = {**joint.config, "train": {"tasks": "rumor", "learning_rate": 0.2}}
    assert replace(joint, config=other).algorithm != alone.algorithm
    alone, joint = (replace(one, trials=tried) for one in (alone, joint))
    assert replace(joint, config=other).algorithm == alone.algorithm


def test_what_trained_the_same_on_a_table_is_not_ranked_on_it(tmp_path) -> None:
    made = suite(tables=[{"data": "small"}, {"data": "other"}], reference="",
                 configurations={"alone": {}, "joint": {}})
    cells = [
        one for where in ("small", "other") for name in ("alone", "joint")
        for one in trained(
            [cell(name, fold, table=where, accuracy=0.5 + fold / 10) for fold in range(3)],
            "both" if (where, name) == ("other", "joint") else "rumor",
        )
    ]
    path = write(tmp_path / "r.sqlite", cells, made, [data("small"), data("other")])
    [one] = report(path)
    assert (one.ranks[0].ranks.blocks, one.ranks[0].offered) == (3, 6)


def test_a_rival_of_few_pairs_takes_the_significance(tmp_path) -> None:
    made = suite(configurations={"plain": {}, "joint": {}, "new": {}}, seeds=[0, 1])
    second = [value + 0.01 + place / 1000 for place, value in enumerate(FIRST)]
    cells = [*both(FIRST, second), cell("new", 0, 0, accuracy=0.1)]
    found = table(tmp_path, cells, made).best["accuracy"]
    assert (found.pairs, found.p, found.significant) == ((10, 1), None, False)


def test_the_best_mean_of_easier_folds_is_not_significant(tmp_path) -> None:
    # It is worse in all six pairs, but has two folds that the other has not.
    cells = [
        cell(name, fold, seed, accuracy=0.6 - (name == "joint") * (0.1 + fold / 100 + seed / 50))
        for name in ("plain", "joint") for fold in range(3) for seed in (0, 1)
    ]
    cells += [cell("joint", fold, seed, accuracy=0.99) for fold in (3, 4) for seed in (0, 1)]
    found = table(tmp_path, cells, SEEDS).best["accuracy"]
    assert found.configuration == "joint"
    assert found.p == pytest.approx(0.03125)
    assert not found.significant


def test_calibration_errors_are_best_where_they_are_low(tmp_path) -> None:
    second = [value + 0.02 + place / 1000 for place, value in enumerate(FIRST)]
    found = table(tmp_path, both(FIRST, second, "ece"), SEEDS, figures=["ece"])
    assert (found.best["ece"].configuration, found.best["ece"].significant) == ("plain", True)
    [difference] = found.differences
    assert difference.found.difference > 0
    assert difference.posterior.worse > 0.99


def test_differences_are_paired_and_corrected(tmp_path) -> None:
    made = suite(configurations={"plain": {}, "joint": {}, "third": {}}, seeds=[0, 1])
    second = [value + 0.05 for value in FIRST]
    third = [value + (0.02 if place < 7 else -0.031) for place, value in enumerate(FIRST)]
    cells = both(FIRST, second) + [
        cell("third", place // 2, place % 2, accuracy=value) for place, value in enumerate(third)
    ]
    cells.remove(next(c for c in cells if (c.key.configuration, c.key.fold) == ("joint", 0)))
    joint, last = table(tmp_path, cells, made).differences
    assert (joint.configuration, joint.pairs) == ("joint", 9)
    assert joint.found.difference == pytest.approx(0.05)
    assert joint.found.p is not None
    assert last.found.p is not None
    # The smaller of two is doubled, the larger stays.
    assert joint.p == pytest.approx(2 * joint.found.p)
    assert last.p == pytest.approx(last.found.p)
    assert joint.posterior is not None
    assert joint.posterior.better > 0.99


def test_bayesian_test_says_what_is_better_equal_or_worse() -> None:
    assert signed_rank([0.05] * 10).better > 0.99
    assert signed_rank([-0.05] * 10).worse > 0.99
    assert signed_rank([0.008] * 10).equal > 0.99
    assert signed_rank([0.05] * 10, rope=0.1).equal > 0.99
    found = signed_rank([0.05, -0.05] * 5, rope=0)
    assert found.worse == pytest.approx(found.better, abs=0.02)
    assert found.worse + found.equal + found.better == pytest.approx(1)


def test_bayesian_test_of_one_pair_is_that_worked_out_by_hand() -> None:
    # Weights (1 - w) at 0 and w at 1, w of Beta(1, 1/2): with the region of 0 alone, 'better' is
    # all but (1 - w)², the larger part where w > 1 - sqrt(1/2): sqrt of sqrt(1/2) of all draws.
    found = signed_rank([1.0], rope=0, draws=200_000)
    assert found.better == pytest.approx(0.5**0.25, abs=0.004)
    assert found.worse == 0


def test_published_rows_stand_below(tmp_path) -> None:
    made = suite(published=[{
        "table": "small", "method": "BiGCN", "figures": {"accuracy": 0.88},
        "protocol": "random folds", "source": "table 3",
    }])
    last = table(tmp_path, row("plain", [0.5] * 5), made).cells.rows[-1]
    assert (last.name, last.kind, last.asked) == ("BiGCN", "published", 0)
    assert (last.figures["accuracy"].mean, last.figures["accuracy"].sd) == (0.88, None)


def test_ranks_are_over_folds_of_tables_that_all_have(tmp_path) -> None:
    made = suite(tables=[{"data": name, "folds": [0, 1, 2, 3]} for name in ("small", "large")],
                 configurations={"plain": {}, "joint": {}, "links": {}})
    cells = [
        cell(name, fold, table=where, accuracy=value)
        for where in ("small", "large") for fold in range(4)
        for name, value in (("plain", 0.5), ("joint", 0.6))
        if (where, fold, name) != ("large", 3, "plain")
    ]
    cells += [cell("links", 0, mrr=0.3)]
    path = write(tmp_path / "r.sqlite", cells, made, [data(), data("large")])
    [found] = report(path)[0].ranks
    assert found.figure == "accuracy"
    assert (found.offered, found.ranks.blocks) == (8, 7)
    assert (found.ranks.names, found.ranks.ranks) == (("joint", "plain"), (1.0, 2.0))


def test_deadlines_are_in_the_order_of_the_suite(tmp_path) -> None:
    made = suite(deadlines="0,2h,10m,all")
    figures = {f"accuracy@{one}": 0.5 for one in ("10m", "all", "0", "2h", "3p")}
    found = table(tmp_path, [cell("plain", accuracy=0.5, **figures)], made)
    assert found.figures == ("accuracy",)
    assert found.deadlines == {
        "accuracy": tuple(f"accuracy@{one}" for one in ("0", "2h", "10m", "all", "3p"))
    }


def test_order_of_recording_changes_nothing(tmp_path) -> None:
    noise = random.Random(0)  # noqa: S311
    cells = both(FIRST, [value + noise.random() / 10 for value in FIRST])
    cells += [cell(NO_MODEL, fold, guesses={"b": {"accuracy": 0.1}, "a": {"accuracy": fold / 7}})
              for fold in range(5)]
    cells[3], cells[8] = failed("plain", 1, 1), failed("plain", 4, 0)
    write(tmp_path / "one.sqlite", cells, SEEDS)
    noise.shuffle(cells)
    write(tmp_path / "two.sqlite", cells, SEEDS)
    assert to_values(report(tmp_path / "one.sqlite")) == to_values(report(tmp_path / "two.sqlite"))


def test_what_is_chosen_must_be_there(tmp_path) -> None:
    path = write(tmp_path / "r.sqlite", [cell("plain", accuracy=0.5)])
    for chosen, message in (
        ({"suites": ["mad"]}, "has no suite 'mad'"),
        ({"tables": ["smal"]}, "has no table 'smal'"),
        ({"figures": ["acuracy"]}, "there is no figure 'acuracy'"),
    ):
        with pytest.raises(UsageError, match=message) as raised:
            report(path, **chosen)
        assert raised.value.hint is not None
        assert "did you mean" in raised.value.hint


def test_a_file_without_a_suite_is_refused(tmp_path) -> None:
    with Results(tmp_path / "r.sqlite", create=True):
        pass
    with pytest.raises(DataError, match="holds no suite yet"):
        report(tmp_path / "r.sqlite")


def test_a_suite_that_cannot_be_read_is_bad_data(tmp_path) -> None:
    with Results(tmp_path / "r.sqlite", create=True) as results:
        results.describe("made", {"summary": "x", "colour": "red"}, {})
    with pytest.raises(DataError, match=r"r\.sqlite is not readable: (.|\n)*no option 'colour'"):
        report(tmp_path / "r.sqlite")


def test_tables_that_were_not_run_are_named(tmp_path) -> None:
    made = suite(tables=[{"data": "small", "folds": [0]}, {"data": "absent"}])
    [found] = report(write(tmp_path / "r.sqlite", [cell("plain", accuracy=0.5)], made))
    assert found.not_run == ("absent",)
    assert [one.name for one in found.tables] == ["small"]
