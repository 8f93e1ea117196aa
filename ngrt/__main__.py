"""``python -m ngrt`` and the ``ngrt`` command."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from ngrt.cli import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while Python was still loading
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
