"""DGL beside a newer torch: the placeholder, what runs, and what is said when nothing does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dgljoint.errors import install_hint
from dgljoint.ops import dgl_compat as _dgl_compat
from dgljoint.ops import dgl_kernels as _dgl
from toys import toy_store

DGLJOINT = Path(sys.executable).with_name("dgljoint")
NEEDS_GRAPHBOLT = {
    "dgl/__init__.py": "from dgl import graphbolt",
    "dgl/graphbolt/__init__.py": "raise FileNotFoundError('no graphbolt library')",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def python(code: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", code, path=path)


def run(*command: str | Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    extra = {"PYTHONPATH": str(path)} if path else {}
    return subprocess.run(
        command, env={**os.environ, **extra}, capture_output=True, text=True, check=False
    )


def test_the_kernels_run():
    assert _dgl.kernels_run()


def test_inner_products_over_pairs_have_their_gradient():
    left = torch.randn(4, 3, generator=torch.manual_seed(0), dtype=torch.float64)
    right = left.flip(0).clone()
    pairs = torch.tensor([[0, 1, 1], [2, 0, 3]])
    assert torch.autograd.gradcheck(
        lambda a, b: _dgl.dot_over_pairs(pairs, a, b),
        (left.requires_grad_(), right.requires_grad_()),
    )


def test_importing_dgljoint_first_lets_dgl_be_imported_and_loads_nothing_itself():
    done = python(
        "import sys, dgljoint\n"
        "assert not {'torch', 'dgl', 'numpy'} & set(sys.modules)\n"
        "import dgl\n"
        "assert dgl.graph(([0], [1])).num_edges() == 1\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("library", "replaced"),
    [
        (None, False),
        ("libgraphbolt_pytorch_2.3.0.so", True),
        (f"libgraphbolt_pytorch_{torch.__version__.split('+')[0]}.so", False),
    ],
)
def test_graphbolt_is_replaced_only_where_its_library_for_this_torch_is_missing(
    library, replaced, tmp_path
):
    if library:
        write(tmp_path, {f"graphbolt/{library}": ""})
    finder = _dgl_compat._GraphboltFinder()
    assert bool(finder.find_spec("dgl.graphbolt", [str(tmp_path)])) is replaced
    assert finder.find_spec("dgl", [str(tmp_path)]) is None
    assert finder.find_spec("dgl.graphbolt.impl", [str(tmp_path)]) is None


def test_the_placeholder_says_why_it_is_empty(tmp_path):
    done = python(
        "import dgljoint, dgl\n"
        "try:\n"
        "    dgl.graphbolt.ItemSampler\n"
        "except AttributeError as error:\n"
        "    print(error)\n",
        write(tmp_path, NEEDS_GRAPHBOLT),
    )
    assert done.stdout.startswith("dgl.graphbolt.ItemSampler is not available"), done.stderr


IMPORT = """
from dgljoint.errors import RunFailedError
try:
    import dgljoint.ops.dgl_kernels
except RunFailedError as error:
    print(error.message)
    print(error.hint)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure",
    [
        "import no_such_part",
        "raise OSError('libcudart.so.11: cannot open shared object file')",
        "import torch; torch.no_such_name",
        "raise ValueError('numpy.dtype size changed')",
    ],
)
def test_a_pair_that_cannot_work_is_told_with_what_mends_it(failure, tmp_path):
    done = python(IMPORT, write(tmp_path, {"dgl/__init__.py": failure}))
    message, hint = done.stdout.splitlines()
    assert "cannot be imported with torch" in message
    assert torch.__version__ in message
    assert hint.startswith(f"install a pair that is tested, {install_hint()}; or uninstall dgl")


@pytest.mark.slow
def test_commands_beside_a_broken_dgl(tmp_path):
    path = write(tmp_path / "site", {"dgl/__init__.py": "raise OSError('libdgl.so: bad ELF')"})
    described = run(DGLJOINT, "env", "--format", "json", path=path)
    assert described.returncode == 0, described.stderr
    state = json.loads(described.stdout)["dgl"]
    assert state["works"] is False
    assert state["problem"].endswith("OSError: libdgl.so: bad ELF")

    store = toy_store(tmp_path / "toy.h5").path
    trained = run(DGLJOINT, "train", store, "--out", tmp_path / "run", path=path)
    assert trained.returncode == 1
    error, hint = trained.stderr.splitlines()
    assert error == f"error: {state['problem']}"
    assert hint == f"hint: {state['hint']}"
    assert not (tmp_path / "run").exists()
