"""How fast dgljoint is next to PyTorch Geometric and plain DGL, measured from a clone.

``python -m benchmarks.speed --help`` describes the suite and the comparison of two of its files;
docs/benchmark-speed.md describes what is measured. The other modules with a ``main`` are
micro-benchmarks, run the same way: ``python -m benchmarks.speed.threads DATA``. Nothing of this
is installed.

A speed file (``-o FILE``, ``--json``) holds::

    format      1
    machine     platform, processor, cores, threads, environment {NAME: text or null}
    versions    {python or package: text, null where it is not installed}
    settings    sections, rounds, cascades, batch, width, seed, reader: as given
    data        path, name, digest, cascades, posts, feature, words, classes; null where only
                preprocess was measured
    left_out    {row: why it is not measured}
    sections    {name: {"rows": {row: {"median_seconds": s, "ratio": r, "seconds": [s, ...]}}}}
                ratios are to the first row; preprocess also has source, reader,
                read {"posts": n, ...} and a_second {"posts": n, ...}
    scaling     empty, or both of
      batch     [{"batch": cascades, "rows": as above, of one epoch}, ...]
      posts     [{"posts": n,
                  "build": posts, seconds, posts_a_second, peak_megabytes, feature,
                  "train": training_posts, steps, steps_posts, seconds, seconds_a_million_posts,
                           seconds_an_epoch, seconds_to_be_ready, peak_megabytes}, ...]

Rows are in the order measured. ``seconds`` has one entry per round; for a quick function it is the
mean of the calls of a turn. Memory is the process's own, without mapped files.
"""
