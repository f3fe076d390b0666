"""Who is named when what one plugin computed fails elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from broken_plugins import COUPLE, FORWARD, NAMED, WEIGH, install, losses
from commands import SMALL, ends
from conftest import Site
from dgljoint.data.store import CascadeStore
from dgljoint.nn import Interaction, Representations
from dgljoint.nn.hosted import Hosted, couple, refusing_not_finite
from dgljoint.plugins.registry import PluginEntry
from dgljoint_cli.main import run
from toys import toy_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CascadeStore:
    return toy_store(tmp_path_factory.mktemp("toy") / "toy.h5")


def test_what_raises_in_anothers_backward_pass_is_named_itself(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when a third one looks at the gradients."""
    body = COUPLE + "return Representations(reps.shared, reps.cascade, Torn.apply(reps.rumor))"
    install(site, "Interaction", body, gradient="1 / 0")
    for number, weighter in enumerate(((), ("--plugin", "pcgrad"))):
        out = tmp_path / str(number)
        said = ends(
            capsys, 4, "train", store.path, "--out", out, *SMALL, "--plugin", "bad", *weighter
        )
        assert said.error.startswith(f"error: {NAMED} failed in Torn.backward: ZeroDivisionError")
        assert "hint: raised in Torn.backward, bad_module.py line " in said


def test_a_gradient_of_a_wrong_shape_names_all_whose_backward_pass_it_may_be(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    body = COUPLE + "return Representations(reps.shared, reps.cascade, Torn.apply(reps.rumor))"
    install(site, "Interaction", body, gradient="return gradient[:1]")
    said = ends(
        capsys, 4, "train", store.path, "--out", tmp_path / "a", *SMALL, "--plugin", "bad"
    )
    assert said.error.startswith("error: the backward pass failed: RuntimeError: ")
    assert "TornBackward returned an invalid gradient" in said.error
    assert NAMED in said.error


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("Encoder", FORWARD + "return x * float('nan')", "forward of"),
        (
            "Interaction", COUPLE + "return Representations(reps.shared, reps.cascade / 0, "
            "reps.rumor)", "couple of",
        ),
        (
            "Interaction", "def inform_rumor(self, reps, s, b): return reps.rumor.log().log()",
            "inform_rumor of",
        ),
        ("Interaction", losses("{'own': reps.rumor.sum() * float('inf')}"), "losses of"),
        (
            "LossWeighter", WEIGH + "return torch.full((len(losses.names),), float('nan'))",
            "backward of",
        ),
    ],
)
def test_values_that_are_no_numbers_end_with_5_and_name_their_plugin(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str],
    kind: str, body: str, message: str,
) -> None:
    use = install(site, kind, body)
    said = ends(capsys, 5, "train", store.path, "--out", tmp_path / "a", *SMALL, *use)
    assert "in epoch 1, step 1; cascades of the batch: " in said.error
    assert said.error.endswith(f"; it comes from {message} {NAMED}")


def test_who_is_given_what_is_no_number_is_not_blamed_for_giving_it_on() -> None:
    hosted = Hosted(PluginEntry("fair", "x", "1", "x"), Interaction())
    sick, well = torch.full((3, 2), float("nan")), torch.ones(3, 2)
    batch = SimpleNamespace(root=well)
    with refusing_not_finite():
        reps = Representations(well, sick, well)
        assert couple(hosted, reps, batch) is reps


def test_a_loss_without_gradient_is_told_of_once_and_trains_on(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "Interaction", losses("{'own': reps.rumor.detach().sum()}"))
    loud = [argument for argument in SMALL if argument != "-q"]
    assert run(["train", str(store.path), "--out", str(tmp_path / "a"), *loud, "--plugin", "bad",
                "--epochs", "2"]) == 0
    err = capsys.readouterr().err
    assert f"{NAMED}: its loss 'own' had no gradient in any step of epoch 1" in err
    assert err.count("had no gradient") == 1
