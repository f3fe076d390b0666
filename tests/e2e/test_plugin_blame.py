"""Who is named when what one plugin computed fails elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from broken_plugins import COUPLE, NAMED, WEIGH, install, losses
from commands import SMALL, ends
from conftest import Site
from dgljoint.data.store import CascadeStore
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


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("Interaction", losses("{'own': reps.rumor.sum() * float('inf')}"), "losses of"),
        (
            "LossWeighter", WEIGH + "return torch.full((len(losses.names),), float('nan'))",
            "backward of",
        ),
    ],
)
def test_losses_and_weights_that_are_not_finite_end_with_5_and_name_their_plugin(
    store: CascadeStore, tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str],
    kind: str, body: str, message: str,
) -> None:
    use = install(site, kind, body)
    said = ends(capsys, 5, "train", store.path, "--out", tmp_path / "a", *SMALL, *use)
    assert "in epoch 1, step 1; cascades of the batch: " in said.error
    assert said.error.endswith(f"; it comes from {message} {NAMED}")
