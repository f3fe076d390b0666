"""The installed command in processes of its own: what it imports, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stored_runs import write_run
from toys import toy_store

DGLJOINT = Path(sys.executable).with_name("dgljoint")

IMPORTED = """
import json, sys
from dgljoint_cli.main import run
code = run(sys.argv[1:])
heavy = {name.split(".")[0] for name in sys.modules}
print(json.dumps([code, sorted(heavy)]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"rich", "pydantic", "pluggy"}),
        (["data", "--help"], {"rich", "pydantic", "pluggy"}),
        (["data", "show", "-h"], {"rich", "pydantic", "pluggy"}),
        (["data", "split", "-h"], {"rich", "pydantic", "pluggy"}),
        (["data", "export", "-h"], {"rich", "pydantic", "pluggy"}),
        (["audit", "-h"], {"rich", "pydantic", "pluggy"}),
        (["train", "-h"], {"rich", "pydantic", "pluggy"}),
        (["predict", "-h"], {"rich", "pydantic", "pluggy"}),
        (["synergy", "-h"], {"rich", "pydantic", "pluggy"}),
        (["runs", "compare", "-h"], {"rich", "pydantic", "pluggy"}),
        (["plugins", "list", "--format", "json"], {"rich", "pydantic", "pluggy"}),
        (["plugins", "list"], {"pydantic", "pluggy"}),
        (["plugins", "presets", "--format", "json"], {"rich", "pydantic", "pluggy"}),
        (["benchmark", "-h"], {"rich", "pydantic", "pluggy"}),
        (["schema", "-h"], {"rich", "pydantic", "pluggy"}),
        (["plugins", "show", "contrastive"], set()),
        (["plugins", "check", "-h"], {"rich", "pydantic", "pluggy"}),
        (["plugins", "new", "mine", "--kind", "encoder"], {"rich", "pluggy"}),
    ],
)
def test_import_budget(arguments, absent, tmp_path):
    heavy = {"torch", "dgl", "numpy", "h5py", "sklearn", "matplotlib"}
    assert not (absent | heavy) & imported_by(arguments, tmp_path)


def test_the_schema_loads_all_plugins_and_no_torch(tmp_path):
    """Readers are among them, which need NumPy when they are imported."""
    assert not {"torch", "dgl", "h5py", "sklearn"} & imported_by(["schema"], tmp_path)


def imported_by(arguments, folder):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=True,
        cwd=folder,
    )
    code, imported = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(imported)


@pytest.mark.parametrize(
    ("verb", "absent"),
    [
        ("list", {"numpy", "h5py", "sklearn", "scipy", "jinja2"}),
        ("report", {"numpy", "h5py", "sklearn", "scipy", "rich"}),
        ("show", {"sklearn", "scipy", "jinja2"}),
        ("compare", {"h5py", "sklearn", "jinja2"}),
    ],
)
def test_runs_on_disk_are_read_without_torch(tmp_path, verb, absent):
    runs = [write_run(tmp_path / "runs" / name) for name in ("a", "b")]
    given = {"list": [tmp_path], "compare": runs}.get(verb, runs[:1])
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, "runs", verb, *map(str, given)],
        capture_output=True, text=True, check=True,
    )
    code, imported = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert not (absent | {"torch", "dgl"}) & set(imported)


def dgljoint(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DGLJOINT, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )


def test_a_broken_plugin_stops_only_who_uses_it(site):
    site.install("dgljoint-bad", {"bad": "bad_module"}, bad_module="import sys; sys.exit(0)")
    path = {"PYTHONPATH": str(site.path)}

    listed = dgljoint("plugins", "list", "--load", **path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "SystemExit: 0" in listed.stdout

    used = dgljoint("train", "--plugin", "bad", **path)
    assert used.returncode == 4
    assert used.stdout == ""
    assert used.stderr.startswith("error: plugin 'bad' (dgljoint-bad 1.0) failed in import")

    assert dgljoint("plugins", "show", "contrastive", **path).returncode == 0
    hidden = dgljoint("plugins", "show", "bad", DGLJOINT_DISABLED_PLUGINS="bad", **path)
    assert hidden.returncode == 2


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_reader_that_goes_away_is_no_error_to_talk_about(form):
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [DGLJOINT, "plugins", "list", "--format", form], stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    _, stderr = process.communicate()
    assert stderr == b""


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_full_disk_under_stdout_is_told_of_once(form):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [DGLJOINT, "plugins", "list", "--format", form], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: cannot write stdout: the disk is full\n"
        "hint: free some space or choose another place\n"
    )


def test_what_stdout_has_no_sign_for_is_shown_all_the_same():
    done = dgljoint("plugins", "show", "contrastive", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("contrastive \\xb7 interaction\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_command_works_without_its_streams(closed, tmp_path):
    """No file of ours gets their numbers."""
    file = toy_store(tmp_path / "toy.h5").path
    done = subprocess.run(
        ["sh", "-c", f'"$0" data validate "$1" {closed}', DGLJOINT, file],
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
