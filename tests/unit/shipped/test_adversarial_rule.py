"""The adversarial loss teaches: a hidden rule of real graphs, from nothing but the opponent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from dgljoint.data.store import CascadeStore
from dgljoint.nn import CascadeBatch, Outputs, Representations, log_softmax_over_groups
from dgljoint_plugins.interactions.adversarial import AdversarialOptions
from dgljoint_plugins.interactions.adversarial.module import Adversarial
from toys import toy_batch, toy_cascade, write_store

COLOURS = 4


def coloured_cascade(number: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return the parents and colours of 12 posts, each attached to one of its own colour.

    Where there is none, to the source.
    """
    colour, parent = rng.integers(0, COLOURS, 12), [-1]
    for post in range(1, 12):
        alike = [earlier for earlier in range(post) if colour[earlier] == colour[post]]
        parent.append(int(rng.choice(alike or [0])))
    return parent, colour.tolist()


@pytest.mark.slow
def test_the_adversarial_loss_alone_finds_a_hidden_rule_and_leaves_the_star(
    tmp_path: Path,
) -> None:
    """A scorer that starts near the star, told of the real graphs by the discriminator only."""
    rng = np.random.default_rng(0)
    made = [coloured_cascade(number, rng) for number in range(64)]
    cascades = [toy_cascade(f"c{n}", parent) for n, (parent, _) in enumerate(made)]
    store = CascadeStore(write_store(tmp_path / "a.h5", cascades))
    batches = [toy_batch(store, range(64), seed=seed) for seed in range(5)]
    colour = torch.tensor([c for _, colours in made for c in colours])
    torch.manual_seed(0)
    of = Adversarial(AdversarialOptions(warmup=0, hidden=32), COLOURS + 1)
    affinity = nn.Parameter(torch.zeros(COLOURS, COLOURS))
    to_source = nn.Parameter(torch.tensor(0.6))
    # Equal rates and the betas of the engine.
    generator = torch.optim.Adam([affinity, to_source], lr=0.01)
    opponent = torch.optim.AdamW(of.opponent_parameters(), lr=0.01, betas=(0.5, 0.999))

    def look(batch: CascadeBatch) -> tuple[Representations, Outputs]:
        source = torch.zeros(len(colour), 1).index_fill(0, batch.root, 1)
        x = torch.cat((functional.one_hot(colour, COLOURS), source), dim=1)
        child, candidate = batch.pairs
        logits = affinity[colour[child], colour[candidate]] + to_source * source[candidate, 0]
        return Representations(x, x, x), Outputs(torch.empty(0), 5 * logits)

    def figures() -> tuple[float, float]:
        """The chance of the right colour where there is one, and the distance of the depths."""
        batch = batches[-1]
        reps, outputs = look(batch)
        share = log_softmax_over_groups(outputs.link_logits, batch.pair_group, batch.targets)
        alike = (colour[batch.pairs[0]] == colour[batch.pairs[1]]).float()
        per_target = torch.zeros(2, batch.targets).index_add(
            1, batch.pair_group, torch.stack((alike, alike * share.exp().detach()))
        )
        chance = per_target[1][per_target[0] > 0].mean().item()
        return chance, of.diagnostics(reps, outputs, batch)["depth_distance"].item()

    star = figures()
    for step in range(180):
        batch = batches[step % 4]
        reps, outputs = look(batch)
        generator.zero_grad()
        of.losses(reps, outputs, batch)["adversarial"].backward()
        generator.step()
        opponent.zero_grad()
        sum(of.opponent_losses(reps, outputs, batch).values()).backward()
        opponent.step()
    trained = figures()
    assert star[0] < 0.4
    assert star[1] > 0.4
    assert trained[0] > 0.85
    assert trained[1] < star[1] / 2
