"""The command line as a new user has it: nothing in the home folder, and nothing put there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import everything

DGLJOINT = Path(sys.executable).with_name("dgljoint")
SMALL = ("--encoder", "gcn", "-s", "model.width=8", "--epochs", "1")
RUN = "runs/small-gcn-event0-s0"
JSON = ("--format", "json")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A working folder with a cascade file and a run, made with that home."""
    folder = tmp_path_factory.mktemp("work")
    made = in_a_fresh_home(
        home, folder, DGLJOINT, "preprocess", "synthetic", "-o", "small.h5", "--name", "small",
        "-s", "cascades=40", "-s", "events=10", *JSON,
    )
    assert json.loads(made.stdout)
    made = in_a_fresh_home(home, folder, DGLJOINT, "train", "small.h5", *SMALL, *JSON)
    assert json.loads(made.stdout)["run"] == RUN
    return folder


def in_a_fresh_home(
    home: Path, folder: Path, *command: object
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; see that it left the home folder empty and DGL silent."""
    unset = ("XDG_", "DGLBACKEND", "MPLCONFIGDIR", "DGLJOINT_")
    plain = {key: value for key, value in os.environ.items() if not key.startswith(unset)}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env={**plain, "HOME": str(home)},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "backend" not in done.stdout + done.stderr
    assert everything(home) == set()
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        ("plugins", "list"), ("plugins", "show", "gcn"), ("plugins", "presets"), ("env",),
        ("data", "info", "small.h5"), ("data", "split", "small.h5"), ("audit", "small.h5"),
        ("train", "small.h5", "--dry-run"), ("train", "--dry-run"), ("evaluate", RUN),
        ("evaluate", RUN, "--deadlines", "1p,all"), ("predict", RUN), ("runs", "list"),
        ("runs", "show", RUN),
        ("data", "export", "small.h5", "-o", "small.bin", "--to", "dgl"),
        ("benchmark", "suites"), ("benchmark", "run", "demo", "--dry-run"),
    ],
    ids=" ".join,
)
def test_json_is_all_of_stdout(arguments, home, place):
    assert json.loads(in_a_fresh_home(home, place, DGLJOINT, *arguments, *JSON).stdout)


def test_predictions_are_all_of_stdout(home, place):
    lines = in_a_fresh_home(home, place, DGLJOINT, "predict", RUN, "-o", "-").stdout.splitlines()
    assert lines[0].startswith("part,cascade,")
    assert len(lines) == 41
    assert {line.count(",") for line in lines} == {lines[0].count(",")}


def test_the_demo_set_is_kept_with_the_runs_that_read_it(home, place):
    done = in_a_fresh_home(home, place, DGLJOINT, "train", *SMALL, *JSON)
    (demo,) = (place / "runs").glob(".demo-*.h5")
    assert str(demo.relative_to(place)) in done.stderr
    folder = json.loads(done.stdout)["run"]
    again = in_a_fresh_home(home, place, DGLJOINT, "evaluate", folder, *JSON)
    assert json.loads(again.stdout)["rumor"]
    assert [row["name"] for row in json.loads(
        in_a_fresh_home(home, place, DGLJOINT, "runs", "list", *JSON).stdout
    ) if row["data"] == "demo"] == [Path(folder).name]


def test_a_picture_leaves_no_list_of_fonts(home, place):
    in_a_fresh_home(
        home, place, sys.executable, "-c",
        "from pathlib import Path; from dgljoint_cli.commands.benchmark_verbs import plot; "
        "plot._load_plots().write(Path('a.svg'), lambda figure: figure.text(0, 0, 'x'))",
    )
    assert (place / "a.svg").stat().st_size


def test_importing_dgl_after_dgljoint_says_nothing(home, place):
    done = in_a_fresh_home(
        home, place, sys.executable, "-c", "import dgljoint, dgl; print(dgl.backend.backend_name)"
    )
    assert (done.stdout, done.stderr) == ("pytorch\n", "")


@pytest.mark.parametrize("chosen", ["", "PyTorch", "nonsense"])
def test_a_backend_that_dgl_does_not_know_is_not_asked_for(chosen, home, place):
    done = in_a_fresh_home(
        home, place, "env", f"DGLBACKEND={chosen}", DGLJOINT, "env", *JSON
    )
    assert json.loads(done.stdout)["dgl"]["works"]
