"""Measure that training takes as much memory for ten million posts as for a tenth of them.

    python benchmarks/train_scale.py
    python benchmarks/train_scale.py --posts 1000000 --steps 50

Builds two synthetic sets, trains so many steps of each in a fresh interpreter with a bound on the
posts of a batch (`--batch-posts`), and prints the peak of the memory that is the process's own: the
cascade file is mapped, and the system takes its pages back when it wants them. Fails when the large
set takes more than 1.2 times the small one's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from dgljoint_bench.timing import run_fresh

MEAN_POSTS = 30
CASCADES_AN_EVENT = 5
MOST_RATIO = 1.2

_BUILD = """
import json, sys
from pathlib import Path
from dgljoint_data.build import build_store
from dgljoint_data.synthetic import SyntheticOptions, SyntheticReader
cascades, events = map(int, sys.argv[1:3])
options = SyntheticOptions(cascades=cascades, events=events)
summary = build_store(SyntheticReader(options), reader_name="synthetic", source=None,
                      output=Path(sys.argv[3]), jobs=1)
print(json.dumps(summary.posts))
"""

_TRAIN = """
import json, re, sys, threading, time
from pathlib import Path
import dgljoint
data, out, steps, posts = sys.argv[1:5]
peak, done = 0, threading.Event()

def watch():
    global peak
    while not done.wait(0.02):
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(re.search(r"RssAnon:\\s+(\\d+) kB", status)[1]))

class Stop(dgljoint.Callback):
    left, seconds = int(steps), []
    def step(self, *event):
        self.seconds.append(time.perf_counter())
        self.left -= 1
        if not self.left:
            raise dgljoint.StopTraining

threading.Thread(target=watch, daemon=True).start()
started = time.perf_counter()
stop = Stop()
try:
    dgljoint.train(data, out=out, callbacks=[stop],
                   options={"train": {"batch": 100_000, "batch_posts": int(posts)}})
except dgljoint.DgljointError as error:
    if error.exit_code != 130:
        raise
done.set()
step = (stop.seconds[-1] - stop.seconds[0]) / (len(stop.seconds) - 1)
print(json.dumps([peak / 1000, step, stop.seconds[0] - started]))
"""


def main() -> int:
    """Run the benchmark; 1 when the bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=10_000_000, help="of the large set")
    parser.add_argument("--steps", type=int, default=100, help="to train, of each set")
    parser.add_argument("--batch-posts", type=int, default=8000, help="most posts a step")
    parser.add_argument("--data", type=Path, help="folder to keep the two sets in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.data) as scratch:
        place = arguments.data or Path(scratch)
        peaks = []
        for posts in (arguments.posts // 10, arguments.posts):
            file = place / f"{posts}.h5"
            if not file.exists():
                cascades = posts // MEAN_POSTS
                _child(_BUILD, cascades, cascades // CASCADES_AN_EVENT, file)
            out = Path(scratch) / f"run{posts}"
            peak, step, start = _child(
                _TRAIN, file, out, arguments.steps, arguments.batch_posts
            )
            peaks.append(peak)
            sys.stdout.write(
                f"{posts:>12,} posts: peak {peak:,.0f} MB, {step:.3f} s a step, first step after "
                f"{start:.1f} s\n"
            )
    ratio = peaks[1] / peaks[0]
    sys.stdout.write(f"ten times the posts take {ratio:.2f} times the memory\n")
    return int(ratio > MOST_RATIO)


def _child(code: str, *arguments: object) -> Any:
    return json.loads(run_fresh([sys.executable, "-c", code, *map(str, arguments)]).stdout)


if __name__ == "__main__":
    sys.exit(main())
