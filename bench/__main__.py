"""``python -m bench``: the same as ``ngrt bench``, from a clone."""

import sys

from ngrt.__main__ import main

if __name__ == "__main__":
    main(["bench", *sys.argv[1:]])
