"""Train configurations on the folds of a store and lay their test figures side by side.

    python benchmarks/schemes.py benchmarks/schemes.toml twitter16.h5 out --jobs 2
    python benchmarks/schemes.py benchmarks/schemes.toml twitter16.h5 out --fold 0 --fold 1
    python benchmarks/schemes.py benchmarks/schemes.toml twitter16.h5 out --no-train

Each run is a process of its own, ``dgljoint train``, with one thread; a run whose figures are there
already is not made again, an interrupted one is gone on with, and one that fails stops no other.
Prints a Markdown table, and writes ``results-SPLIT.json`` beside the runs. Ends with 1 if a run
failed. Parameters are those of the model: a run of a single task leaves the other's branch and head
as they were drawn. With several jobs on as many cores, seconds are those of a busy machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from dgljoint.errors import DgljointError, UsageError
from dgljoint.files import write_text
from dgljoint.suggest import did_you_mean
from dgljoint_bench.grid import Cell, Grid, cells, read_grid, run_cells
from dgljoint_bench.outcomes import (
    COST,
    QUALITY,
    Row,
    Spread,
    by_fold,
    rows_of_guesses,
    rows_of_runs,
    summarise,
)

_NOTHING = "–"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a run failed, or as the error says."""
    given = _parse(arguments)
    try:
        return _compare(given)
    except DgljointError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("grid", type=Path, help="TOML file of configurations")
    parser.add_argument("data", type=Path, help="cascade file")
    parser.add_argument("out", type=Path, help="folder of the runs")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--fold", type=int, action="append", help="instead of the file's folds")
    parser.add_argument("--seed", type=int, action="append", help="instead of the file's seeds")
    parser.add_argument("--split", help="instead of the file's split")
    parser.add_argument("--only", action="append", metavar="NAME", help="this configuration alone")
    parser.add_argument("--no-train", action="store_true", help="lay out what there is")
    return parser.parse_args(arguments)


def _compare(given: argparse.Namespace) -> int:
    grid = read_grid(given.grid)
    changes = {
        "folds": tuple(given.fold or grid.folds),
        "seeds": tuple(given.seed or grid.seeds),
        "split": given.split or grid.split,
    }
    grid = grid.model_copy(update=changes)
    known = grid.configurations
    names = given.only or list(known)
    for name in names:
        if name not in known:
            raise UsageError(f"no configuration '{name}': {did_you_mean(name, known)}")
    chosen = [cell for cell in cells(grid, given.data, given.out) if cell.configuration in names]
    failed: dict[Cell, str] = {}
    if not given.no_train:
        failed = run_cells(chosen, given.jobs, lambda text: _say(sys.stderr, text))
    runs = rows_of_runs(chosen, grid.reference)
    guesses = [*rows_of_guesses(chosen), *_baselines(grid, given.data, chosen)]
    protocol = _protocol(given.data, grid.split)
    _say(sys.stdout, _document(grid, f"{given.data.stem}, {protocol}", runs, guesses, failed))
    results = {
        "data": str(given.data),
        "protocol": protocol,
        **grid.model_dump(mode="json"),
        "runs": [row.to_dict() for row in runs],
        "without_a_model": [row.to_dict() for row in guesses],
        "failed": {str(cell): problem for cell, problem in failed.items()},
    }
    given.out.mkdir(parents=True, exist_ok=True)
    write_text(given.out / f"results-{grid.split}.json", json.dumps(results, indent=2) + "\n")
    return int(bool(failed))


def _protocol(data: Path, split: str) -> str:
    from dgljoint.store import CascadeStore

    store = CascadeStore(data)
    if (kept := store.kept_apart(split)) is not None:
        return f"no {kept} on both sides"
    return "EVENTS NOT KEPT APART" if store.split(split).ordered_by else "RANDOM FOLDS"


def _baselines(grid: Grid, data: Path, chosen: Sequence[Cell]) -> list[Row]:
    # After the runs: what this process holds counts towards theirs.
    from dgljoint.config import CascadeOptions, resolve_config
    from dgljoint_bench.simple_baselines import simple_baselines

    options = [
        resolve_config(file=cell.folder / "config.toml").cascade
        for cell in chosen if cell.finished
    ]
    shares = {made.observed_share for made in options or [CascadeOptions()]}
    if len(shares) > 1:
        raise UsageError(f"runs that observe {sorted(shares)} of the posts cannot be compared")
    found = simple_baselines(data, grid.split, grid.folds, shares.pop())
    return [summarise(name, by_fold(figures), {}) for name, figures in found.items()]


def _document(
    grid: Grid, title: str, runs: Sequence[Row], guesses: Sequence[Row], failed: dict[Cell, str]
) -> str:
    folds = ", ".join(map(str, grid.folds))
    seeds = ", ".join(map(str, grid.seeds))
    parts = [
        f"{title}: split {grid.split}, folds {folds}, seeds {seeds}. Figures of the test part, "
        "mean ± standard deviation over folds; epochs were selected on the validation part.",
        _table(("configuration", "folds", *QUALITY, *COST), runs),
        "Without a model, on the same folds (classifiers are trained on all that is not tested):",
        _table(("guess or classifier", "folds", *QUALITY), guesses),
    ]
    compared = [row for row in runs if row.differences]
    if compared:
        parts += [
            f"Less `{grid.reference}`, fold by fold: mean ± standard deviation of the differences.",
            _table(("configuration", "folds", *QUALITY), compared, differences=True),
        ]
    if failed:
        named = (f"- {cell}: {' / '.join(why.splitlines())}" for cell, why in failed.items())
        parts += ["Failed:", "\n".join(named)]
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Row], *, differences: bool = False) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    for row in rows:
        found = row.differences if differences else row.figures
        folds = max(each.folds for each in found.values()) if differences else row.folds
        cells_ = (_cell(found.get(name), name, signed=differences) for name in head[2:])
        lines.append([row.name, str(folds), *cells_])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(found: Spread | None, figure: str, *, signed: bool) -> str:
    if found is None:
        return _NOTHING
    if figure in QUALITY:
        mean = f"{found.mean:{'+' if signed else ''}.3f}"
        return mean if found.sd is None else f"{mean} ± {found.sd:.3f}"
    digits = 2 if figure == COST[0] else 1 if figure == COST[-1] else 0
    return f"{found.mean:,.{digits}f}"


def _say(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
