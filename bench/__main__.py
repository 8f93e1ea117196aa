"""``python -m bench``: the same as ``ngrt bench``, from a clone."""

from ngrt.__main__ import main

if __name__ == "__main__":
    main(["bench"])
