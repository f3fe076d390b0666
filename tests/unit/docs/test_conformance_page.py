"""The page on the conformance kit: its example is run, its failure is what is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dgljoint.nn import CascadeBatch, Interaction, Representations
from dgljoint.plugins.registry import installed_registry
from dgljoint.plugins.specs import EncoderSpec, ReaderSpec
from dgljoint.testing import (
    ConformanceError,
    check_interaction,
    encoder_checks,
    interaction_checks,
    loss_weighter_checks,
    reader_checks,
)

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


def block_after(marker: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, marker
    return found[1]


def test_the_example_passes(toy_batch: CascadeBatch) -> None:
    names: dict[str, object] = {}
    exec(compile(block_after("example"), str(PAGE), "exec"), names)  # noqa: S102  # our own page
    names["test_agreement_conforms"]()
    names["test_agreement_of_equal_views_is_that_of_the_map"](toy_batch)


class Mixing(Interaction):
    def couple(self, reps: Representations, batch: CascadeBatch) -> Representations:
        return replace(reps, rumor=reps.rumor + reps.cascade[batch.root].mean(0))


def test_the_failure_is_what_the_page_shows() -> None:
    with pytest.raises(ConformanceError) as raised:
        check_interaction(lambda context: Mixing())

    def without_figures(text: str) -> list[str]:
        return re.sub(r"\d+(\.\d+)?|Mixing|<lambda>", "", text).split()

    assert without_figures(str(raised.value)) == without_figures(block_after("failure"))


def test_every_check_is_on_the_page(tmp_path: Path) -> None:
    registry = installed_registry()
    spec = replace(registry.find(ReaderSpec, "jsonl"), recognises=lambda folder: True)
    checks = [
        *encoder_checks(registry.find(EncoderSpec, "gcn")),
        *interaction_checks(lambda context: Interaction()),
        *loss_weighter_checks(lambda context: None),
        *reader_checks(spec, tmp_path),
    ]
    text = " ".join(PAGE.read_text(encoding="utf-8").split()).replace("*", "")
    assert [check.name for check in checks if check.name not in text] == []
