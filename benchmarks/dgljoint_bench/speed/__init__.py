"""How fast dgljoint is beside PyTorch Geometric and plain DGL: ``dgljoint benchmark speed``.

Like with like: the same cascades, the published BiGCN in each library, the same batches, one
thread, the same settings of the allocator; in one process and in turns
(:func:`dgljoint_bench.timing.interleave`), medians and ratios. From Python::

    from dgljoint_bench.speed import SpeedRequest, measure

    found = measure(SpeedRequest(sections=("batch", "epoch"), rounds=3), tell=print)
    print(found["sections"]["epoch"]["rows"]["plain DGL, sparse words"]["ratio"])

What is found, and what ``--format json`` and ``-o FILE`` write::

    format      1
    machine     platform, processor, cores, threads, environment {NAME: text or null}
    versions    {python or package: text, null where it is not installed}
    settings    sections, rounds, cascades, batch, width, seed, reader: as asked for
    data        path, name, digest, cascades, posts, feature, words, classes; null where only
                preprocess was measured
    left_out    {row: why it is not measured}
    sections    {name: {"rows": {row: {"median_seconds": s, "ratio": r, "seconds": [s, ...]}}}}
                the first row is what the others' ratios are to; preprocess has beside its rows
                source, reader, read {"posts": n, ...} and a_second {"posts": n, ...}
    scaling     empty, or both of
      batch     [{"batch": cascades, "rows": as above, of an epoch}, ...]
      posts     [{"posts": n,
                  "build": posts, seconds, posts_a_second, peak_megabytes, feature,
                  "train": training_posts, steps, steps_posts, seconds, seconds_a_million_posts,
                           seconds_an_epoch, seconds_to_be_ready, peak_megabytes}, ...]

Rows are in the order measured. ``seconds`` has an entry a round; of a quick function it is the mean
of the calls of a turn. Memory is what is the process's own, mapped files left out.
"""

from dgljoint_bench.speed.request import SpeedRequest
from dgljoint_bench.speed.suite import measure

__all__ = ["SpeedRequest", "measure"]
