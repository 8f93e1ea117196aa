"""``python -m ngrt`` and the ``ngrt`` command."""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, the process's own if not given, and exit with its code.

    A termination ends it like an interrupt, with 130 (`ngrt.ending`).
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup switches one off
            signal.signal(number, _leave)
    from ngrt import ending
    from ngrt.cli.commands import run
    from ngrt.cli.output import claim_standard_output

    claim_standard_output()
    with ending.minded():
        try:
            ending.finish(run(sys.argv[1:] if arguments is None else arguments))
        except KeyboardInterrupt:
            ending.finish(INTERRUPTED)


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: while Python is still loading there is nothing to clean up, and an import may swallow exceptions."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
