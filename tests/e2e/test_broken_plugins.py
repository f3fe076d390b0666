"""Plugins that are broken in every way there is: who is named, how it ends, what still works."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from broken_plugins import BACKWARD, COUPLE, FORWARD, NAMED, WEIGH, install, losses
from commands import SMALL, ends
from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint.plugins.registry import installed_registry
from dgljoint_cli.main import run
from runs import assert_same_run
from toys import toy_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return toy_store(tmp_path_factory.mktemp("toy") / "toy.h5")


def opponent(expression: str, parameters: str = "return self.inner.parameters()") -> str:
    """Write an interaction with an opponent."""
    return dedent(f"""
        def opponent_parameters(self):
            {parameters}
        def opponent_losses(self, reps, outputs, batch):
            return {expression}
    """)


# kind, methods, what the error says after the plugin's name
RAISED = {
    "forward raises": ("Encoder", FORWARD + "1 / 0", "failed in forward: ZeroDivisionError"),
    "forward exits": ("Encoder", FORWARD + "raise SystemExit(0)", "failed in forward: SystemExit"),
    "forward is missing": ("Encoder", "pass", "failed in forward: NotImplementedError"),
    "forward raises something strange": (
        "Encoder", FORWARD + "raise type('Odd', (Exception,), {'__str__': None})",
        "failed in forward: Odd",
    ),
    "couple raises": ("Interaction", COUPLE + "1 / 0", "failed in couple: ZeroDivisionError"),
    "inform_rumor raises": (
        "Interaction", "def inform_rumor(self, *a): 1 / 0", "failed in inform_rumor: ZeroDivision",
    ),
    "inform_cascade raises": (
        "Interaction", "def inform_cascade(self, *a): 1 / 0",
        "failed in inform_cascade: ZeroDivision",
    ),
    "losses raises": ("Interaction", losses("1 / 0"), "failed in losses: ZeroDivisionError"),
    "diagnostics raises": (
        "Interaction", "def diagnostics(self, *a): 1 / 0", "failed in diagnostics: ZeroDivision",
    ),
    "loss_coefficients raises": (
        "Interaction", "@property\ndef loss_coefficients(self): 1 / 0",
        "failed in loss_coefficients: ZeroDivisionError",
    ),
    "opponent_losses raises": (
        "Interaction", opponent("1 / 0"), "failed in opponent_losses: ZeroDivisionError",
    ),
    "opponent_parameters raises": (
        "Interaction", opponent("{}", "1 / 0"), "failed in opponent_parameters: ZeroDivisionError",
    ),
    "weigh raises": ("LossWeighter", WEIGH + "1 / 0", "failed in backward: ZeroDivisionError"),
    "backward raises": ("LossWeighter", BACKWARD + "1 / 0", "failed in backward: ZeroDivision"),
    "its state raises": (
        "Encoder", "def get_extra_state(self): 1 / 0", "failed in state_dict: ZeroDivisionError",
    ),
    "its state cannot be saved": (
        "Encoder", "def get_extra_state(self): return {1, 2}",
        "failed in state_dict: TypeError: /_extra_state: a checkpoint cannot hold a set",
    ),
    "train() raises": (
        "Encoder", FORWARD + "return x\ndef train(self, mode=True): 1 / 0",
        "failed in Bad.train: ZeroDivisionError",
    ),
    "train() exits": (
        "Encoder", FORWARD + "return x\ndef train(self, mode=True): raise SystemExit(0)",
        "failed in Bad.train: SystemExit: 0",
    ),
}
RETURNED = {
    "forward: nothing": ("Encoder", FORWARD + "pass", "returned None from forward"),
    "forward: a shape": (
        "Encoder", FORWARD + "return x[:1]",
        "returned a tensor (1, 8) of torch.float32 from forward, expected a tensor (",
    ),
    "forward: a type": (
        "Encoder", FORWARD + "return x.double()",
        ", 8) of torch.float64 from forward, expected a tensor (",
    ),
    "couple: nothing": (
        "Interaction", COUPLE + "pass", "returned None from couple, expected Representations",
    ),
    "couple: shared rows of a shape": (
        "Interaction", COUPLE + "return Representations(reps.shared[:1], reps.cascade, reps.rumor)",
        "returned a tensor (1, 8) of torch.float32 from couple",
    ),
    "inform_rumor: a tuple": (
        "Interaction", "def inform_rumor(self, reps, score_links, batch): return (reps.rumor,)",
        "returned a tuple from inform_rumor",
    ),
    "inform_cascade: a tuple": (
        "Interaction", "def inform_cascade(self, reps, classify, batch): return (reps.cascade,)",
        "returned a tuple from inform_cascade",
    ),
    "losses: nothing": ("Interaction", losses("None"), "returned None from losses"),
    "losses: a number": (
        "Interaction", losses("{'own': 1.0}"),
        "returned {'own': a float} from losses, expected a mapping of names to scalar tensors",
    ),
    "losses: a row": (
        "Interaction", losses("{'own': reps.rumor.sum().reshape(1)}"),
        "returned {'own': a tensor (1,) of torch.float32} from losses, expected a mapping",
    ),
    "losses: unnamed": (
        "Interaction", losses("{}"),
        "returned {} from losses, expected the losses of loss_coefficients: ['own']",
    ),
    "loss_coefficients: a list": (
        "Interaction", "loss_coefficients = ['own']", "failed in loss_coefficients: AttributeError",
    ),
    "loss_coefficients: a text": (
        "Interaction", "loss_coefficients = {'own': 'much'}",
        "failed in loss_coefficients: ValueError: could not convert string to float: 'much'",
    ),
    "diagnostics: a text": (
        "Interaction", "def diagnostics(self, *a): return {'d': 'much'}",
        "failed in diagnostics: ValueError",
    ),
    "opponent_losses: a row": (
        "Interaction", opponent("{'judge': self.inner.weight[0]}"),
        "returned {'judge': a tensor (8,) of torch.float32} from opponent_losses",
    ),
    "opponent_losses: detached": (
        "Interaction", opponent("{'judge': torch.ones(())}"),
        "failed in the backward pass of opponent_losses: RuntimeError",
    ),
    "weigh: a shape": ("LossWeighter", WEIGH + "return torch.ones(5)", "failed in backward: Runti"),
    "backward: nothing": (
        "LossWeighter", BACKWARD + "pass", "returned weights NoneType from backward",
    ),
    "backward: a shape": (
        "LossWeighter", BACKWARD + "return torch.ones(5)", "returned weights (5,) from backward",
    ),
}


@pytest.mark.parametrize("case", [*RAISED, *RETURNED])
def test_a_method_that_fails_is_named_and_the_command_ends_with_4(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    kind, body, message = {**RAISED, **RETURNED}[case]
    use = install(site, kind, body)
    said = ends(capsys, 4, "train", store.path, "--out", tmp_path / "a", *SMALL, *use)
    assert said.error.startswith(f"error: {NAMED} ")
    assert message in said.error
    assert "hint: " in said or "expected" in said.error
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ("1 / 0", "failed in build: ZeroDivisionError"),
        ("raise SystemExit('bye')", "failed in build: SystemExit: bye"),
        ("return 3", "built a int, expected a dgljoint.nn.Encoder"),
        ("return Encoder", "built a type, expected"),
    ],
)
def test_a_build_that_fails_leaves_no_run(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str],
    build: str, message: str,
) -> None:
    use = install(site, "Encoder", build=build)
    said = ends(capsys, 4, "train", store.path, "--out", tmp_path / "a", *SMALL, *use)
    assert said.error.startswith(f"error: {NAMED} {message}")
    assert not (tmp_path / "a").exists()


# What goes on in spite of it

LOUD = """
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)
        print("loud in build")

    def forward(self, batch, x):
        print("loud in forward")
        return Torn.apply(self.inner(x))
"""


def test_what_a_plugin_prints_goes_to_stderr(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    use = install(site, "Encoder", LOUD, gradient="print('loud in backward'); return gradient")
    out = str(tmp_path / "a")
    command = [
        ["train", str(store.path), "--out", out, *SMALL, *use, "--epochs", "1"],
        ["evaluate", out],
        ["predict", out, str(store.path)],
    ]
    for number, arguments in enumerate(command):
        assert run([*arguments, "--format", "json"]) == 0
        said = capsys.readouterr()
        assert json.loads(said.out)
        assert "loud in forward" in said.err
        assert ("loud in backward" in said.err) == (number == 0)


def test_a_run_whose_plugin_failed_goes_on_when_it_is_mended(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """
        def __init__(self):
            super().__init__()
            self.register_buffer("steps", torch.zeros(()))

        def couple(self, reps, batch):
            if self.training:
                self.steps += 1
            FAULT
            return reps
    """
    use = install(site, "Interaction", body.replace("FAULT", "pass"))
    assert run(["train", str(store.path), "--out", str(tmp_path / "whole"), *SMALL, *use,
                "--epochs", "2"]) == 0
    out = tmp_path / "run"
    module = sys.modules["bad_module"]
    couple = module.Bad.couple

    def broken(self: object, reps: object, batch: object) -> object:
        if self.steps > 8:  # type: ignore[attr-defined]
            raise SystemExit(0)
        return couple(self, reps, batch)

    module.Bad.couple = broken
    command = ["train", store.path, "--out", out, *SMALL, *use, "--epochs", "2"]
    assert ends(capsys, 4, *command).error.startswith(f"error: {NAMED} failed in couple: System")
    module.Bad.couple = couple
    assert run([str(argument) for argument in (*command, "--resume")]) == 0
    assert_same_run(tmp_path / "whole", out)


# The second one puts distributions of its own in the place of Python's, which raise.
@pytest.mark.parametrize("library", ["importlib.metadata", "importlib_metadata"])
def test_an_installation_that_is_damaged_stops_nobody(
    library: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(library)
    site.install("dgljoint-good", {"good": "bad_module"})
    site.install("dgljoint-bad", {"bad": "bad_module"})
    folder = next(site.path.glob("dgljoint_bad*"))
    (folder / "METADATA").unlink()
    assert run(["plugins", "list", "--format", "json"]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (found["bad"]["distribution"], found["bad"]["version"]) == ("unknown", "unknown")
    (folder / "entry_points.txt").write_text("[dgljoint.plugins]\nno value\n")
    installed_registry.cache_clear()
    assert run(["plugins", "list", "--format", "json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert "good" in names
    assert "contrastive" in names
