"""``python -m ngrt`` and the ``ngrt`` command."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code. A termination ends it like an interrupt: cleaned up, with 130."""
    signal.signal(signal.SIGINT, _leave)
    from ngrt.cli import run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: while Python is still loading there is nothing to clean up, and an import may swallow exceptions."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
