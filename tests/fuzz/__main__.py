"""``python -m tests.fuzz --count 10000 --seed 1``: fuzzes all that ngrt reads from files, and counts how it ended."""

import argparse
import sys
from pathlib import Path

from tests.fuzz.counting import fuzz, report

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="inputs, of all kinds together")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same inputs")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that did not end as they should")
    options = parser.parse_args()
    counts = fuzz(options.count, options.seed, options.keep)
    sys.stdout.write(report(counts))
    sys.exit(any(count[how] for count in counts.values() for how in ("crash", "hang", "memory")))
