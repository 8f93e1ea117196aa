"""``python -m export``: the same as ``ngrt export``, from a clone."""

import sys

from ngrt.__main__ import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
