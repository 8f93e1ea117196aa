"""``python -m export``: the same as ``ngrt export``, from a clone."""

import sys

from ngrt.cli.commands import run

if __name__ == "__main__":
    sys.exit(run(["export", *sys.argv[1:]]))
