"""``python -m bench``: the same as ``ngrt bench``, from a clone."""

import sys

from ngrt.cli.commands import run

if __name__ == "__main__":
    sys.exit(run(["bench", *sys.argv[1:]]))
