"""Where targets' parents rank among all candidates: by the model, and by trivial guesses.

A thread of 100,000 posts has two billion pairs of a late post and an earlier one. They are scored
as tables of bounded size, and of each table only counts are kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgljoint.batch.batch import CascadeBatch
from dgljoint.evaluation.metrics import Floats, Index, ParentRanks
from dgljoint.tasks.heads import LinkScorer
from dgljoint.tasks.targets import Targets

Scores = NDArray[np.float32]

# Pairs that are scored at a time: half a megabyte of scores in float64, what a cache holds.
_MOST_PAIRS = 1 << 16
# Targets of a table that its candidates are worth gathering for.
_MOST_TARGETS = 128
# Small cascades share a table, though most of its pairs then count for nothing: one of its own
# would take longer to begin than to score.
_SHARED_PAIRS = 1 << 13


@dataclass(frozen=True, eq=False)
class ScoreBlock:
    """The scores of T targets, a stretch of all, with K consecutive posts."""

    targets: slice
    start: int  # the first of the posts
    scores: Tensor  # (T, K) float32; -inf where a post is no candidate of the target


def tables(scorer: LinkScorer, targets: Targets) -> Iterator[ScoreBlock]:
    """Score all pairs, table by table: stretch by stretch of targets, in order of the posts."""
    device = scorer.child.device
    for chosen in _stretches(targets):
        post, first, end = (
            torch.from_numpy(places[chosen]).to(device)
            for places in (targets.post, targets.first, targets.end)
        )
        lowest, last = int(targets.first[chosen][0]), int(targets.end[chosen][-1])
        # Between these every post is a candidate of every target.
        surely, surely_end = int(targets.first[chosen][-1]), int(targets.end[chosen].min())
        wide = max(1, _MOST_PAIRS // len(post))
        for start in range(lowest, last, wide):
            stop = min(start + wide, last)
            scores = scorer.table(post, start, stop)
            place = torch.arange(start, stop, device=device)
            before, after = max(surely - start, 0), max(surely_end - start, 0)
            scores[:, :before].masked_fill_(place[:before] < first.unsqueeze(1), float("-inf"))
            scores[:, after:].masked_fill_(place[after:] >= end.unsqueeze(1), float("-inf"))
            yield ScoreBlock(chosen, start, scores)


def rank_by_scores(scorer: LinkScorer, targets: Targets) -> ParentRanks:
    """Rank the parents of T targets by the scores of a link head."""
    device = scorer.child.device
    post, parent = (torch.from_numpy(x).to(device) for x in (targets.post, targets.parent))
    own = scorer.pairs(post, parent)
    above, tied, source = (torch.zeros_like(post) for _ in range(3))
    for table in tables(scorer, targets):
        chosen, scores = table.targets, table.scores
        mine = own[chosen]
        # A parent ties with itself once, whatever rounding does to the sums of a table.
        where = _entries(table, targets.parent)
        scores[where] = mine[where[0]]
        where = _entries(table, targets.first)
        source[chosen.start + where[0]] = torch.sign(scores[where] - mine[where[0]]).long()
        above[chosen] += (scores > mine.unsqueeze(1)).count_nonzero(dim=1)
        tied[chosen] += (scores == mine.unsqueeze(1)).count_nonzero(dim=1)
    return ParentRanks(
        above.cpu().numpy(), tied.cpu().numpy() - 1, targets.end - targets.first,
        source.cpu().numpy(),
    )


def _entries(table: ScoreBlock, posts: Index) -> tuple[Tensor, Tensor]:
    """Return row and column of each target's own entry of (T,) ``posts``, if the table has it."""
    place = posts[table.targets] - table.start
    inside = np.flatnonzero((place >= 0) & (place < table.scores.shape[1]))
    device = table.scores.device
    return torch.from_numpy(inside).to(device), torch.from_numpy(place[inside]).to(device)


def rank_by_values(values: Index, targets: Targets) -> ParentRanks:
    """Rank the parents of T targets by what every post is worth, whoever the target is.

    How many values of a range are larger than one of them is counted bit by bit of the values, as
    in a wavelet matrix (Claude & Navarro, 2012): a pass over posts and targets for each bit.
    ``values`` (N,) are integers; higher is likelier.
    """
    _, level = np.unique(values, return_inverse=True)
    mine, low, high = level[targets.parent], targets.first, targets.end
    source = np.sign(level[targets.first] - mine)
    above = np.zeros(len(targets), np.int64)
    for bit in reversed(range(int(level.max(initial=0)).bit_length())):
        ones = (level >> bit & 1).astype(np.bool_)
        before = np.concatenate(([0], np.cumsum(ones)))
        low_ones, high_ones = before[low], before[high]
        one = (mine >> bit & 1).astype(np.bool_)
        above += np.where(one, 0, high_ones - low_ones)
        # Posts with a 0 come first from here on, in their order, then those with a 1.
        zeros = len(level) - before[-1]
        low = np.where(one, zeros + low_ones, low - low_ones)
        high = np.where(one, zeros + high_ones, high - high_ones)
        level = np.concatenate((level[~ones], level[ones]))
    return ParentRanks(above, high - low - 1, targets.end - targets.first, source)


def best_candidates(
    scorer: LinkScorer, targets: Targets, most: int | None
) -> Iterator[tuple[int, Index, Floats]]:
    """Yield the place of every target, and its likeliest candidates: (K,) posts and their logits.

    Logits descend; of equal ones the earlier post comes first.
    """
    for start, group in groupby(tables(scorer, targets), lambda table: table.targets.start):
        row, post, score = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        stop = start
        for table in group:
            stop = table.targets.stop
            worst = _worst_kept(row, score, stop - start, most)
            new_row, new_post, new_score = _promising(table, worst, most)
            row, post = np.concatenate((row, new_row)), np.concatenate((post, new_post))
            score = np.concatenate((score, new_score))
            if most is not None:
                row, post, score = _sorted(row, post, score, most)
        row, post, score = _sorted(row, post, score, most)
        ends = np.searchsorted(row, np.arange(stop - start + 1))
        for place, (begin, end) in enumerate(pairwise(ends.tolist())):
            yield start + place, post[begin:end], score[begin:end].astype(np.float64)


def _worst_kept(row: Index, score: Scores, rows: int, most: int | None) -> Scores:
    """Return (T,) what a candidate must exceed to be kept: -inf where there is room."""
    worst = np.full(rows, -np.inf, np.float32)
    if most is not None:
        full = np.flatnonzero(np.bincount(row, minlength=rows) == most)
        worst[full] = score[np.searchsorted(row, full, side="right") - 1]
    return worst


def _promising(table: ScoreBlock, worst: Scores, most: int | None) -> tuple[Index, Index, Scores]:
    """Return rows, posts and scores of a table's entries that may be among the best ``most``."""
    scores = table.scores
    floor = torch.from_numpy(worst).to(scores.device).unsqueeze(1)
    if most is not None and most < scores.shape[1]:
        least = scores.topk(most, dim=1).values[:, -1:]
        kept = (scores > floor) & (scores >= least)
    else:
        kept = scores > floor
    row, place = kept.nonzero(as_tuple=True)
    found = scores[row, place].cpu().numpy()
    return row.cpu().numpy(), place.cpu().numpy() + table.start, found


def _sorted(
    row: Index, post: Index, score: Scores, most: int | None
) -> tuple[Index, Index, Scores]:
    """Sort by row, then score, then post; leave ``most`` of each row."""
    order = np.lexsort((post, -score, row))
    row, post, score = row[order], post[order], score[order]
    if most is None:
        return row, post, score
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = place < most
    return row[kept], post[kept], score[kept]


def _stretches(targets: Targets) -> Iterator[slice]:
    """Cut targets into the stretches of the tables: of one cascade, or of several small ones."""
    if not len(targets):
        return
    cuts = [0, *(np.flatnonzero(np.diff(targets.first)) + 1).tolist(), len(targets)]
    start = 0
    for begin, stop in pairwise(cuts):
        posts = targets.end[stop - 1] - targets.first[[start, begin]]
        shared, own = ((stop - np.array((start, begin))) * posts).tolist()
        if shared <= _SHARED_PAIRS:
            continue
        if start < begin:
            yield slice(start, begin)
        start = begin
        if own > _SHARED_PAIRS:
            for place in range(begin, stop, _MOST_TARGETS):
                yield slice(place, min(place + _MOST_TARGETS, stop))
            start = stop
    if start < len(targets):
        yield slice(start, len(targets))


def source(batch: CascadeBatch) -> Tensor:
    """Guess the source post. Returns (N,)."""
    return torch.zeros_like(batch.kind).index_fill(0, batch.root, 1)


def latest(batch: CascadeBatch) -> Tensor:
    """Guess the latest earlier post. Returns (N,)."""
    return torch.arange(len(batch.kind), device=batch.device)


def most_replied_to(batch: CascadeBatch) -> Tensor:
    """Guess the post with most observed children. Returns (N,)."""
    return batch.children


GUESSES: dict[str, Callable[[CascadeBatch], Tensor]] = {
    "source": source, "latest": latest, "most replied-to": most_replied_to
}
